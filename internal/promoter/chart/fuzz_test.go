package chart

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// FuzzEdit edits one scalar of any document and then asks Helm's YAML reader,
// which the editor does not use, whether only that scalar changed. It also checks that no
// comment is lost and that no byte outside of the scalar was replaced.
func FuzzEdit(f *testing.F) {
	for _, doc := range []string{
		"# c\nversion: 1.0.0 # d\ndependencies:\n- name: a\n  version: 1.0.0\n",
		"image: {tag: 'a', digest: \"\"}\nb: &x |\n  1\nc: *x\n",
		"\ufeffa:\r\n  b: >-\r\n    t\r\n\r\n    u\r\n",
		"a: !!int 1\nb: !!str\nc:\n- d\n- {e, f: }\n--- \nz\n", "? a\n: b\n", "a: x\n  y\n\n  z #q\n", "- [a, *b, &c d]\n",
		"a:\r\n- b: |2-\r\n     c\r\n    d # no comment\r\n  # a comment\r\n- 'it''s' # c\r\n", "{a: \"b\\\"\\\n  c\", \"d\": [1, ~, x y]} # e\n",
		"%YAML 1.1\n--- # head\na: !!str &x 1\nb: !!binary |\n  aGk=\nc: *x\n...\n---\na: 2\n", "a:\n  \"b\\tc\"\n  \nd: ''\ne: >+ # f\n  g\n\n\nh: i\n",
		"apiVersion: v2\nname: \u00fcber\u2028 # \u65e5\nversion: 0.1\ndescription: a: b\nkeywords:\n  - a\n  -   b\n", "a: {b: {c: [d, {e: f}]}}\n? [x]\n: y\n",
	} {
		for i := range uint(4) {
			f.Add(doc, i, "1.0.0-rc.1")
			f.Add(doc, i, "0123456")
		}
	}
	f.Fuzz(func(t *testing.T, doc string, pick uint, value string) {
		docs, err := documents([]byte(doc))
		if err != nil || len(docs) == 0 {
			return
		}
		paths := scalarPaths(docs[0].Content[0], "")
		if len(paths) == 0 {
			return
		}
		path := paths[pick%uint(len(paths))]
		out, err := Edit([]byte(doc), []Change{{path, value}})
		if err != nil {
			if !errors.Is(err, ErrNotYAML) && !errors.Is(err, ErrPathNotFound) && !errors.Is(err, ErrNotScalar) {
				t.Fatalf("untyped error %v", err)
			}
			if utf8.ValidString(value) && mustEdit(doc, path, docs) {
				t.Fatalf("rejected, although Helm reads it: %v", err)
			}
			return
		}
		if !changesOneValue(t, doc, string(out), path, value) {
			return
		}
		now, err := documents(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := comments(now), comments(docs); !sameComments(got, want, doc, string(out)) {
			t.Fatalf("comments changed: %q, were %q", got, want)
		}
		old, err := find(docs, path)
		if err != nil {
			t.Fatal(err)
		}
		onlyTheScalar(t, doc, string(out), path, old.value)
	})
}

// changesOneValue compares a document before and after the edit as Helm reads it. It returns false if Helm could not read it before.
func changesOneValue(t *testing.T, doc, out, path, value string) bool {
	t.Helper()
	var before, after any
	if sigsyaml.Unmarshal([]byte(doc), &before) != nil {
		return false
	}
	if err := sigsyaml.Unmarshal([]byte(out), &after); err != nil {
		t.Fatalf("Helm no longer reads it: %v", err)
	}
	if Lookup(after, path) != any(value) {
		t.Fatalf("%s is %v, not %q", path, Lookup(after, path), value)
	}
	if !strings.ContainsAny(doc, "&*") { // the aliases of an anchor change with it
		if got, want := blank(after, path), blank(before, path); !reflect.DeepEqual(got, want) {
			t.Fatalf("another value changed:\n%v\n%v", want, got)
		}
	}
	return true
}

// mustEdit reports whether Edit has no reason to reject: Helm reads the document, and finds the same value at path as the
// editor, not an empty list item. Anchors, aliases and tags may be a reason, and a block scalar in the first column, where
// YAML allows no other scalar. Another is a block scalar with # directly after its header, which the
// parser accepts although a comment needs white space before it (YAML 1.2, 8.1.1).
func mustEdit(doc, path string, docs []*yaml.Node) bool {
	p, err := find(docs, path)
	if err != nil {
		return false
	}
	read, err := readAsHelm([]byte(doc))
	if err != nil || strings.ContainsAny(doc, "&*!") || strings.Contains(doc, "<<") || p.value.Column == 1 {
		return false
	}
	if p.value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && headThenHash.MatchString(doc) {
		return false
	}
	switch at := Lookup(read, path).(type) {
	case nil, map[string]any, []any: // nil also for a key such as y, which Helm reads as true
		return false
	case string:
		return at == p.value.Value
	}
	return true
}

func scalarPaths(n *yaml.Node, prefix string) (paths []string) {
	switch n.Kind {
	case yaml.ScalarNode, yaml.AliasNode:
		if prefix != "" {
			paths = append(paths, prefix)
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			key := strings.NewReplacer(`\`, `\\`, `.`, `\.`, `[`, `\[`).Replace(n.Content[i].Value)
			if key == "" || n.Content[i].Kind != yaml.ScalarNode {
				continue
			}
			if prefix != "" {
				key = prefix + "." + key
			}
			paths = append(paths, scalarPaths(n.Content[i+1], key)...)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			paths = append(paths, scalarPaths(c, prefix+"["+strconv.Itoa(i)+"]")...)
		}
	}
	return paths
}

// blank is v without the value at path.
func blank(v any, path string) any {
	steps, _ := parsePath(path)
	parent := v
	for _, s := range steps[:len(steps)-1] {
		switch t := parent.(type) {
		case map[string]any:
			parent = t[s.key]
		case []any:
			parent = t[s.index]
		}
	}
	switch last := steps[len(steps)-1]; t := parent.(type) {
	case map[string]any:
		t[last.key] = nil
	case []any:
		t[last.index] = nil
	}
	return v
}

// comments returns all comment lines, sorted: the node that the parser attaches a comment to
// depends on blank lines.
func comments(nodes []*yaml.Node) (all []string) {
	for _, n := range nodes {
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			for line := range strings.Lines(c) {
				all = append(all, strings.TrimSpace(line))
			}
		}
		all = append(all, comments(n.Content)...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// sameComments reports whether the parser finds the same comments before and after. The parser loses some comments on lines
// of their own that follow each other with different indentation; such a comment is kept if the text has as many of its lines as before.
func sameComments(got, want []string, doc, out string) bool {
	lines := func(text, comment string) (n int) {
		for _, line := range anyLineBreak.Split(text, -1) {
			if strings.TrimSpace(line) == comment {
				n++
			}
		}
		return n
	}
	count := map[string]int{}
	for _, c := range want {
		count[c]++
	}
	for _, c := range got {
		count[c]--
	}
	for c, n := range count {
		if n != 0 && (lines(doc, c) == 0 || lines(doc, c) != lines(out, c)) {
			return false
		}
	}
	return true
}

// sentinel is a value that marks the position of the edit in the result.
const sentinel = "zzSENTINELzz"

// onlyTheScalar writes the sentinel at path and compares the text around it with the document: only the
// old scalar may be missing, no white space and no comment. It does not use the editor's positions.
func onlyTheScalar(t *testing.T, doc, out, path string, old *yaml.Node) {
	marked, err := Edit([]byte(doc), []Change{{path, sentinel}})
	if err != nil || strings.Contains(doc, sentinel) {
		return
	}
	before, after, _ := strings.Cut(string(marked), sentinel)
	if quote := strings.TrimRight(before, `"'`); len(quote) < len(before) {
		before, after = before[:len(before)-1], after[1:]
	}
	if out != doc && (!strings.HasPrefix(out, before) || !strings.HasSuffix(out, after)) {
		t.Fatalf("what is changed depends on the value: %q or %q", out, marked)
	}
	docs := []string{doc}
	if old.Style&yaml.TaggedStyle != 0 && old.ShortTag() != "!!str" {
		// The tag goes with the value, also from before an anchor.
		for i := range doc {
			if tag := aTag.FindString(doc[i:]); tag != "" {
				docs = append(docs, doc[:i]+doc[i+len(tag):], doc[:i]+doc[i+len(strings.TrimSpace(tag)):])
			}
		}
	}
	if !slices.ContainsFunc(docs, func(doc string) bool { return isReplaced(doc, before, after, old) }) {
		t.Fatalf("more than the value of %s changed: %q to %q", path, doc, marked)
	}
}

var (
	aTag         = regexp.MustCompile(`^![^ \t\r\n,\]}]*[ \t\r\n]*`)
	blockHead    = regexp.MustCompile(`^[|>][-+0-9]*`)
	headThenHash = regexp.MustCompile(`[|>][-+0-9]*#`)
	anyLineBreak = regexp.MustCompile("\r|\n|\u0085|\u2028|\u2029")
)

// yamlSpace is the white space of YAML 1.1, which treats other Unicode spaces as letters.
const yamlSpace = " \t\r\n\u0085\u2028\u2029"

// isReplaced reports whether doc is the concatenation of before, the scalar old, and after.
func isReplaced(doc, before, after string, old *yaml.Node) bool {
	const quoted, block = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle, yaml.LiteralStyle | yaml.FoldedStyle
	if old.Kind == yaml.ScalarNode && old.Value == "" && old.Style&(quoted|block) == 0 {
		// There was no value; a space, or a colon and a space, came with the new one.
		return doc == before+after || doc+" " == before+after || slices.ContainsFunc([]string{" ", ": "}, func(added string) bool {
			head, ok := strings.CutSuffix(before, added)
			return ok && doc == head+after
		})
	}
	text, ok := strings.CutPrefix(doc, before)
	if !ok {
		return false
	}
	if old.Kind == yaml.ScalarNode && old.Style&block != 0 {
		// A comment beside the indicator stays; the lines of text are removed.
		head := blockHead.FindString(text)
		rest := after
		if at := anyLineBreak.FindStringIndex(after); at != nil {
			rest = after[:at[0]]
		}
		if text, ok = strings.CutPrefix(text[len(head):], rest); !ok || head == "" {
			return false
		}
		after = after[len(rest):]
	}
	if text, ok = strings.CutSuffix(text, after); !ok {
		return false
	}
	switch {
	case old.Kind == yaml.AliasNode:
		return text == "*"+old.Value
	case old.Style&block != 0:
		// Blank lines after the text stay. Spaces at the end of its last line belong to it.
		lines := anyLineBreak.Split(text, -1)
		last := lines[len(lines)-1]
		return (text == "" || strings.Trim(last, yamlSpace) != "") && slices.Equal(strings.Fields(text), strings.Fields(old.Value))
	case old.Style&quoted != 0:
		var alone []string
		err := yaml.Unmarshal([]byte("["+text+"\n]"), &alone)
		return err == nil && len(alone) == 1 && alone[0] == old.Value && strings.ContainsAny(text[:1], `"'`) && text[0] == text[len(text)-1]
	}
	return strings.Trim(text, yamlSpace) == text && slices.Equal(strings.Fields(text), strings.Fields(old.Value))
}

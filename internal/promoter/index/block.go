package index

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	errNotPlain     = failure.New(failure.Internal, "it is not in block style")
	errNoAPIVersion = failure.New(failure.Internal, "it has no apiVersion")
)

// blockForm is an index in indented blocks, as Helm writes it.
type blockForm struct {
	head    []byte // the text before the line entries:
	entries []byte // that line, with comments that follow it
	tail    []byte
	names   int    // column of the charts' names
	whole   []byte // the file
}

// parseBlock finds the entries by indentation. Anything that makes indentation
// unreliable (anchors, brackets over several lines, tabs, …) is errNotPlain.
func parseBlock(index []byte) (*file, error) {
	if !utf8.Valid(index) || bytes.Count(index, []byte("\r")) != bytes.Count(index, []byte("\r\n")) || hasOtherBreaks(index) {
		return nil, errNotPlain
	}
	f := &blockForm{names: 2, whole: index}
	b := blockReader{index: index, form: f, file: &file{form: f}, keys: map[string]bool{}, part: &f.head}
	// The text of a large index is not copied: nothing changes its bytes, and what is read lives as long as they do.
	for s := (scanner{text: unsafe.String(unsafe.SliceData(index), len(index))}); ; {
		l, err := s.next()
		if err == nil && l.text != "" {
			err = b.line(l)
		}
		if err != nil {
			return nil, err
		}
		if l.text == "" {
			break
		}
	}
	if !b.keys["apiVersion"] {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, errNoAPIVersion)
	}
	if !b.keys["entries"] {
		f.entries = []byte("entries:" + f.lineEnd())
	}
	for _, c := range b.file.charts {
		c.wasEmpty = len(c.items) == 0
		for i := range c.items {
			c.items[i] = newItem(c.items[i].raw, c.items[i].version, c.items[i].digest)
		}
	}
	return b.file, nil
}

// hasOtherBreaks reports whether there are characters that end a line in YAML only.
func hasOtherBreaks(index []byte) bool {
	for _, c := range []string{"\u0085", "\u2028", "\u2029", "\ufeff"} {
		if bytes.Contains(index, []byte(c)) {
			return true
		}
	}
	return false
}

// blockReader assigns each line to a part of the file.
type blockReader struct {
	index  []byte
	form   *blockForm
	file   *file
	keys   map[string]bool // top-level keys so far, and charts with a slash before
	within bool            // below entries:
	part   *[]byte         // the part that lines belong to, a piece of index
	begin  int             // where that begins
	key    int             // column of the present entry's keys
}

func (b *blockReader) line(l line) (err error) {
	switch {
	case l.blank:
	case l.indent == 0 && !l.dash:
		err = b.topLevel(l)
	case b.within:
		err = b.entry(l)
	}
	end := l.begin + len(l.text)
	*b.part = b.index[b.begin:end:end]
	return err
}

func (b *blockReader) into(part *[]byte, l line) {
	if b.part != part {
		b.part, b.begin = part, l.begin
	}
}

func (b *blockReader) topLevel(l line) error {
	if !l.hasKey || b.keys[l.key] {
		return errNotPlain // the YAML parser then reports the error
	}
	b.keys[l.key] = true
	switch {
	case l.key == "entries" && (l.value != "" && l.value != "{}" || l.text[0] != 'e'):
		return errNotPlain
	case l.key == "entries":
		b.within = l.value == ""
		b.into(&b.form.entries, l)
	case b.keys["entries"]:
		b.within = false
		b.into(&b.form.tail, l)
	}
	return nil
}

// entry reads a line below entries:, which begins a chart or a version, or
// is a field of the present version.
func (b *blockReader) entry(l line) error {
	charts := b.file.charts
	if len(charts) == 0 {
		b.form.names = l.indent
	}
	switch {
	case l.indent < b.form.names || len(charts) == 0 && l.dash:
		return errNotPlain
	case l.indent == b.form.names && !l.dash:
		if !l.hasKey || l.value != "" && l.value != "[]" || b.keys["/"+l.key] {
			return errNotPlain
		}
		b.keys["/"+l.key] = true
		c := &chartEntries{name: l.key, dash: -1}
		b.file.charts = append(charts, c)
		b.into(&c.head, l)
		return nil
	}
	c := charts[len(charts)-1]
	if len(c.items) == 0 && l.dash {
		c.dash = l.indent
	}
	switch {
	case l.dash && l.indent == c.dash && l.hasKey:
		if len(c.items) == cap(c.items) {
			c.items = slices.Grow(c.items, max(16, len(c.items))) // append grows large slices in small steps, each a copy
		}
		c.items = append(c.items, item{})
		b.key = l.keyColumn
	case len(c.items) == 0 || l.indent < b.key:
		return errNotPlain
	}
	i := &c.items[len(c.items)-1]
	b.into(&i.raw, l)
	if l.hasKey && l.keyColumn == b.key {
		switch l.key {
		case "version":
			i.version = scalar(l.value)
		case "digest":
			i.digest = scalar(l.value)
		}
	}
	return nil
}

// scalar parses a value that is a scalar.
func scalar(text string) string {
	if n := len(text) - 1; n > 0 && (text[0] == '"' || text[0] == '\'') && text[n] == text[0] && !strings.ContainsAny(text[1:n], "\"'\\\n") {
		return text[1:n]
	}
	if !strings.ContainsAny(text, "\"'#\n&*!|>") {
		return strings.TrimSpace(text)
	}
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 {
		return ""
	}
	return n.Content[0].Value
}

func (f *blockForm) lineEnd() string {
	if bytes.Contains(f.head, []byte("\r\n")) || bytes.Contains(f.entries, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

func (f *blockForm) encode(e Entry, c *chartEntries) ([]byte, error) {
	text, err := sigsyaml.Marshal(e)
	if err != nil {
		return nil, err
	}
	dash := f.names
	if len(c.items) > 0 {
		dash = c.dash
	}
	var out bytes.Buffer
	lead := strings.Repeat(" ", dash) + "- "
	for l := range strings.Lines(string(text)) {
		out.WriteString(lead + strings.TrimSuffix(l, "\n") + f.lineEnd())
		lead = strings.Repeat(" ", dash+2)
	}
	return out.Bytes(), nil
}

func (f *blockForm) decode(raw []byte) (*Entry, error) {
	var one []Entry
	if err := sigsyaml.Unmarshal(raw, &one); err != nil {
		return nil, err
	}
	if len(one) != 1 || one[0].Metadata == nil {
		return nil, errors.New("the entry cannot be parsed on its own")
	}
	return &one[0], nil
}

var (
	generated = regexp.MustCompile(`(?m)^generated: *["']?([^"'\r\n]*)["']?`)
	emptyMap  = regexp.MustCompile(`^(entries:) *\{\}`)
	emptyList = regexp.MustCompile(`^( *[^ ]+:) *\[\]`)
)

func (f *blockForm) touch(t time.Time) {
	for _, part := range []*[]byte{&f.head, &f.tail} {
		m := generated.FindSubmatchIndex(*part)
		if m == nil {
			continue
		}
		if old, err := time.Parse(time.RFC3339Nano, string((*part)[m[2]:m[3]])); err == nil && t.After(old) {
			*part = append(append(append([]byte{}, (*part)[:m[0]]...), fmt.Sprintf("generated: %q", t.Format(time.RFC3339Nano))...), (*part)[m[1]:]...)
		}
	}
}

func (f *blockForm) print(charts []*chartEntries) Text {
	empty := true
	for _, c := range charts {
		switch {
		case len(c.items) == 0 && !c.wasEmpty:
			continue
		case c.head == nil:
			name, _ := sigsyaml.Marshal(c.name)
			c.head = []byte(strings.Repeat(" ", f.names) + strings.TrimSpace(string(name)) + ":" + f.lineEnd())
		case len(c.items) > 0 && c.wasEmpty:
			c.head = emptyList.ReplaceAll(c.head, []byte("$1"))
		}
		empty = false
	}
	entries := emptyMap.ReplaceAll(f.entries, []byte("$1"))
	if empty {
		entries = bytes.Replace(entries, []byte("entries:"), []byte("entries: {}"), 1)
	}
	text := joined{whole: f.whole, lineEnd: []byte(f.lineEnd())}
	text.add(f.head)
	text.add(entries)
	for _, c := range charts {
		if len(c.items) == 0 && !c.wasEmpty {
			continue
		}
		text.add(c.head)
		for _, i := range c.items {
			text.add(i.raw)
		}
	}
	text.add(f.tail)
	return text.Text
}

package chart

import (
	"errors"
	"strings"
	"testing"
)

func TestEdit(t *testing.T) { //nolint:funlen // a table
	tag := func(v string) []Change { return []Change{{"image.tag", v}} }
	cases := map[string]struct {
		doc     string
		changes []Change
		want    string
	}{
		"comments and order stay": {
			"# head\nz: 1\nimage:   # the image\n    tag:   0.9    # keep me\n    a: 2\n\n\n# tail\n", tag("1.0.0-rc.1"),
			"# head\nz: 1\nimage:   # the image\n    tag:   1.0.0-rc.1    # keep me\n    a: 2\n\n\n# tail\n"},
		"versions of dependencies stay": {
			"apiVersion: v2\nname: a\nversion: 0.9.0\ndependencies:\n- name: redis\n  version: 0.9.0\nkubeVersion: \">=1.20\"\nappVersion: 0.9.0\n",
			[]Change{{"version", "1.0.0"}, {"appVersion", "v1.0"}},
			"apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- name: redis\n  version: 0.9.0\nkubeVersion: \">=1.20\"\nappVersion: v1.0\n"},
		"a short hash of digits is quoted":          {"image: {tag: abc}", tag("1234567"), `image: {tag: "1234567"}`},
		"a short hash like 12e4567 is quoted":       {"image:\n  tag: abc\n", tag("12e4567"), "image:\n  tag: \"12e4567\"\n"},
		"a version of two numbers is quoted":        {"image:\n  tag: abc\n", tag("0.9"), "image:\n  tag: \"0.9\"\n"},
		"single quotes stay":                        {"image:\n  tag: 'it''s' # c\n", tag("x'y"), "image:\n  tag: 'x''y' # c\n"},
		"double quotes stay":                        {"image:\n  tag: \"a\\\"b\" # c\n", tag(`a"\c`), "image:\n  tag: \"a\\\"\\\\c\" # c\n"},
		"an empty string is filled":                 {"image:\n  tag: \"\"\n", tag("sha256:ab"), "image:\n  tag: \"sha256:ab\"\n"},
		"a digest needs no quotes in a block":       {"image:\n  tag: a\n", tag("sha256:ab"), "image:\n  tag: sha256:ab\n"},
		"a digest is quoted between braces":         {"image: {tag: a}", tag("sha256:ab"), `image: {tag: "sha256:ab"}`},
		"a key without a value gets one":            {"image:\n  tag:\n  a: 1\n", tag("b"), "image:\n  tag: b\n  a: 1\n"},
		"a key with a comment only gets a value":    {"image:\n  tag: # none yet\n  a: 1\n", tag("b"), "image:\n  tag: b # none yet\n  a: 1\n"},
		"a key without a value at the end":          {"image:\n  tag:", tag("b"), "image:\n  tag: b"},
		"an empty value between braces":             {"image: {tag: , a: 1}", tag("b"), "image: {tag: b , a: 1}"},
		"a key alone between braces":                {"image: {tag, a: 1}", tag("b"), "image: {tag: b, a: 1}"},
		"a quoted key":                              {"image: {\"tag\":1}", tag("b"), "image: {\"tag\":b}"},
		"null becomes a value":                      {"image:\n  tag: ~\n", tag("b"), "image:\n  tag: b\n"},
		"Windows line ends stay":                    {"image:\r\n  tag: a\r\n  b: 1\r\n", tag("c"), "image:\r\n  tag: c\r\n  b: 1\r\n"},
		"a byte order mark stays":                   {"\ufeffimage: {tag: a}\n", tag("c"), "\ufeffimage: {tag: c}\n"},
		"a byte order mark before the very value":   {"\ufeffversion: a\n", []Change{{"version", "b"}}, "\ufeffversion: b\n"},
		"letters of several bytes before the value": {"{ü€😀: 1, image: {tag: é}}", tag("c"), "{ü€😀: 1, image: {tag: c}}"},
		"strange line ends are counted":             {"a: \"x\u2028  y\u0085z\"\nimage:\n  tag: é\n", tag("c"), "a: \"x\u2028  y\u0085z\"\nimage:\n  tag: c\n"},
		"an anchor stays and its aliases follow":    {"image:\n  tag: &t 'a'\nother: *t\n", tag("c"), "image:\n  tag: &t 'c'\nother: *t\n"},
		"an alias is replaced alone":                {"v: &t a\nimage:\n  tag: *t\n", tag("c"), "v: &t a\nimage:\n  tag: c\n"},
		"an anchor without a value":                 {"image:\n  tag: &t\n  b: *t\n", tag("c"), "image:\n  tag: &t c\n  b: *t\n"},
		"a string tag stays":                        {"image:\n  tag: !!str 1\n", tag("c"), "image:\n  tag: !!str c\n"},
		"a number tag goes":                         {"image:\n  tag: !!int 1 # n\n", tag("c"), "image:\n  tag: c # n\n"},
		"a comment after an anchor":                 {"image:\n  tag: &t # pinned\n    a\n  b: *t\n", tag("c"), "image:\n  tag: &t # pinned\n    c\n  b: *t\n"},
		"a comment after a string tag":              {"image:\n  tag: !!str # c\n    1\n", tag("c"), "image:\n  tag: !!str # c\n    c\n"},
		"a comment after a number tag":              {"image:\n  tag: !!int # n\n    1 # m\n", tag("c"), "image:\n  tag: # n\n    c # m\n"},
		"comments after an anchor and a tag":        {"image:\n  tag: &t # é\n    !!int # n\n    # o\n\n    1\n  b: 1\n", tag("c"), "image:\n  tag: &t # é\n    # n\n    # o\n\n    c\n  b: 1\n"},
		"a comment after an anchor alone":           {"image:\n  tag: &t # none yet\n  b: *t\n", tag("c"), "image:\n  tag: &t c # none yet\n  b: *t\n"},
		"a comment after a tag between braces":      {"image: {tag: !!int # n\n  1, b: 1}\n", tag("c"), "image: {tag: # n\n  c, b: 1}\n"},
		"a quoted value after a comment":            {"image:\n  tag: !!str # c\r\n    'a' # d\n", tag("c"), "image:\n  tag: !!str # c\r\n    'c' # d\n"},
		"a block scalar becomes one line":           {"image:\n  tag: |\n    a\n\n    b\n  c: 1\n", tag("x"), "image:\n  tag: x\n  c: 1\n"},
		"a block scalar's comment stays":            {"image:\n  tag: >- # why\n\n    a\n   \n  # about c\n  c: 1\n", tag("x"), "image:\n  tag: x # why\n   \n  # about c\n  c: 1\n"},
		"a block scalar with an indent and no end":  {"image:\n  tag: |2-\n      a\n    b", tag("x"), "image:\n  tag: x"},
		"a plain value over several lines":          {"image:\n  tag: a\n    b\n\n    c   # no\n  d: 1\n", tag("x"), "image:\n  tag: x   # no\n  d: 1\n"},
		"a quoted value over several lines":         {"image:\n  tag: \"a\n    b\"\n  d: 1\n", tag("x"), "image:\n  tag: \"x\"\n  d: 1\n"},
		"only the first document":                   {"---\nimage: {tag: a}\n---\nimage: {tag: a}\n...\n", tag("b"), "---\nimage: {tag: b}\n---\nimage: {tag: a}\n...\n"},
		"a list item":                               {"c:\n- image: a\n- image: b # x\n", []Change{{"c[1].image", "d"}}, "c:\n- image: a\n- image: d # x\n"},
		"digits between brackets are quoted":        {"tags: [abc, 2] # x\n", []Change{{"tags[0]", "1234567"}}, "tags: [\"1234567\", 2] # x\n"},
		"a version and that of a dependency": {
			"name: a\nversion: 0.1.0\ndependencies:\n- name: b # version\n  version: 0.1.0 # of b\n- {name: c, version: 0.1.0}\n",
			[]Change{{"version", "1.0.0"}, {"dependencies[0].version", "1.0.0"}},
			"name: a\nversion: 1.0.0\ndependencies:\n- name: b # version\n  version: 1.0.0 # of b\n- {name: c, version: 0.1.0}\n"},
		"an escaped dot in a key":                   {"annotations:\n  example.com/x: a\n", []Change{{`annotations.example\.com/x`, "d"}}, "annotations:\n  example.com/x: d\n"},
		"of two equal keys the one that Helm reads": {"a: 1\nb: 2\na: 3\n", []Change{{"a", "d"}}, "a: 1\nb: 2\na: d\n"},
		"of two ways to write one key the last":     {"0: a\n00: b\n", []Change{{"0", "d"}}, "0: a\n00: d\n"},
		"a key that is true to Helm":                {"on: a # b\n", []Change{{"true", "d"}}, "on: d # b\n"},
		"a space that is none to YAML":              {"image:\n  tag: \u2002 # c\n", tag("b"), "image:\n  tag: b # c\n"},
		"a value with such spaces about it":         {"image: {tag: \u00a0a\u3000, b: 1}", tag("b"), "image: {tag: b, b: 1}"},
		"a value that is correct already":           {"image:\n  tag: 'a'\n", tag("a"), "image:\n  tag: 'a'\n"},
		"a word that is true or false to Helm":      {"image:\n  tag: on # c\n", tag("on"), "image:\n  tag: \"on\" # c\n"},
		"a number that must be a string":            {"image:\n  tag: 0.10\n", tag("0.10"), "image:\n  tag: \"0.10\"\n"},
		"control characters and line ends":          {"image:\n  tag: 'a'\n", tag("a\n\x07é😀"), "image:\n  tag: \"a\\n\\u0007é😀\"\n"},
		"an explicit key":                           {"? image\n: tag: |\n    x\n  b: 1\n", tag("v1"), "? image\n: tag: v1\n  b: 1\n"},
		"no change at all":                          {"a:    [1,2]   # x", nil, "a:    [1,2]   # x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Edit([]byte(c.doc), c.changes)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}

func TestEditKeepsEveryOtherByteOfAFileWithEveryKindOfLine(t *testing.T) {
	text := "# head\r\nz: 1   # last first\n\nx: [b,  a] # flow\nimage:\n    # the tag\n    tag:  'OLD'   # keep\n    b: |\n      tag: OLD\n\n    a: &v \"OLD\"\nversions: {version: OLD , other: *v}\n# tail, no end"
	got, err := Edit([]byte(text), []Change{{"image.tag", "1.0.0"}, {"versions.version", "1.0.0"}})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(strings.Replace(text, "'OLD'", "'1.0.0'", 1), "{version: OLD", "{version: 1.0.0", 1)
	if string(got) != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestEditRejects(t *testing.T) {
	cases := map[string]struct {
		doc, path string
		want      error
		mention   string
	}{
		"a path that does not exist":       {"image: {}", "image.tag", ErrPathNotFound, "image.tag"},
		"a path through a scalar":          {"image: a", "image.tag", ErrPathNotFound, ""},
		"an empty document":                {"", "image", ErrPathNotFound, ""},
		"an index past the end":            {"a: [1]", "a[1]", ErrPathNotFound, ""},
		"a mapping":                        {"image: {tag: a}", "image", ErrNotScalar, ""},
		"a number and a text, both a key":  {"0: a\n\"0\": b\n", "0", ErrNotYAML, "keep one"},
		"two numbers that are one text":    {"0: a\n0e0: b\n", "0", ErrNotYAML, "keep one"},
		"one key merged in as a number":    {"a: &x {0: b}\nd:\n  <<: *x\n  \"0\": c\n", "d.0", ErrNotYAML, "keep one"},
		"a key twice in another place":     {"a: 1\nb:\n- true: c\n  \"true\": d\n", "a", ErrNotYAML, "the key true exists twice"},
		"an alias of a mapping":            {"a: &x {b: c}\nd: *x", "d", ErrNotScalar, ""},
		"a path through an alias":          {"a: &x {b: c}\nd: *x", "d.b", ErrPathNotFound, "alias"},
		"a key that is only merged in":     {"a: &x {b: c}\nd: {<<: *x}", "d.b", ErrPathNotFound, ""},
		"a merge that wins over the value": {"a: &x {b: c}\nd:\n  b: e\n  <<: *x\n", "d.b", ErrNotYAML, "Helm would read"},
		"no YAML":                          {"a: [", "a", ErrNotYAML, ""},
		"UTF-16":                           {"\xff\xfea\x00:\x00", "a", ErrNotYAML, "UTF-8"},
		"an empty path":                    {"a: 1", "", ErrPathNotFound, "use a path such as"},
		"a path that ends in a dot":        {"a: 1", "a.", ErrPathNotFound, "use a path such as"},
		"an empty item":                    {"a:\n-\n- b\n", "a[0]", ErrNotYAML, "empty list item"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := Edit([]byte(c.doc), []Change{{c.path, "new"}})
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v and %q, want %v", err, out, c.want)
			}
			if !strings.Contains(err.Error(), c.mention) {
				t.Errorf("%q does not mention %q", err, c.mention)
			}
		})
	}
	if _, err := Edit([]byte("a: 1"), []Change{{"a", "\xff"}}); !errors.Is(err, ErrNotYAML) {
		t.Errorf("a value that is not UTF-8: %v", err)
	}
	if _, err := Edit([]byte("a: 1"), []Change{{"a", "x"}, {"a", "y"}}); !errors.Is(err, ErrNotYAML) {
		t.Errorf("two values for one path: %v", err)
	}
}

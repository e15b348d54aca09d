package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Change sets the scalar at Path to a new value.
type Change struct {
	// Path is a dotted path from the document's root, as for helm --set:
	// "image.tag", "containers[0].image", "annotations.example\.com/x".
	Path string
	// Value is the string that a reader of the document gets at Path.
	Value string
}

// Errors of Edit; test for them with errors.Is.
var (
	ErrPathNotFound = failure.New(failure.BadInput, "no such value")
	ErrNotScalar    = failure.New(failure.BadInput, "a mapping or a list, not a single value")
	ErrNotYAML      = failure.New(failure.BadInput, "not YAML that can be edited")
)

// Edit changes the bytes of the named scalars in the first document of doc (the
// one that Helm reads) and no other byte. A scalar that already has its new value
// is left alone. Quotes are kept, and added where the value would
// otherwise not be read as this string. If a value defines an
// anchor, its aliases change with it; if it is an alias, only the alias
// is replaced.
//
// The result is parsed again before it is returned: if another value than the
// named scalars changed, or Helm would not read the new values, the
// error is ErrNotYAML. Other errors: ErrPathNotFound, ErrNotScalar.
func Edit(doc []byte, changes []Change) ([]byte, error) {
	before, err := documents(doc)
	if err != nil {
		return nil, err
	}
	// A document that Helm cannot parse at all is rejected by check.
	helm, err := readAsHelm(doc)
	if ambiguous := errAmbiguousKey(""); errors.As(err, &ambiguous) {
		return nil, err
	}
	src := newSource(doc)
	wanted := map[*yaml.Node]string{}
	var splices []splice
	for _, c := range changes {
		if !utf8.ValidString(c.Value) {
			return nil, fmt.Errorf("the value for %s is not UTF-8: %w", c.Path, ErrNotYAML)
		}
		place, err := find(before, c.Path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Path, err)
		}
		if old, ok := wanted[place.value]; ok && old != c.Value {
			return nil, fmt.Errorf("%s is set twice: %w", c.Path, ErrNotYAML)
		}
		if _, ok := wanted[place.value]; ok || place.reads(c.Value) && Lookup(helm, c.Path) == any(c.Value) {
			continue
		}
		wanted[place.value] = c.Value
		s, err := src.replace(place, c.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Path, err)
		}
		splices = append(splices, s...)
	}
	out, err := apply(doc, splices)
	if err != nil {
		return nil, err
	}
	return out, check(before, out, wanted, changes)
}

// Settable returns nil if Edit can change the scalar at a path, and otherwise the error of Edit.
func Settable(doc []byte, path string) error {
	docs, err := documents(doc)
	if err != nil {
		return err
	}
	if _, err := find(docs, path); err != nil {
		return err
	}
	_, err = readAsHelm(doc)
	return err
}

// splice replaces doc[start:end].
type splice struct {
	start, end int
	text       string
}

func apply(doc []byte, splices []splice) ([]byte, error) {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, s := range splices {
		if s.start < at {
			return nil, fmt.Errorf("two fields overlap: %w", ErrNotYAML)
		}
		out.Write(doc[at:s.start])
		out.WriteString(s.text)
		at = s.end
	}
	out.Write(doc[at:])
	return out.Bytes(), nil
}

func documents(doc []byte) (docs []*yaml.Node, err error) {
	if bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("the file is UTF-16: save it as UTF-8: %w", ErrNotYAML)
	}
	// The parser panics on a few malformed inputs instead of returning an error.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: %w", r, ErrNotYAML)
		}
	}()
	for d := yaml.NewDecoder(bytes.NewReader(doc)); ; {
		var n yaml.Node
		switch err := d.Decode(&n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrNotYAML, err)
		}
		docs = append(docs, &n)
	}
}

// check parses the result both as the editor did and as Helm does. The parser is known to
// report wrong positions of scalars, and a wrong edit must not get into a repository.
func check(before []*yaml.Node, out []byte, wanted map[*yaml.Node]string, changes []Change) error {
	after, err := documents(out)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(before, after, func(a, b *yaml.Node) bool { return same(a, b, wanted) }) {
		return fmt.Errorf("the edit would change other values too: %w", ErrNotYAML)
	}
	if len(changes) == 0 {
		return nil
	}
	read, err := readAsHelm(out)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if got := Lookup(read, c.Path); got != any(c.Value) {
			return fmt.Errorf("Helm would read %s as %v, not as %q: %w", c.Path, got, c.Value, ErrNotYAML)
		}
	}
	return nil
}

// same reports whether two trees are equal apart from the changes.
func same(a, b *yaml.Node, wanted map[*yaml.Node]string) bool {
	if value, ok := wanted[a]; ok {
		return b.Kind == yaml.ScalarNode && b.Value == value && b.ShortTag() == "!!str" && (a.Anchor == b.Anchor || a.Kind == yaml.AliasNode)
	}
	if a.Kind == yaml.AliasNode { // its tag is that of its anchor, which may be changed
		return b.Kind == yaml.AliasNode && a.Value == b.Value
	}
	return a.Kind == b.Kind && a.Value == b.Value && a.ShortTag() == b.ShortTag() && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, func(x, y *yaml.Node) bool { return same(x, y, wanted) })
}

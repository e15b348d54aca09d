package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// file is a parsed index, in parts that can be added and removed.
type file struct {
	form   form
	charts []*chartEntries
}

// form is the format of an index: plain YAML or JSON.
type form interface {
	// encode writes an entry in the form of its chart's other entries.
	encode(e Entry, c *chartEntries) ([]byte, error)
	decode(raw []byte) (*Entry, error)
	// touch moves the index's own time forward.
	touch(t time.Time)
	print(charts []*chartEntries) Text
}

// chartEntries are the versions of one chart.
type chartEntries struct {
	name  string
	items []item // as they stand in the file
	// wasEmpty means that the file has the chart without any version.
	wasEmpty bool
	head     []byte // YAML only: the text before the first version
	dash     int    // YAML only: the column of the versions' hyphens
}

// item is one version of a chart, its bytes and what is needed to find it.
type item struct {
	raw             []byte
	version, digest string
	order           order
}

func newItem(raw []byte, version, digest string) item {
	return item{raw, version, digest, newOrder(version)}
}

// sum is the digest in hex digits, without the name of the algorithm.
func (i item) sum() string { return strings.ToLower(strings.TrimPrefix(i.digest, "sha256:")) }

func newestFirst(a, b item) int { return b.order.compare(a.order) }

// add adds a version before those of the same order, and sorts the others if they are not.
func (c *chartEntries) add(i item) {
	at, sorted := 0, slices.IsSortedFunc(c.items, newestFirst)
	if sorted {
		at, _ = slices.BinarySearchFunc(c.items, i, newestFirst)
	}
	c.items = slices.Insert(c.items, at, i)
	if !sorted {
		slices.SortStableFunc(c.items, newestFirst)
	}
}

// chart finds a chart, or inserts it in the order of names.
func (f *file) chart(name string) *chartEntries {
	for _, c := range f.charts {
		if c.name == name {
			return c
		}
	}
	c := &chartEntries{name: name}
	at := len(f.charts)
	for i, other := range f.charts {
		if other.name > name {
			at = i
			break
		}
	}
	f.charts = slices.Insert(f.charts, at, c)
	return c
}

const empty = "apiVersion: v1\nentries:\ngenerated: \"0001-01-01T00:00:00Z\"\n"

// parse reads an index. A YAML parser is too slow for files of ten thousand versions, so
// the usual form, indented blocks as Helm writes them, is read line by
// line; any other form is first converted to it by the YAML parser.
func parse(index []byte) (*file, error) {
	if len(bytes.TrimSpace(index)) == 0 {
		index = []byte(empty)
	}
	if json.Valid(index) {
		return parseJSON(index)
	}
	f, err := parseBlock(index)
	if !errors.Is(err, errNotPlain) {
		return f, err
	}
	plain, err := normalise(index)
	if err != nil {
		return nil, err
	}
	if f, err = parseBlock(plain); errors.Is(err, errNotPlain) {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return f, err
}

// normalise converts any YAML to indented blocks.
func normalise(index []byte) ([]byte, error) {
	d := yaml.NewDecoder(bytes.NewReader(index))
	var doc, more yaml.Node
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the index has more than one document: %w", ErrCorrupt)
	}
	left := maxAliased
	if err := expand(&doc, 0, &left); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(&doc), e.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return out.Bytes(), nil
}

// maxAliased limits the nodes that aliases expand to: ten lines of aliases of aliases expand to a billion.
const maxAliased = 100_000

// expand replaces aliases by copies of their anchors, of at most left nodes, and { } and [ ] by blocks.
func expand(n *yaml.Node, depth int, left *int) error {
	if depth > 100 {
		return fmt.Errorf("the index is nested too deeply: %w", ErrCorrupt)
	}
	if n.Kind == yaml.AliasNode {
		head, line, foot := n.HeadComment, n.LineComment, n.FootComment
		*n = clone(n.Alias, left)
		if *left < 0 {
			return fmt.Errorf("the aliases of the index expand to more than %d values: %w", maxAliased, ErrCorrupt)
		}
		n.HeadComment, n.LineComment, n.FootComment = head, line, foot
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			n.Content[i].Style = 0 // quotes only where they must be
		}
	}
	n.Anchor = ""
	n.Style &^= yaml.FlowStyle
	for _, c := range n.Content {
		if err := expand(c, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

// clone copies a value, of at most left nodes.
func clone(n *yaml.Node, left *int) yaml.Node {
	c := *n
	c.Content = nil
	*left--
	for _, child := range n.Content {
		if *left < 0 {
			break
		}
		copied := clone(child, left)
		c.Content = append(c.Content, &copied)
	}
	return c
}

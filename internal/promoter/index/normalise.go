package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// normalise converts any YAML to indented blocks and parses these.
func normalise(index []byte) (*file, error) {
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
	f, err := blocks(&doc)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return f, err
}

// blocks parses a document as it is written in blocks. Errors: ErrCorrupt, and errNotPlain when these are read in another way.
func blocks(doc *yaml.Node) (*file, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(doc), e.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var again yaml.Node
	if yaml.Unmarshal(out.Bytes(), &again) != nil || !same(doc, &again) {
		return nil, errNotPlain
	}
	return parseBlock(out.Bytes())
}

// same reports whether two nodes without aliases have the same values.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
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
	n.Style &^= yaml.FlowStyle | yaml.TaggedStyle // without its tag, a text that would be read as a number gets quotes
	moveComments(n)
	for _, c := range n.Content {
		if err := expand(c, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

// moveComments moves the comments of a list or mapping that the encoder would write between a hyphen or key and what belongs to it. A comment
// behind its end, or after a hyphen alone, comes before it, and one in a line of its own after its last element.
func moveComments(n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			if c.Kind == yaml.MappingNode && len(c.Content) > 0 {
				c.HeadComment, c.Content[0].HeadComment = lines(c.HeadComment, c.Content[0].HeadComment), ""
			}
		}
	}
	last := len(n.Content) - 1
	if n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode || last < 0 {
		return
	}
	n.HeadComment = lines(n.HeadComment, n.LineComment)
	if n.Kind == yaml.MappingNode {
		last-- // the encoder has the comment after a value at its key
	}
	end := n.Content[last]
	end.FootComment = lines(end.FootComment, n.FootComment)
	n.LineComment, n.FootComment = "", ""
}

func lines(above, below string) string {
	return strings.Trim(above+"\n"+below, "\n")
}

// clone copies a value without its comments, of at most left nodes.
func clone(n *yaml.Node, left *int) yaml.Node {
	c := *n
	c.Content, c.HeadComment, c.LineComment, c.FootComment = nil, "", "", ""
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

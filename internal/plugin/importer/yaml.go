package importer

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// document reads one mapping of YAML as nodes, in which nothing is expanded; nil for an empty file.
func document(file string, data []byte) (*yaml.Node, error) {
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := reader.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, nil
	case err != nil:
		return nil, invalid.Errorf("%s is no YAML: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := reader.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, invalid.Errorf("%s has a second document in line %d: a network of Warnet has one", file, max(second.Line, 1))
	}
	root := doc.Content[0]
	if text(root) == "" && root.Kind == yaml.ScalarNode {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, invalid.Errorf("%s is no network of Warnet, and no export of Polar: name one of them", file)
	}
	return root, plain(file, root)
}

// maxKeys of a mapping are more than any chart of Warnet has: mappings are searched key by key.
const maxKeys = 200

// plain rejects what the rest of this package would have to expand.
func plain(file string, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return invalid.Errorf("%s has an anchor or an alias in line %d, which are not supported: write the value itself", file, n.Line)
	}
	if n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys {
		return invalid.Errorf("%s has more than %d keys in the mapping of line %d, which no chart of Warnet has: remove some", file, maxKeys, n.Line)
	}
	seen := map[string]bool{}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			switch {
			case inner.Kind != yaml.ScalarNode || inner.Value == "<<":
				return invalid.Errorf("%s has a key in line %d that is no text, or a merge key, which are not supported: write the fields themselves",
					file, inner.Line)
			case seen[inner.Value]:
				return invalid.Errorf("%s has %s twice, in line %d: remove one", file, quote(inner.Value), inner.Line)
			}
			seen[inner.Value] = true
		}
		if err := plain(file, inner); err != nil {
			return err
		}
	}
	return nil
}

// child is the value of a key, by a path of keys; nil without one.
func child(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

// text is a single value as it is written; "" for null and for all others.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// number is text without the underscores that a number may have.
func number(n *yaml.Node) string {
	if n != nil && n.Tag == "!!int" {
		return strings.ReplaceAll(text(n), "_", "")
	}
	return text(n)
}

// octal reports a number with a 0 in front, which is another one in YAML 1.1 than in YAML 1.2.
func octal(n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return false
	}
	return len(n.Value) > 1 && n.Value[0] == '0' && strings.Trim(n.Value, "0123456789_") == ""
}

// isTrue accepts the words of YAML 1.1, which Warnet reads.
func isTrue(n *yaml.Node) bool {
	switch strings.ToLower(text(n)) {
	case "true", "yes", "on":
		return true
	}
	return false
}

// list are the entries of a list, none for other values.
func list(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// merged puts the values of a node over the defaults, as Helm does: mappings are merged, other values replaced, and null removes one.
func merged(defaults, own *yaml.Node) *yaml.Node {
	if defaults == nil || own == nil || defaults.Kind != yaml.MappingNode || own.Kind != yaml.MappingNode {
		if own == nil {
			return defaults
		}
		return own
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Line: own.Line}
	for i := 0; i < len(defaults.Content); i += 2 {
		if key := defaults.Content[i]; child(own, key.Value) == nil {
			out.Content = append(out.Content, key, defaults.Content[i+1])
		}
	}
	for i := 0; i < len(own.Content); i += 2 {
		key := own.Content[i]
		out.Content = append(out.Content, key, merged(child(defaults, key.Value), own.Content[i+1]))
	}
	return out
}

// empty reports whether a value has no effect: it is empty, or switched off.
func empty(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.MappingNode:
		enabled := child(n, "enabled")
		return len(n.Content) == 0 || enabled != nil && !isTrue(enabled)
	case yaml.SequenceNode:
		return len(n.Content) == 0
	}
	return text(n) == "" || n.Tag == "!!bool" && !isTrue(n)
}

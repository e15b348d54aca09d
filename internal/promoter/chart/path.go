package chart

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// step is one part of a path: a key, or an index in a list.
type step struct {
	key   string
	index int // -1 for a key
}

func parsePath(path string) ([]step, error) {
	var steps []step
	var key strings.Builder
	flush := func() bool {
		if key.Len() == 0 {
			return false
		}
		steps = append(steps, step{key.String(), -1})
		key.Reset()
		return true
	}
	bad := fmt.Errorf("use a path such as image.tag or containers[0].image: %w", ErrPathNotFound)
	afterIndex := false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
			key.WriteByte(path[i])
		case c == '.':
			if !flush() && !afterIndex || i+1 == len(path) {
				return nil, bad
			}
			afterIndex = false
		case c == '[':
			if !flush() && !afterIndex && len(steps) > 0 {
				return nil, bad
			}
			end := strings.IndexByte(path[i:], ']')
			if end < 0 {
				return nil, bad
			}
			n, err := strconv.ParseUint(path[i+1:i+end], 10, 31)
			if err != nil {
				return nil, bad
			}
			steps = append(steps, step{index: int(n)})
			i += end
			afterIndex = true
		case afterIndex:
			return nil, bad
		default:
			key.WriteByte(c)
		}
	}
	if !flush() && !afterIndex {
		return nil, bad
	}
	return steps, nil
}

// place is the position of a value in the tree.
type place struct {
	key    *yaml.Node // nil in a list
	value  *yaml.Node
	indent int  // the column, from 0, that a block scalar's text must be right of
	flow   bool // inside { } or [ ]
}

// reads reports whether the parser already reads this string at the place.
func (p place) reads(value string) bool {
	return p.value.Kind == yaml.ScalarNode && p.value.ShortTag() == "!!str" && p.value.Value == value
}

func find(docs []*yaml.Node, path string) (place, error) {
	steps, err := parsePath(path)
	if err != nil {
		return place{}, err
	}
	if len(docs) == 0 || len(docs[0].Content) == 0 {
		return place{}, ErrPathNotFound
	}
	p := place{value: docs[0].Content[0]}
	for _, s := range steps {
		if p, err = p.step(s); err != nil {
			return place{}, err
		}
	}
	scalar := p.value
	if scalar.Kind == yaml.AliasNode {
		scalar = scalar.Alias
	}
	if scalar.Kind != yaml.ScalarNode {
		return place{}, ErrNotScalar
	}
	return p, nil
}

func (p place) step(s step) (place, error) {
	parent := p.value
	next := place{flow: p.flow || parent.Style&yaml.FlowStyle != 0, indent: parent.Column - 1}
	switch {
	case parent.Kind == yaml.AliasNode:
		return place{}, fmt.Errorf("the path goes through the alias *%s, and the value would change wherever the alias is used; give the path of its anchor instead: %w", parent.Value, ErrPathNotFound)
	case parent.Kind == yaml.SequenceNode && s.index >= 0 && s.index < len(parent.Content):
		next.value = parent.Content[s.index]
		return next, nil
	case parent.Kind == yaml.MappingNode && s.index < 0:
		for i := 0; i < len(parent.Content); i += 2 {
			key := parent.Content[i]
			if key.Kind != yaml.ScalarNode || helmKey(key) != s.key {
				continue
			}
			// Helm reads the last of two equal keys.
			next.key, next.value = key, parent.Content[i+1]
		}
		if next.key != nil {
			next.indent = min(next.indent, next.key.Column-1) // the mapping's own column may be that of an anchor
			return next, nil
		}
	}
	return place{}, ErrPathNotFound
}

// Lookup follows a path in a document that was parsed as Helm does. It returns nil for a missing value and for null.
func Lookup(v any, path string) any {
	steps, _ := parsePath(path)
	for _, s := range steps {
		switch t := v.(type) {
		case map[string]any:
			v = t[s.key]
		case []any:
			if s.index < 0 || s.index >= len(t) {
				return nil
			}
			v = t[s.index]
		default:
			return nil
		}
	}
	return v
}

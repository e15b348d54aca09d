package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

//go:embed intro.md
var intro string

//go:embed limits.md
var limits string

//go:embed existing.md
var existing string

// markdown returns the page: an introduction, and a section for each block of the file in the order in which a reader meets them.
func markdown(s *jsonschema.Schema) ([]byte, error) {
	p := &page{types: map[string]*jsonschema.Schema{"Config": s}, byType: map[string]*block{}}
	for name, t := range s.Definitions {
		p.types[name] = t
	}
	p.visit("Config", "")
	var out bytes.Buffer
	out.WriteString(intro)
	for _, b := range p.blocks {
		t := p.types[b.schemaType]
		fmt.Fprintf(&out, "\n## %s\n\n", b.title())
		if len(b.at) > 1 {
			fmt.Fprintf(&out, "At `%s`.\n\n", strings.Join(b.at, "`, `"))
		}
		fmt.Fprintf(&out, "%s\n\n| key | type | meaning |\n|---|---|---|\n", t.Description)
		for key := t.Properties.Oldest(); key != nil; key = key.Next() {
			kind := p.typeOf(key.Value)
			if slices.Contains(t.Required, key.Key) {
				kind += ", required"
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", key.Key, kind, cell(key.Value.Description))
		}
	}
	out.WriteString(existing)
	out.WriteString(limits)
	variables, err := environment()
	out.WriteString(variables)
	return out.Bytes(), err
}

// page collects the blocks of the file.
type page struct {
	types  map[string]*jsonschema.Schema
	blocks []*block
	byType map[string]*block
}

// block is a mapping of the configuration, which gets a section: its type and the places where it can be.
type block struct {
	schemaType string
	at         []string
}

// title of the section: the place of the block, or its type when there are several.
func (b *block) title() string {
	switch {
	case b.schemaType == "Config":
		return "The file"
	case len(b.at) > 1:
		return b.schemaType
	}
	return b.at[0]
}

// visit adds the block at a place, and then the blocks inside it.
func (p *page) visit(name, at string) {
	known := p.byType[name]
	if known == nil {
		known = &block{schemaType: name}
		p.byType[name] = known
		p.blocks = append(p.blocks, known)
	}
	known.at = append(known.at, at)
	for key := p.types[name].Properties.Oldest(); key != nil; key = key.Next() {
		if inner, items := reference(key.Value); inner != "" && p.types[inner].Properties.Len() > 0 {
			p.visit(inner, strings.TrimPrefix(at+"."+key.Key+items, "."))
		}
	}
}

// reference is the type that a key's value or its items have; items is [] for a list.
func reference(s *jsonschema.Schema) (name, items string) {
	if s.Items != nil {
		s, items = s.Items, "[]"
	}
	return strings.TrimPrefix(s.Ref, "#/$defs/"), items
}

// typeOf names the type of a value; that of a block is a link to its section.
func (p *page) typeOf(s *jsonschema.Schema) string {
	if name, items := reference(s); name != "" {
		link := "mapping"
		if items != "" {
			link = "list of mappings"
		}
		if b := p.byType[name]; b != nil {
			return fmt.Sprintf("[%s](#%s)", link, anchor(b.title()))
		}
		return p.typeOf(p.types[name])
	}
	switch {
	case s.Type == "array":
		return "list of " + p.typeOf(s.Items) + "s"
	case s.Type == "object" && s.AdditionalProperties != nil && s.AdditionalProperties.Type == "object":
		return "mapping of mappings"
	case s.Type == "object":
		return "mapping"
	case len(s.AnyOf) > 0 && len(s.AnyOf[0].Enum) > 0:
		return enum(s.AnyOf[0].Enum)
	case len(s.AnyOf) > 0 && s.AnyOf[0].Pattern == duration:
		return "duration"
	case len(s.OneOf) == 2 && s.OneOf[1].Type == "array":
		return "string or list of strings"
	case s.Type == "":
		return "string"
	}
	return s.Type
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 -]`)

// anchor is GitHub's address of a heading.
func anchor(title string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

func enum(values []any) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprintf("`%s`", v)
	}
	return strings.Join(list, ", ")
}

// cell is a text in a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n\n", "<br>", "\n", " ").Replace(text)
}

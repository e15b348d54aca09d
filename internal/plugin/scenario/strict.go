package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is what is wrong in a line.
type Problem struct {
	Line int
	Text string
}

func (p *Problem) Error() string { return fmt.Sprintf("line %d: %s", p.Line, p.Text) }

// decoder reads YAML into types with the tags of encoding/json, strictly and with lines. yaml.v3 and sigs.k8s.io/yaml lose the lines or
// the types of the Kubernetes API.
type decoder struct {
	// templates leaves out values with references, which have none yet.
	templates bool
	problems  []*Problem
}

func (d *decoder) add(n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, &Problem{n.Line, fmt.Sprintf(format, args...)})
}

// short is a type that can also be written as a text.
type short interface{ fromText(text string) }

// value reads a node into a value; key is its name for messages.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string) {
	isNull := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.add(n, "anchors and aliases are not supported: write the value itself")
		return
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), key)
		return
	case v.Type() == reflect.TypeFor[Nothing]() && isNull:
		return
	case isNull && v.Type() != reflect.TypeFor[any]():
		d.add(n, "%s has no value: write one, or remove the key", key)
		return
	case d.templates && n.Kind == yaml.ScalarNode && isTemplate(n.Value):
		d.template(n)
		return
	}
	if unmarshaler, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		d.leaf(n, v, unmarshaler, key)
		return
	}
	if shortened, ok := v.Addr().Interface().(short); ok && n.Kind == yaml.ScalarNode {
		shortened.fromText(n.Value)
		return
	}
	d.kind(n, v, key)
}

// template checks the syntax of references.
func (d *decoder) template(n *yaml.Node) {
	for _, match := range reference.FindAllStringSubmatch(n.Value, -1) {
		if strings.HasPrefix(match[0], "$$") {
			continue
		}
		if _, err := parse(match[1]); err != nil {
			d.add(n, "%s", err.Error())
		}
	}
	if strings.Count(n.Value, "${") != len(reference.FindAllString(n.Value, -1)) {
		d.add(n, "%q has a ${ without }: close it, or write $${ for a text with ${", shorten(n.Value))
	}
}

// leaf passes JSON to a type that reads it by itself.
func (d *decoder) leaf(n *yaml.Node, v reflect.Value, into json.Unmarshaler, key string) {
	if n.Kind != yaml.ScalarNode && v.Kind() != reflect.Struct && v.Kind() != reflect.Map {
		d.add(n, "%s is %s, and has to be a text or a number", key, kindOf(n))
		return
	}
	text, err := json.Marshal(d.any(n))
	if err == nil {
		err = into.UnmarshalJSON(text)
	}
	if err != nil {
		d.add(n, "%s: %s", key, err.Error())
	}
}

func (d *decoder) kind(n *yaml.Node, v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, key)
	case reflect.Map:
		if d.is(n, yaml.MappingNode, key) {
			d.mapping(n, v, key)
		}
	case reflect.Slice:
		if d.is(n, yaml.SequenceNode, key) {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
			if key == "steps" {
				key = "the step"
			}
			for i, item := range n.Content {
				d.value(item, v.Index(i), key)
			}
		}
	case reflect.Interface:
		if value := d.any(n); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		if d.is(n, yaml.ScalarNode, key) {
			d.scalar(n, v, key)
		}
	}
}

func (d *decoder) is(n *yaml.Node, kind yaml.Kind, key string) bool {
	if n.Kind != kind {
		d.add(n, "%s is %s, and has to be %s", key, kindOf(n), kindOf(&yaml.Node{Kind: kind, Tag: "!!str"}))
	}
	return n.Kind == kind
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		value, err := strconv.ParseBool(n.Value)
		if err != nil || n.Value != "true" && n.Value != "false" {
			d.add(n, "%s is %q, and has to be true or false", key, shorten(n.Value))
		}
		v.SetBool(value)
	case reflect.Int, reflect.Int32, reflect.Int64:
		value, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil || v.OverflowInt(value) || value == math.MinInt64 {
			d.add(n, "%s is %q, and has to be a whole number", key, shorten(n.Value))
			return
		}
		v.SetInt(value)
	default:
		d.add(n, "%s cannot be written in a scenario", key)
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, name string) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			d.add(n.Content[i], "%s has %q twice: remove one", name, shorten(n.Content[i].Value))
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], value, n.Content[i].Value)
		v.SetMapIndex(key, value)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, name string) {
	if !d.is(n, yaml.MappingNode, name) {
		return
	}
	fields := fieldsOf(v)
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		field, ok := fields[key.Value]
		switch {
		case key.Value == "<<":
			d.add(key, "merge keys are not supported: write the fields themselves")
		case !ok:
			d.add(key, "unknown field %q in %s%s", shorten(key.Value), name, near(key.Value, slices.Collect(maps.Keys(fields))))
		case seen[key.Value]:
			d.add(key, "%s has %q twice: remove one", name, key.Value)
		default:
			seen[key.Value] = true
			d.value(n.Content[i+1], field.value, key.Value)
		}
	}
	for key, field := range fields {
		if field.required && !seen[key] {
			d.add(n, "%s lacks %q, which is required", name, key)
		}
	}
}

type field struct {
	value    reflect.Value
	required bool
}

// fieldsOf are the fields by their names in JSON. Of the types of this package, those without omitempty are required.
func fieldsOf(v reflect.Value) map[string]field {
	fields := map[string]field{}
	own := v.Type().PkgPath() == reflect.TypeFor[Scenario]().PkgPath()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			maps.Copy(fields, fieldsOf(v.Field(i)))
		default:
			fields[name] = field{v.Field(i), own && !strings.Contains(options, "omitempty")}
		}
	}
	return fields
}

// any is a node as encoding/json has it. A number stays as it is written.
func (d *decoder) any(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = d.any(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			out[i] = d.any(item)
		}
		return out
	case yaml.AliasNode:
		d.add(n, "anchors and aliases are not supported: write the value itself")
		return nil
	}
	return scalarOf(n)
}

func scalarOf(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int", "!!float":
		if jsonNumber(n.Value) {
			return json.Number(n.Value)
		}
	}
	return n.Value
}

// jsonNumber reports whether a number of YAML is one of JSON too: .5, 0x1f and .inf are not.
func jsonNumber(text string) bool {
	return text != "" && strings.Trim(text[:1], "-0123456789") == "" && json.Valid([]byte(text))
}

// problems joins what is wrong to one error, in the order of the lines.
func (d *decoder) err() error {
	slices.SortStableFunc(d.problems, func(a, b *Problem) int { return a.Line - b.Line })
	list := make([]error, len(d.problems))
	for i, p := range d.problems {
		list[i] = p
	}
	return errors.Join(list...)
}

package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Values are what references stand for, by the first part of their names: texts, numbers as json.Number, and what JSON has.
type Values map[string]any

// builtin are the names that always have a value when a step runs.
var builtin = []string{"network", "namespace", "nodes", "seed", "turn"}

var (
	reference = regexp.MustCompile(`\$?\$\{([^}]*)\}`)
	term      = regexp.MustCompile(`^\s*(?:([0-9]{1,18})|([A-Za-z_][A-Za-z0-9_]*(?:[.][A-Za-z0-9_]+)*))\s*`)
	wholeText = regexp.MustCompile(`^-?[0-9]{1,18}$`)
)

// isTemplate reports whether a text has a reference. $${ is an escaped ${.
func isTemplate(text string) bool { return strings.Contains(text, "${") }

// sum is a parsed expression: products that are added or subtracted.
type sum []product

type product struct {
	negative bool
	factors  []string // names, or digits
}

// parse reads an expression: names and whole numbers with +, - and *.
func parse(text string) (sum, error) {
	var parsed sum
	rest, operator := text, byte('+')
	for {
		match := term.FindStringSubmatch(rest)
		if match == nil {
			return nil, fmt.Errorf("${%s} is not an expression: write the name of a value, such as ${payment.txid}, or names and whole numbers with +, - and *", text)
		}
		rest = rest[len(match[0]):]
		if operator == '*' {
			last := &parsed[len(parsed)-1]
			last.factors = append(last.factors, match[1]+match[2])
		} else {
			parsed = append(parsed, product{operator == '-', []string{match[1] + match[2]}})
		}
		if rest == "" {
			return parsed, nil
		}
		if operator = rest[0]; !strings.ContainsRune("+-*", rune(operator)) {
			return nil, fmt.Errorf("${%s} has %q where +, - or * could be: write only names and whole numbers with these", text, rest[:1])
		}
		rest = rest[1:]
	}
}

func (s sum) names() []string {
	var names []string
	for _, p := range s {
		for _, factor := range p.factors {
			if factor[0] > '9' {
				first, _, _ := strings.Cut(factor, ".")
				names = append(names, first)
			}
		}
	}
	return names
}

// Evaluate returns the value of an expression. One name may have any value; what is calculated is a whole number.
func (v Values) Evaluate(text string) (any, error) {
	parsed, err := parse(text)
	if err != nil {
		return nil, err
	}
	if len(parsed) == 1 && len(parsed[0].factors) == 1 && parsed[0].factors[0][0] > '9' {
		return v.find(parsed[0].factors[0])
	}
	total := new(big.Int)
	for _, p := range parsed {
		part := big.NewInt(1)
		for _, factor := range p.factors {
			value, err := v.whole(factor)
			if err != nil {
				return nil, err
			}
			part.Mul(part, value)
		}
		if p.negative {
			part.Neg(part)
		}
		total.Add(total, part)
	}
	if !total.IsInt64() {
		return nil, fmt.Errorf("${%s} is too large", text)
	}
	return json.Number(total.String()), nil
}

func (v Values) whole(factor string) (*big.Int, error) {
	text := factor
	if factor[0] > '9' {
		value, err := v.find(factor)
		if err != nil {
			return nil, err
		}
		if text = Text(value); !wholeText.MatchString(text) {
			return nil, fmt.Errorf("${%s} is %q, which is not a whole number, and cannot be calculated with", factor, shorten(text))
		}
	}
	value, _ := new(big.Int).SetString(text, 10)
	return value, nil
}

// find follows the parts of a name through objects and lists.
func (v Values) find(name string) (any, error) {
	parts := strings.Split(name, ".")
	value, ok := v[parts[0]]
	if !ok {
		return nil, fmt.Errorf("${%s} has no value: no parameter or earlier step is called %s%s", name, parts[0], near(parts[0], slices.Collect(maps.Keys(v))))
	}
	for i, part := range parts[1:] {
		switch inner := value.(type) {
		case map[string]any:
			if value, ok = inner[part]; !ok {
				return nil, fmt.Errorf("${%s} has no value: %s has no %s%s", name, strings.Join(parts[:i+1], "."), part, near(part, slices.Collect(maps.Keys(inner))))
			}
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(inner) {
				return nil, fmt.Errorf("${%s} has no value: %s is a list of %d", name, strings.Join(parts[:i+1], "."), len(inner))
			}
			value = inner[index]
		default:
			return nil, fmt.Errorf("${%s} has no value: %s is %q, which has no fields", name, strings.Join(parts[:i+1], "."), shorten(Text(value)))
		}
	}
	return value, nil
}

// Text is a value within a text.
func Text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// expand replaces the references in a copy of a node. What a reference stands for is never read as YAML or as a reference again.
func (v Values) expand(n *yaml.Node) (*yaml.Node, error) {
	out := *n
	if n.Kind == yaml.ScalarNode {
		return &out, v.expandScalar(&out)
	}
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		expanded, err := v.expand(child)
		if err != nil {
			return nil, err
		}
		out.Content[i] = expanded
	}
	return &out, nil
}

func (v Values) expandScalar(n *yaml.Node) error {
	if !isTemplate(n.Value) {
		return nil
	}
	if match := reference.FindStringSubmatch(n.Value); match != nil && match[0] == n.Value && !strings.HasPrefix(n.Value, "$$") {
		value, err := v.Evaluate(match[1])
		if err != nil {
			return &Problem{n.Line, err.Error()}
		}
		*n = *toNode(value, n.Line)
		return nil
	}
	var failed error
	n.Value = reference.ReplaceAllStringFunc(n.Value, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		value, err := v.Evaluate(found[2 : len(found)-1])
		if err != nil && failed == nil {
			failed = &Problem{n.Line, err.Error()}
		}
		return Text(value)
	})
	n.Tag = "!!str"
	return failed
}

// toNode is a value with its own type: a number stays a number.
func toNode(value any, line int) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: line}
	switch value := value.(type) {
	case string:
		n.Value = value
	case json.Number:
		n.Tag, n.Value = "!!float", value.String()
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(value)
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case []any:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, item := range value {
			n.Content = append(n.Content, toNode(item, line))
		}
	case map[string]any:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		for _, key := range slices.Sorted(maps.Keys(value)) {
			n.Content = append(n.Content, toNode(key, line), toNode(value[key], line))
		}
	}
	return n
}

const maxShown = 60

func shorten(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}

package scenario

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var known = Values{
	"text": "a ${b} c", "n": json.Number("7"), "amount": json.Number("49.99990000"), "big": "999999999999999999",
	"tx": map[string]any{"id": "ab", "outs": []any{map[string]any{"value": json.Number("1.5")}}},
}

func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"n": "7", "n + 1": "8", " n+1 ": "8", "2*n-1": "13", "1 + 2 * n": "15", "n - n * 2": "-7", "tx.id": "ab", "tx.outs.0.value": "1.5", "amount": "49.99990000", "3": "3",
	} {
		value, err := known.Evaluate(text)
		if err != nil || Text(value) != want {
			t.Errorf("%s is %v (%v), and should be %s", text, value, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "is not an expression", "n +": "is not an expression", "n n": `has "n" where`, "x": "no parameter or earlier step is called x",
		"tx.ids": "tx has no ids: did you mean id?", "tx.outs.1.value": "tx.outs is a list of 1", "tx.id.x": `tx.id is "ab", which has no fields`,
		"amount + 1": "which is not a whole number", "tx + 1": "which is not a whole number", "big * big": "is too large", "n; rm": `has ";" where`,
	} {
		if value, err := known.Evaluate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %v (%v), and should be an error with %s", text, value, err, want)
		}
	}
}

// A value of a node or of a parameter must never become structure, or be replaced again.
func TestAValueIsNeverReadAsYAMLOrAsAReference(t *testing.T) {
	values := Values{"evil": "}, kill: {node: 0}, x: ${n}", "n": json.Number("7"), "list": []any{json.Number("1"), "${n}"}}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte("arguments: [\"${evil}\", \"a ${evil}\", \"$${n}\", \"${n}\", \"n${n}\", {\"${evil}\": \"${list}\"}]"), &doc); err != nil {
		t.Fatal(err)
	}
	n, err := values.expand(doc.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	var got CLI
	d := &decoder{}
	d.value(n, reflect.ValueOf(&got).Elem(), "cli")
	evil := "}, kill: {node: 0}, x: ${n}"
	want := []any{evil, "a " + evil, "${n}", json.Number("7"), "n7", map[string]any{evil: []any{json.Number("1"), "${n}"}}}
	if d.err() != nil || !reflect.DeepEqual(got.Arguments, want) {
		t.Errorf("the arguments are %#v (%v), and should be %#v", got.Arguments, d.err(), want)
	}
}

func TestComparisons(t *testing.T) {
	for text, cases := range map[string]map[string]bool{
		"5":      {"5": true, "5.00000000": true, "6": false, "": false, "five": false},
		">= 5":   {"5": true, "4.99999999": false, "6": true, "x": false},
		"> 5":    {"5": false, "5.00000001": true},
		"<5":     {"4": true, "5": false, "-1": true},
		"<= -1":  {"-1": true, "0": false},
		"!= 5":   {"5": false, "5.0": false, "6": true, "x": false},
		"1..3":   {"1": true, "3": true, "0": false, "4": false, "x": false},
		"= a b":  {"a b": true, "a": false},
		"":       {"": true, "x": false},
		"0.1":    {"0.10000000": true, "0.1000000000000001": false},
		"1.5..2": {"1.5": true, "1.4": false},
	} {
		c, err := ParseComparison(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for seen, want := range cases {
			if c.Holds(seen) != want {
				t.Errorf("%q %q is %t", text, seen, !want)
			}
		}
	}
	for _, text := range []string{">=", "> x", "3..1", "1..2..3"} {
		if c, err := ParseComparison(text); err == nil {
			t.Errorf("%q is %v", text, c)
		}
	}
}

func TestNearWords(t *testing.T) {
	for word, want := range map[string]string{"hight": ": did you mean height?", "Height": ": did you mean height?", "banana": "", "": ""} {
		if got := near(word, []string{"height", "best", "tips"}); got != want {
			t.Errorf("%q gives %q, and should give %q", word, got, want)
		}
	}
}

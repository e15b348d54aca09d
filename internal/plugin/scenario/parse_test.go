package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

const valid = `version: 1
parameters: {depth: 3, who: "0"}
network:
  spec:
    nodes: 3
steps:
  - mine: {node: "${who}", blocks: "${depth + 1}"}
    as: best
  - name: it is
    expect:
      height: ">= ${depth}"
      values: {best.height - depth: 1}
    within: 5s
`

func TestTheReadyScenariosAreValid(t *testing.T) {
	if len(Ready()) != 10 {
		t.Errorf("there are %d: %v", len(Ready()), Ready())
	}
	for _, name := range Ready() {
		text, ok := Open(name)
		if !ok {
			t.Fatalf("%s cannot be opened", name)
		}
		s, err := Parse(name, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Description == "" || strings.Count(s.Description, "\n") > 0 {
			t.Errorf("%s: the description is %q", name, s.Description)
		}
		values, err := s.Set(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := values.ResolveNetwork(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMistakeHasItsLineAndTheWordThatWasMeant(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		want     string
	}{
		"an unknown field":            {"height:", "heigth:", `line 11: unknown field "heigth" in expect: did you mean height?`},
		"an unknown action":           {"- mine:", "- mien:", `line 7: unknown field "mien" in the step: did you mean mine?`},
		"in the spec of the network":  {"nodes: 3", "node: 3", `line 5: unknown field "node" in spec: did you mean nodes?`},
		"an unknown value":            {"${depth}", "${dept}", `line 11: ${dept} has no value: no parameter or earlier step is called dept: did you mean depth?`},
		"of a later step":             {"${who}", "${best.height}", "line 7: ${best.height} has no value"},
		"in an expression":            {"best.height - depth", "bset.height - depth", "line 12: ${bset.height - depth} has no value: no parameter or earlier step is called bset: did you mean best?"},
		"no expression":               {"depth + 1}", "depth / 2}", `line 7: ${depth / 2} has "/" where +, - or * could be`},
		"an open reference":           {`">= ${depth}"`, `">= ${depth"`, "has a ${ without }"},
		"no duration":                 {"within: 5s", "within: 5", `line 13: within: 5 is not a duration`},
		"no comparison":               {`">= ${depth}"`, `">= x"`, "line 11: height: "},
		"two actions":                 {"  - name: it is", "  - sleep: 1s", "line 9: the step has the actions sleep and expect"},
		"no action":                   {"- mine: {node: \"${who}\", blocks: \"${depth + 1}\"}\n    as", "- as", "line 7: the step has no action: write one of wait, mine,"},
		"another version":             {"version: 1", "version: 2", "line 1: version 2 does not exist"},
		"no version":                  {"version: 1\n", "", `lacks "version", which is required`},
		"a key twice":                 {"within: 5s", "within: 5s\n    within: 6s", `line 14: the step has "within" twice`},
		"a name twice":                {"as: best", "as: depth", `line 8: the name "depth" has another meaning already`},
		"a name that is none":         {"as: best", "as: 1st", `line 8: the name "1st" is not possible`},
		"an alias":                    {"nodes: 3", "nodes: &n 3", "line 5: anchors and aliases are not supported"},
		"no value":                    {"within: 5s", "within:", "line 13: within has no value"},
		"a list instead of a mapping": {"nodes: 3", "nodes: [3]", "line 5: nodes is a list, and has to be a single value"},
		"a text instead of a number":  {"nodes: 3", "nodes: three", `line 5: nodes is "three", and has to be a whole number`},
		"nothing runs":                {"- name: it is", "- stop: best\n  - name: it is", `line 9: stop names "best", which no earlier step has as its name in the background`},
		"use and spec":                {"  spec:", "  use: other\n  spec:", "network has use and also name or spec"},
		"no node":                     {`"${who}"`, `"a b"`, `"a b" names no node`},
		"broken YAML":                 {"steps:", "steps: [", "this is no YAML"},
		"nothing is expected":         {"height: \">= ${depth}\"\n      values: {best.height - depth: 1}", "nodes: 0", "line 11: expect has nothing to check"},
	} {
		if !strings.Contains(valid, c.from) {
			t.Fatalf("%s: the scenario has no %q", name, c.from)
		}
		_, err := Parse("x.yaml", []byte(strings.Replace(valid, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, and should have %s", name, err, c.want)
		}
	}
	for _, text := range []string{"", "# only\n", "---\n", "a: 1\n---\nb: 2\n", "- 1\n", "3\n", strings.Repeat("x", MaxSize+1)} {
		_, err := Parse("x.yaml", []byte(text))
		if _, found := errors.AsType[*Problem](err); !found {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestAStepHasTheValuesOfItsReferences(t *testing.T) {
	s, err := Parse("x.yaml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.Set([]string{"who=2"})
	if err != nil {
		t.Fatal(err)
	}
	step, err := values.Resolve(&s.Steps[0])
	if err != nil || step.Mine.Node != "2" || *step.Mine.Blocks != 4 {
		t.Fatalf("the step is %+v (%v)", step, err)
	}
	step, err = values.Resolve(&s.Steps[1])
	if err != nil || !step.Expect.Height.Holds("3") || step.Expect.Height.Holds("2") || time.Duration(step.Within) != 5*time.Second || step.Title() != "it is" || step.Line != 9 {
		t.Errorf("the step is %+v (%v)", step, err)
	}
	if !slices.Equal(s.Steps[1].Actions(), []string{"expect"}) || s.Location(&s.Steps[1]) != "x.yaml:9" {
		t.Errorf("the step is %s with %v", s.Location(&s.Steps[1]), s.Steps[1].Actions())
	}
	values["who"] = "no node!"
	if _, err := values.Resolve(&s.Steps[0]); err == nil || !strings.Contains(err.Error(), `line 7: node: "no node!" names no node`) {
		t.Errorf("a wrong value gives %v", err)
	}
}

func TestAParameterThatDoesNotExistIsRejected(t *testing.T) {
	s, err := Parse("x.yaml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"depht=1": "the scenario has no such parameter, but depth, who: did you mean depth?", "depth": "write NAME=VALUE",
	} {
		if _, err := s.Set([]string{given}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	for _, name := range Ready() {
		text, _ := Open(name)
		f.Add(text)
	}
	f.Add([]byte("version: 1\nsteps: [{expect: {values: {\"${a}\": 1}}}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("x", data)
		if err != nil {
			return
		}
		values, err := s.Set(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range builtin {
			values[name] = "1"
		}
		_, _ = values.ResolveNetwork(s)
		for i := range s.Steps {
			step := &s.Steps[i]
			if len(step.Actions()) != 1 || step.Line < 1 {
				t.Fatalf("the step %d in line %d has the actions %v", i, step.Line, step.Actions())
			}
			_, _ = values.Resolve(step)
			if step.As != "" {
				values[step.As] = map[string]any{"txid": "x", "height": "3"}
			}
		}
	})
}

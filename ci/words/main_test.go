package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	c, err := newChecker("look(s)? => see\n# a comment\n\\.go$ :: fault => error\n", "text LookPath\nfile ^vendor/\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file, line string
		want       []string
	}{
		"a word in a sentence":             {"a.md", "Take a look.", []string{`"look": write see`}},
		"a part of a camel-case name":      {"a.go", "var pastLook int", []string{`"Look": write see`}},
		"a part of a snake-case name":      {"a.sh", "past_look=1", []string{`"look": write see`}},
		"a word with an acronym before it": {"a.go", "type RPCLook struct{}", []string{`"Look": write see`}},
		"a longer word":                    {"a.md", "an outlook", nil},
		"an allowed name":                  {"a.go", "exec.LookPath(x)", nil},
		"an allowed name beside a word":    {"a.go", "exec.LookPath(look)", []string{`"look": write see`}},
		"a rule for other files":           {"a.md", "a fault", nil},
		"a rule for these files":           {"a.go", "// a fault", []string{`"fault": write error`}},
	} {
		if diff := cmp.Diff(test.want, c.check(test.file, test.line)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if !c.skips("vendor/a.go") || c.skips("a.go") {
		t.Error("want vendor/a.go skipped, and a.go not")
	}
}

func TestBrokenRulesAreErrors(t *testing.T) {
	for name, broken := range map[string][2]string{
		"a rule without =>":            {"look see", ""},
		"a rule that does not compile": {"look( => see", ""},
		"a path that does not compile": {"( :: look => see", ""},
		"an exception without a kind":  {"", "LookPath"},
	} {
		if _, err := newChecker(broken[0], broken[1]); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// The embedded files are read at each run; this reads them without one.
func TestTheRulesCompile(t *testing.T) {
	c, err := newChecker(rulesText, allowedText)
	if err != nil {
		t.Fatal(err)
	}
	if found := c.check("a.go", "pastLook"); len(found) != 1 {
		t.Errorf("pastLook: %v", found)
	}
}

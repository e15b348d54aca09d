package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// skipsIfShort is how a test is left out with -short. One that the demo alone leaves out has another function.
var skipsIfShort = regexp.MustCompile(`\bskipIfShort\(`)

func TestScriptsTestRunsTheTestsOfTheThreatModel(t *testing.T) {
	files := testFiles(t)
	var threats []string
	for _, m := range namedTest.FindAllStringSubmatch(readPage(t, "docs/threat-model.md"), -1) {
		threats = append(threats, m[1])
	}
	found := 0
	for file, text := range files {
		for _, declared := range strings.Split(text, "\nfunc ")[1:] {
			name, _, _ := strings.Cut(declared, "(")
			if !slices.Contains(threats, name) {
				// scripts/test.sh has room for few of these.
				if strings.HasPrefix(file, "test/lightning/") && strings.HasPrefix(name, "Test") && name != "TestMain" && !skipsIfShort.MatchString(declared) {
					t.Errorf("%s: %s is not named in docs/threat-model.md, and does not call skipIfShort", file, name)
				}
				continue
			}
			found++
			if dir := strings.SplitN(file, "/", 3); dir[0] == "test" && slices.Contains([]string{"faults", "lifecycle", "machines"}, dir[1]) {
				t.Errorf("%s: %s is named in docs/threat-model.md, and scripts/test.sh runs it with --all only", file, name)
			}
			body, _, _ := strings.Cut(declared, "\n}")
			lines := strings.Split(body, "\n")
			if i := slices.IndexFunc(lines, func(l string) bool { return skipsIfShort.MatchString(l) }); i >= 0 {
				t.Errorf("%s: %s is named in docs/threat-model.md, and left out of scripts/test.sh by %q", file, name, strings.TrimSpace(lines[i]))
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d of the tests", found)
	}
}

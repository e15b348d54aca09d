package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/majors"
)

func TestCandidatesAreTestedWithTheMajorsOfHelmThatAreNamed(t *testing.T) {
	for text, want := range map[string][]int{"{}": {3, 4}, "{helm: []}": {3, 4}, "{helm: [4, 3]}": {3, 4}, "{helm: [3]}": {3}, "{helm: [4]}": {4}} {
		c, err := Parse([]byte(strings.Replace(shortYAML, "verify: {}", "verify: "+text, 1)), none)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		v := c.Tester().Verify
		if !slices.Equal(v.Helm, want) || v.Newest() != slices.Max(want) || !v.TestsRollback() {
			t.Errorf("%s: Helm %v, the newest is %d, rollback %v", text, v.Helm, v.Newest(), v.TestsRollback())
		}
	}
}

func TestTheMajorsOfAConfigurationAreThoseOfTheProgram(t *testing.T) {
	if has := majors.All(); !slices.Equal(helm.Majors(HelmMajors()), has) {
		t.Errorf("a configuration has %v, the program %v", HelmMajors(), has)
	}
	for _, m := range majors.All() {
		if got := majors.Of(m).Major(); got != m {
			t.Errorf("%s is %s", m, got)
		}
	}
}

func TestMajorsOfHelmThatCannotBeTestedAreErrors(t *testing.T) {
	for text, words := range map[string]string{"{helm: [2]}": "2 is not a major", "{helm: [3, 5]}": "5 is not a major", "{helm: [4, 4]}": "occurs twice", "{helm: [v4]}": "v4"} {
		_, err := Parse([]byte(strings.Replace(shortYAML, "verify: {}", "verify: "+text, 1)), none)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRollbackCanBeLeftOut(t *testing.T) {
	c, err := Parse([]byte(strings.Replace(shortYAML, "verify: {}", "verify: {rollback: false}", 1)), none)
	if err != nil || c.Tester().Verify.TestsRollback() {
		t.Errorf("rollback is tested: %v", err)
	}
}

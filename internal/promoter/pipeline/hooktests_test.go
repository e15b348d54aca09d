package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

func TestAChartsOwnTestsAreCountedAndCalledSo(t *testing.T) {
	passed := cluster.HookTest{Name: "a-works", Ran: true, Elapsed: 2 * time.Second}
	failed := cluster.HookTest{Name: "b-works", Ran: true, Err: errors.New("pod b failed"), Output: "no <answer>\n"}
	for name, c := range map[string]struct {
		tests                        []cluster.HookTest
		by                           string
		run, passed, failed, skipped int
		junit                        []string
	}{
		"no test of its own": {nil, TestedByInstallation, 1, 1, 0, 0, []string{"no test of its own", `name="installed and ready"`, `tests="1" failures="0"`}},
		"one that passes":    {[]cluster.HookTest{passed}, byHooks, 1, 1, 0, 0, []string{`classname="helm test" name="a-works" time="2.000"`}},
		"one that fails keeps the next from running": {
			[]cluster.HookTest{passed, failed, {Name: "c-works"}}, byHooks, 2, 1, 1, 1,
			[]string{`tests="3" failures="1" skipped="1"`, "no &lt;answer&gt;", "pod b failed", "one before it failed"},
		},
		"two of one name": {[]cluster.HookTest{passed, passed}, byHooks, 2, 2, 0, 0, []string{`tests="2"`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := hookReport(c.tests, time.Second)
			if r.By != c.by || r.Run != c.run || r.Passed != c.passed || r.Failed != c.failed || r.Skipped != c.skipped {
				t.Errorf("got %+v", r)
			}
			junit, err := r.JUnit()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.junit {
				if !strings.Contains(string(junit), want) {
					t.Errorf("the report lacks %q:\n%s", want, junit)
				}
			}
		})
	}
}

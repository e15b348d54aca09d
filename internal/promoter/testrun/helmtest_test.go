package testrun

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

func TestAChartsOwnTestsAreCountedAndCalledSo(t *testing.T) {
	passed := helm.HookTest{Name: "a-works", Ran: true, Elapsed: 2 * time.Second}
	failed := helm.HookTest{Name: "b-works", Ran: true, Err: errors.New("pod b failed"), Output: "no <answer>\n"}
	for name, c := range map[string]struct {
		tests                        []helm.HookTest
		by                           string
		run, passed, failed, skipped int
		cases                        map[string]junit.Testcase
	}{
		"no test of its own": {nil, Installation, 1, 1, 0, 0, map[string]junit.Testcase{
			"installed and ready": {Name: "installed and ready", Classname: Installation, Time: "0.000"},
		}},
		"one that passes": {[]helm.HookTest{passed}, HelmTest, 1, 1, 0, 0, map[string]junit.Testcase{
			"a-works": {Name: "a-works", Classname: HelmTest, Time: "2.000"},
		}},
		"one that fails keeps the next from running": {[]helm.HookTest{passed, failed, {Name: "c-works"}}, HelmTest, 2, 1, 1, 1, map[string]junit.Testcase{
			"a-works": {Name: "a-works", Classname: HelmTest, Time: "2.000"},
			"b-works": {Name: "b-works", Classname: HelmTest, Time: "0.000", Failure: &junit.Result{Message: "failed", Data: "pod b failed\nno <answer>\n"}},
			"c-works": {Name: "c-works", Classname: HelmTest, Time: "0.000", Skipped: &junit.Result{Message: "skipped", Data: "not run, because an earlier test failed\n"}},
		}},
		"two of one name": {[]helm.HookTest{passed, passed}, HelmTest, 2, 2, 0, 0, map[string]junit.Testcase{
			"a-works": {Name: "a-works", Classname: HelmTest, Time: "2.000"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := helmReport(c.tests, time.Second)
			if r.By != c.by || r.Run != c.run || r.Passed != c.passed || r.Failed != c.failed || r.Skipped != c.skipped {
				t.Errorf("got %+v", r)
			}
			if d := cmp.Diff(c.cases, parseJUnit(t, r)); d != "" {
				t.Errorf("the JUnit file (-want +got):\n%s", d)
			}
		})
	}
}

func TestTheTestsOfFurtherRunsHaveTheirNames(t *testing.T) {
	passed := []helm.HookTest{{Name: "works", Ran: true}}
	r := &Report{}
	r.Add("Helm 3", helmReport(passed, time.Second))
	r.Add("Helm 4", helmReport([]helm.HookTest{{Name: "works", Ran: true, Err: errors.New("no answer")}}, time.Second))
	r.Add("ci/a-values.yaml", nil)
	if r.By != HelmTest || r.Run != 2 || r.Passed != 1 || r.Summary() != "1 passed, 1 failed (Helm 4: works) in 2s" {
		t.Errorf("%s: %s", r.By, r.Summary())
	}
	for _, name := range []string{"Helm 3: works", "Helm 4: works"} {
		if _, ok := parseJUnit(t, r)[name]; !ok {
			t.Errorf("the JUnit file has no test %q", name)
		}
	}
}

package step

import (
	"fmt"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

func TestTheMovesBeforeTheTests(t *testing.T) {
	both := []helm.Major{helm.V3, helm.V4}
	for name, c := range map[string]struct {
		majors             []helm.Major
		previous, rollback bool
		want               []string
	}{
		"one major, nothing published": {both[:1], false, true, []string{"Helm 3 install new"}},
		"one major": {both[1:], true, true, []string{
			"Helm 4 install old", "Helm 4 upgrade to new", "Helm 4 roll back to old", "Helm 4 upgrade to new",
		}},
		"one major, no way back": {both[:1], true, false, []string{"Helm 3 install old", "Helm 3 upgrade to new"}},
		"both, nothing published: Helm 4 takes over the release of Helm 3": {both, false, true, []string{
			"Helm 3 install new", "Helm 3 test new", "Helm 4 upgrade to new", "Helm 4 uninstall new", "Helm 4 install new",
		}},
		"both: Helm 4 upgrades the previous version of Helm 3": {both, true, true, []string{
			"Helm 3 install old", "Helm 3 upgrade to new", "Helm 3 test new", "Helm 3 roll back to old", "Helm 4 upgrade to new", "Helm 4 uninstall new",
			"Helm 4 install old", "Helm 4 upgrade to new", "Helm 4 roll back to old", "Helm 4 upgrade to new",
		}},
		"both, no way back": {both, true, false, []string{
			"Helm 3 install old", "Helm 3 upgrade to new", "Helm 3 test new", "Helm 4 upgrade to new", "Helm 4 uninstall new", "Helm 4 install old", "Helm 4 upgrade to new",
		}},
	} {
		var got []string
		for _, m := range lifecycle(c.majors, c.previous, c.rollback) {
			got = append(got, fmt.Sprint(m.with, " ", string(m.action), " ", map[bool]string{true: "old", false: "new"}[m.previous]))
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestTheTestsOfEachMajorCount(t *testing.T) {
	run := func(by string) *testrun.Report { return &testrun.Report{By: by, Run: 2, Passed: 1, Failed: 1} }
	for name, c := range map[string]struct {
		older, newest *testrun.Report
		command       bool
		run           int
		by            string
	}{
		"one major":                              {&testrun.Report{}, run(testrun.HelmTest), false, 2, testrun.HelmTest},
		"both":                                   {run(testrun.HelmTest), run(testrun.HelmTest), false, 4, testrun.HelmTest},
		"both, no test but the installation":     {run(testrun.Installation), run(testrun.Installation), false, 4, testrun.Installation},
		"a command":                              {run(testrun.HelmTest), run("go test"), true, 4, "go test"},
		"a command for a chart without a test":   {run(testrun.Installation), run("go test"), true, 2, "go test"},
		"a command that could not even be begun": {run(testrun.HelmTest), nil, true, 0, ""},
	} {
		got := withOlder(c.older, c.newest, helm.V4, c.command)
		if got == nil {
			got = &testrun.Report{}
		}
		if got.Run != c.run || 2*got.Passed != c.run || got.By != c.by {
			t.Errorf("%s: %+v, want %d by %q", name, got, c.run, c.by)
		}
	}
}

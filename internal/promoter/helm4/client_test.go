package helm4

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	release "helm.sh/helm/v4/pkg/release/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

func TestOnlyHooksOfTestsAreTests(t *testing.T) {
	began := time.Now()
	run := release.HookExecution{StartedAt: began, CompletedAt: began, Phase: release.HookPhaseSucceeded}
	got := hooks([]*release.Hook{
		{Name: "migrate", Kind: "Job", Events: []release.HookEvent{release.HookPreInstall}, LastRun: run},
		{Name: "works", Kind: "Pod", Weight: 2, Events: []release.HookEvent{release.HookPostInstall, release.HookTest}, LastRun: run},
		{Name: "waits", Kind: "Pod", Events: []release.HookEvent{release.HookTest}},
	})
	want := []helm.Hook{{Name: "works", Kind: "Pod", Weight: 2, Started: began, Completed: began, Phase: helm.Succeeded}, {Name: "waits", Kind: "Pod"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("hooks (-want +got):\n%s", d)
	}
}

func TestAFailedTestIsReportedOnce(t *testing.T) {
	failed, stuck := errors.New("pod works failed"), errors.New("the pod cannot be deleted")
	for name, c := range map[string]struct{ tests, cleanup, want error }{
		"all is well":                            {nil, nil, nil},
		"a failed test, which cleanup returns":   {failed, failed, nil},
		"a failed test, and a cleanup that does": {failed, stuck, stuck},
		"a cleanup that fails":                   {nil, stuck, stuck},
	} {
		if err := withoutError(func() error { return c.cleanup }, c.tests)(); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

package helm4

import (
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

package cli

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func TestAnUpgradeIsInstalledOverTheLastRelease(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.upgrades()
	shell(t, s.dir, commitAll+" && git tag v1.1.0")
	s.must("build")
	s.must("bump")
	code, out, msg := s.call(s.args("verify", "--keep-cluster", "-o", "json")...)
	var r step.VerifyResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Version != "1.1.0" || r.UpgradedFrom != "1.0.0" {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, msg)
	}
	// Installed, upgraded, rolled back and upgraded again.
	want := []string{"sh.helm.release.v1.hello.v1", "sh.helm.release.v1.hello.v2", "sh.helm.release.v1.hello.v3", "sh.helm.release.v1.hello.v4"}
	if got := s.api.secrets(); !slices.Equal(got, want) {
		t.Errorf("the cluster has the revisions %v, want %v", got, want)
	}
}

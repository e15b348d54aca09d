package verified

import (
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

func TestAChangedPackageIsRejectedWithBothDigests(t *testing.T) {
	work := workdir.Dir(t.TempDir())
	tested, changed := chart.Digest([]byte("tested")), chart.Digest([]byte("changed"))
	if err := work.WriteJSON(File, handover{Package: "hello-1.0.0.tgz", Attestation: "hello.json", PackageDigest: tested}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(work.File("hello-1.0.0.tgz"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Read(work)
	if err == nil || failure.Of(err) != failure.Rejected {
		t.Fatalf("%v", err)
	}
	if want := "sha256 " + changed[:12] + "…, expected " + tested[:12]; !strings.Contains(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
}

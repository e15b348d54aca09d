package claims

import (
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease/leasetest"
)

func TestNoClaimIsExpandedAfterTheLeaseIsLost(t *testing.T) {
	w := newWorld(t, 2)
	fence, acquire, lose := leasetest.New()
	acquire()
	w.Client = lease.Client(w.Client, fence)
	w.onPatch = lose
	if message := w.grow(0, "2Gi"); message != "" {
		t.Errorf("a claim is reported: %q", message)
	}
	w.wantTried("when the lease is lost", "net-sts-0")
	w.wantSizes("when the lease is lost", "2Gi", "1Gi")
	w.onPatch = func() {}
	acquire()
	w.grow(retryInterval, "2Gi")
	w.wantSizes("with the lease", "2Gi", "2Gi")
}

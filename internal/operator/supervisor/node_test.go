//go:build linux

package supervisor

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

func TestTheCauseOfAnEndIsTheNodesOwnAndBounded(t *testing.T) {
	if got := causeIn("line\nError: Cannot obtain a lock\n2026-01-01T00:00:00Z Shutdown: done\n"); got != "Error: Cannot obtain a lock" {
		t.Errorf("the cause is %q", got)
	}
	if got := causeIn("Error: " + strings.Repeat("x", 5000)); len(got) != api.MaxOutputBytes {
		t.Errorf("a cause of %d bytes", len(got))
	}
}

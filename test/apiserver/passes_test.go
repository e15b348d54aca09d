package apiserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// fast is a poll interval for tests that wait for several passes.
const fast = 100 * time.Millisecond

// waitForPasses waits until the operator has run so many more passes over a network, by the calls to its first node.
func waitForPasses(net *apiserver.Network, passes int) {
	before := net.Node(0).Calls("getnetworkinfo")
	net.Wait(fmt.Sprintf("%d passes", passes), func() error {
		if done := net.Node(0).Calls("getnetworkinfo") - before; done < passes {
			return fmt.Errorf("%d", done)
		}
		return nil
	})
}

// waitIdle waits for ten passes in which the operator sends none of these requests: events are sent beside the passes, and on a busy machine
// after them.
func waitIdle(t *testing.T, sent func() []apiserver.Request, tenPasses func()) {
	t.Helper()
	testtools.Eventually(t, "ten passes without a request", apiserver.Limit, func() error {
		before := len(sent())
		tenPasses()
		if more := sent()[before:]; len(more) > 0 {
			return fmt.Errorf("an idle network causes requests: %v", more)
		}
		return nil
	})
}

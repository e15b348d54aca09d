package apiserver_test

import (
	"fmt"
	"time"

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

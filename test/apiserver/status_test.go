package apiserver_test

import (
	"fmt"
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// An event is recorded with the status that it reports, also when the API server rejects the status for a while.
func TestAStatusThatCannotBeWrittenIsWrittenLaterWithItsEvents(t *testing.T) {
	t.Parallel()
	for _, fault := range []apiserver.Fault{
		{Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: "etcdserver: request timed out"},
		{Code: http.StatusConflict, Reason: metav1.StatusReasonConflict, Message: "the object has been modified"},
		{Code: http.StatusTooManyRequests, Reason: metav1.StatusReasonTooManyRequests, Message: "too many requests"},
	} {
		t.Run(fmt.Sprint(fault.Code), func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
			writes := apiserver.On("patch", "bitcoinnetworks/status")
			remove := op.API.Inject(writes, fault)
			net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
			net.Wait("five writes of the status to fail", func() error {
				if got := len(op.API.Requests(writes)); got < 5 {
					return fmt.Errorf("%d", got)
				}
				return nil
			})
			// Only the event of the failure itself has no status. A conflict is no failure: the network has changed since it was read.
			failures := 1
			if fault.Code == http.StatusConflict {
				failures = 0
			}
			if reasons := reasonsOf(net); len(reasons) != failures || reasons[v1.ReasonReconcileFailed] != failures {
				t.Errorf("events %v are recorded without their status", reasons)
			}
			remove()
			net.WaitReady()
			waitForPasses(net, 5)
			reasons := map[string]int{}
			for _, event := range net.Events() {
				if event.Series != nil {
					t.Errorf("event %s is recorded %d times", event.Reason, event.Series.Count)
				}
				reasons[event.Reason]++
			}
			if reasons["Ready"] > 1 || len(reasons) == 0 {
				t.Errorf("events %v", reasons)
			}
		})
	}
}

// Whoever watches a network knows its edges from the status alone.
func TestTheStatusNamesTheConnectionsOfEachNode(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 4, Topology: &v1.Topology{Type: v1.TopologyRing}})
	connected := func(want ...v1.Ordinals) func(*v1.BitcoinNetwork) error {
		return func(n *v1.BitcoinNetwork) error {
			for i, status := range n.Status.Nodes {
				if status.ConnectedWith != want[i] {
					return fmt.Errorf("node %d is connected with %q, want %q", i, status.ConnectedWith, want[i])
				}
			}
			return nil
		}
	}
	net.Eventually("the ring", connected("1,3", "0,2", "1,3", "0,2"))
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = []v1.Partition{{Nodes: []int32{0, 1}}} })
	net.Eventually("the partition", connected("1", "0", "3", "2"))
}

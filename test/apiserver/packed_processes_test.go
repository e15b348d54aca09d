package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// A process that ends takes its addnode list and its connections with it. The pod stays ready.
func TestANodeThatRestartsInItsPodIsConnectedAgain(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: 4, Topology: &v1.Topology{Type: v1.TopologyRing}})
	mineOn(t, net, 0, 2)
	pod := net.Pod(0)
	old := net.Node(2)
	net.Namespace.KillNode(pod, 2, false)
	net.Eventually("the new process to be connected", func(n *v1.BitcoinNetwork) error {
		if node := net.Node(2); node == old || n.Status.Connected != "6/6" || len(node.Chain()) != 2 {
			return fmt.Errorf("%s connected", n.Status.Connected)
		}
		return nil
	})
	checkNodes(t, net.WaitReady(), 4)
	if now := net.Pod(0); now.UID != pod.UID || now.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Error("the pod has restarted")
	}
}

func TestANodeThatFailsInItsPodIsReported(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: 4})
	pod := net.Pod(0)
	net.Namespace.KillNode(pod, 3, true)
	network := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonNodeFailing)
	message := net.Condition(v1.ConditionNodesReady).Message
	for _, part := range []string{"Node net-sts-0/3 cannot run", "exit code 1", "Failed to load the chain"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message %q does not have %q", message, part)
		}
	}
	for _, n := range network.Status.Nodes {
		if n.Ready == (n.Ordinal == 3) {
			t.Errorf("node %d: ready is %v", n.Ordinal, n.Ready)
		}
	}
	net.Wait("an event that names the node", func() error {
		for _, event := range net.Events() {
			if event.Reason == v1.EventNodeLost && strings.Contains(event.Note, "net-sts-0/3 is no longer ready") {
				return nil
			}
		}
		return errors.New("there is none")
	})
	net.Namespace.RepairNode(pod, 3)
	checkNodes(t, net.WaitReady(), 4)
}

func TestNodesPerPodCannotBeChanged(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net := apiserver.NewNamespace(t).Create("net", v1.BitcoinNetworkSpec{Nodes: 1, NodesPerPod: perPod})
		err := tryUpdate(t, net, func(n *v1.BitcoinNetwork) { n.Spec.NodesPerPod = perPod + 1 })
		if err == nil || !strings.Contains(err.Error(), "nodesPerPod cannot be changed once the network exists") {
			t.Errorf("the change is answered with %v", err)
		}
	})
}

// Another operator finds the network as it is, and writes nothing.
func TestAnotherOperatorChangesNothingInSharedPods(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: perPod})
		mineOn(t, net, 1, 1)
		before := net.WaitReady()
		if err := op.Stop(); err != nil {
			t.Fatal(err)
		}
		record := net.Record()
		next := net.Namespace.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
		waitForPasses(net, 10)
		if got := next.API.Requests(apiserver.AnyWrite); len(got) > 0 {
			t.Errorf("requests: %v", got)
		}
		if got := net.Until(record, net.Get().ResourceVersion); len(got) != 1 || got[0].ResourceVersion != before.ResourceVersion {
			t.Errorf("%d versions of the network", len(got))
		}
	})
}

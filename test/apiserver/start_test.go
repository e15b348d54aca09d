package apiserver_test

import (
	"fmt"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

func TestANetworkIsConnectedScaledAndDeleted(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	if got := net.WaitReady().Status; got.Connected != "1/1" || got.ReadyNodes != 2 {
		t.Errorf("%d nodes are ready and %s connected, want 2 and 1/1", got.ReadyNodes, got.Connected)
	}
	if _, err := net.Node(0).Call("generatetodescriptor", 3, "raw(51)"); err != nil {
		t.Fatal(err)
	}
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 3 })
	net.WaitReady()
	got := net.Eventually("height 3 on three nodes", func(n *v1.BitcoinNetwork) error {
		for _, node := range n.Status.Nodes {
			if node.Blocks != 3 {
				return fmt.Errorf("node %d has %d blocks", node.Ordinal, node.Blocks)
			}
		}
		return nil
	})
	if got.Status.Connected != "3/3" {
		t.Errorf("%s connected, want 3/3", got.Status.Connected)
	}
	if err := ns.Client.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	testtools.Eventually(t, "the pods to be deleted", apiserver.Limit, func() error {
		if pods := net.Pods(); len(pods) > 0 {
			return fmt.Errorf("%d exist", len(pods))
		}
		return nil
	})
}

func TestAnIdleNetworkCausesNoWrite(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 1})
	waitIdle(t, func() []apiserver.Request { return op.API.Requests(apiserver.On("", "")) }, func() { waitForPasses(net, 10) })
}

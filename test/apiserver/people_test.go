package apiserver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// neverUnready checks that a network was ready in all these versions. A node does not answer in time, either, while the process of the test
// stood still, in which both the node and the operator are.
func neverUnready(t *testing.T, versions []v1.BitcoinNetwork, stood time.Duration) {
	t.Helper()
	for i := range versions {
		ready := meta.FindStatusCondition(versions[i].Status.Conditions, v1.ConditionReady)
		switch {
		case ready.Status == metav1.ConditionTrue:
		case ready.Reason == v1.ReasonNodeNotAnswering && stood > 2*time.Second:
			t.Logf("the process stood still for %s: version %d does not count: %s", stood, i+1, ready.Message)
		default:
			t.Errorf("version %d of %d: %s, %s", i+1, len(versions), ready.Reason, ready.Message)
		}
	}
}

// standstill measures the longest time in which this process did nothing, until the function is called.
func standstill(t *testing.T) func() time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	longest := make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-tick.C:
				now := time.Now()
				most, last = max(most, now.Sub(last)), now
			case <-ctx.Done():
				longest <- most
				return
			}
		}
	}()
	return func() time.Duration {
		cancel()
		return <-longest
	}
}

func TestABusyNodeStaysReadyWhenTheOperatorIsRestartedToo(t *testing.T) {
	t.Parallel()
	net, operator := running(t, v1.BitcoinNetworkSpec{Nodes: 3})
	ns := net.Namespace
	record, stood := net.Record(), standstill(t)
	free := net.Node(1).Occupy()
	busy := net.WaitCondition(v1.ConditionReady, metav1.ConditionTrue, v1.ReasonRPCBusy)
	if ready := meta.FindStatusCondition(busy.Status.Conditions, v1.ConditionReady); !strings.Contains(ready.Message, "net-sts-1") {
		t.Errorf("the message does not name the node: %s", ready.Message)
	}
	if err := operator.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Node(0).Call("generatetodescriptor", 2.0, "raw(51)"); err != nil {
		t.Fatal(err)
	}
	operator = ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net.Eventually("the blocks of the other nodes", func(n *v1.BitcoinNetwork) error {
		if n.Status.Height != 2 || n.Status.Nodes[1].Blocks != 0 || n.Status.Nodes[1].Peers != 2 {
			return fmt.Errorf("height %d, node 1: %+v", n.Status.Height, n.Status.Nodes[1])
		}
		return nil
	})
	free()
	last := net.Eventually("the blocks of the node that was busy", func(n *v1.BitcoinNetwork) error {
		if n.Status.Nodes[1].Blocks != 2 {
			return fmt.Errorf("node 1: %+v", n.Status.Nodes[1])
		}
		return nil
	})
	_ = operator
	neverUnready(t, net.Until(record, last.ResourceVersion), stood())
}

func TestANodeThatHangsIsNoBusyOne(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
	resume := net.Node(1).Hang()
	net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, v1.ReasonNodeNotAnswering)
	resume()
	net.WaitReady()
}

func TestAPeerOfBothSidesOfAPartitionIsNamed(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 2, Partitions: []v1.Partition{{Nodes: []int32{0}}}})
	peer := func(id int64, address string) bitcoind.PeerInfo {
		return bitcoind.PeerInfo{ID: 1<<40 + id, Addr: address, Inbound: true, Version: 70016, Subversion: "/btcwire:0.5.0/btcd:0.24.2/", Services: "0000000000000009"}
	}
	net.Node(0).Connect(peer(1, "10.9.9.9:40001"))
	net.Eventually("the peer to be counted", func(n *v1.BitcoinNetwork) error {
		if got := fmt.Sprint(n.Status.ForeignPeers); got != "[{10.9.9.9 /btcwire:0.5.0/btcd:0.24.2/ [0]}]" || n.Status.Nodes[0].ForeignPeers != 1 || n.Status.Nodes[1].ForeignPeers != 0 {
			return fmt.Errorf("%s, %+v", got, n.Status.Nodes)
		}
		return nil
	})
	net.WaitReady()
	net.Node(1).Connect(peer(2, "10.9.9.9:40002"))
	bridged := net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, v1.ReasonPartitionBridged)
	ready := meta.FindStatusCondition(bridged.Status.Conditions, v1.ConditionReady)
	if want := "10.9.9.9 (/btcwire:0.5.0/btcd:0.24.2/, peer of nodes 0, 1)"; !strings.Contains(ready.Message, want) {
		t.Errorf("%q, want %q in it", ready.Message, want)
	}
	if _, err := net.Node(1).Call("disconnectnode", "", float64(1<<40+2)); err != nil {
		t.Fatal(err)
	}
	net.WaitReady()
}

func TestEntriesOfAPersonStayOrGoWithAnEvent(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 3, Topology: &v1.Topology{Type: v1.TopologyLine}})
	ready := net.WaitReady()
	// The operator leaves the entries alone that it finds in the list of a node, when it was started after the node: let it see the list.
	waitForPasses(net, 2)
	far := ready.Status.Nodes[2].IP
	for _, entry := range []string{"10.9.9.9", far} {
		if err := net.Node(0).AddByHand(entry); err != nil {
			t.Fatal(err)
		}
	}
	net.Wait("the event", func() error {
		want := far + " is removed from the addnode list of net-sts-0: it leads to node 2, which the topology does not connect with node 0"
		for _, event := range net.Events() {
			if event.Reason == "AddedNodeRemoved" && event.Note == want {
				return nil
			}
		}
		return fmt.Errorf("the events are %+v", net.Events())
	})
	net.Wait("the entry to be removed", func() error {
		if list := net.Node(0).Added(); slices.Contains(list, far) {
			return fmt.Errorf("the list is %q", list)
		}
		return nil
	})
	net.WaitReady()
	waitForPasses(net, 3)
	if list := net.Node(0).Added(); !slices.Contains(list, "10.9.9.9") {
		t.Errorf("the entry of a person is gone: %q", list)
	}
}

func TestANodeOffTheNetworkIsNamed(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: time.Second})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	net.WaitReady()
	inactive := false
	net.Node(0).Handle("getnetworkinfo", func(string, []any) (any, error) {
		return bitcoind.NetworkInfo{Version: 290000, Subversion: "/Simulated:29.0.0/", NetworkActive: &inactive}, nil
	})
	net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, v1.ReasonNetworkInactive)
	net.Node(0).Handle("getnetworkinfo", nil)
	net.WaitReady()
}

// A node whose clock jumps ends its connections, and bitcoind dials its list again after a minute only.
func TestANodeThatLosesItsConnectionsIsConnectedAtTheNextPoll(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: time.Second})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 3})
	net.WaitReady()
	connections := func() map[int64]bool {
		result, err := net.Node(1).Call("getpeerinfo")
		if err != nil {
			t.Fatal(err)
		}
		ids := map[int64]bool{}
		for _, peer := range result.([]bitcoind.PeerInfo) {
			ids[peer.ID] = true
		}
		return ids
	}
	before, lost := connections(), time.Now()
	for id := range before {
		if _, err := net.Node(1).Call("disconnectnode", "", id); err != nil {
			t.Fatal(err)
		}
	}
	net.Wait("two other connections", func() error {
		now := connections()
		for id := range before {
			delete(now, id)
		}
		if len(now) != 2 {
			return fmt.Errorf("%v, and before %v", now, before)
		}
		return nil
	})
	if took := time.Since(lost); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	net.WaitReady()
}

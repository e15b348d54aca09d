package bitcoindtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// pod starts so many nodes that share an address.
func pod(t *testing.T, nodes *Nodes, slots int) []*Node {
	t.Helper()
	list := []*Node{start(t, nodes)}
	for slot := 1; slot < slots; slot++ {
		node, err := nodes.StartSlot(list[0].Address, slot, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nodes.StopSlot(node.Address, slot) })
		list = append(list, node)
	}
	return list
}

// ask is call for a node in any slot.
func ask(t *testing.T, node *Node, calls ...bitcoind.Call) []error {
	t.Helper()
	at := bitcoind.Endpoint{Host: node.Address, Port: int(v1.PortInSlot(v1.RPCPort, int32(node.Slot)))} //nolint:gosec // a slot
	errs, err := bitcoind.NewClient(nil, nil).Batch(t.Context(), at, calls)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

// What is checked here is what Bitcoin Knots 29.4.3 reports for nodes in one network namespace, and for those of two.
func TestBothEndsOfAConnectionReportItsTwoPorts(t *testing.T) {
	nodes := New()
	a, b := pod(t, nodes, 3), pod(t, nodes, 2)
	for name, c := range map[string]struct{ from, to *Node }{
		"nodes that share an address": {a[1], a[2]}, "nodes of two addresses": {a[2], b[1]}, "the first nodes": {a[0], b[0]},
	} {
		t.Run(name, func(t *testing.T) {
			target := fmt.Sprintf("%s:%d", c.to.Address, 18444+10*c.to.Slot)
			var here, there []bitcoind.PeerInfo
			var added []bitcoind.AddedNode
			if err := errors.Join(ask(t, c.from, bitcoind.AddNode(target), bitcoind.GetPeerInfo(&here), bitcoind.GetAddedNodeInfo(&added))...); err != nil {
				t.Fatal(err)
			}
			ask(t, c.to, bitcoind.GetPeerInfo(&there))
			if len(here) == 0 || len(there) == 0 {
				t.Fatalf("peers %v and %v", here, there)
			}
			out, in := here[len(here)-1], there[len(there)-1]
			if out.Inbound || out.Addr != target || !in.Inbound || in.AddrBind != target || in.Addr == "" || in.Addr != out.AddrBind {
				t.Errorf("%+v at one end and %+v at the other one", out, in)
			}
			if len(added) != 1 || !added[0].Connected || added[0].AddedNode != target || added[0].Addresses[0].Address != target {
				t.Errorf("the addnode list is %+v", added)
			}
		})
	}
}

func TestConnectionsToTwoNodesMayHaveTheSamePortAtThisEnd(t *testing.T) {
	nodes := New()
	a, b := pod(t, nodes, 2), pod(t, nodes, 2)
	var peers []bitcoind.PeerInfo
	ask(t, a[1], bitcoind.DialOnce(b[0].Address+":18444"), bitcoind.DialOnce(b[1].Address+":18454"), bitcoind.GetPeerInfo(&peers))
	if len(peers) != 2 || peers[0].AddrBind != peers[1].AddrBind {
		t.Errorf("peers %+v", peers)
	}
	var others []bitcoind.PeerInfo
	ask(t, a[0], bitcoind.DialOnce(b[1].Address+":18454"), bitcoind.GetPeerInfo(&others))
	if len(others) != 1 || others[0].AddrBind == peers[1].AddrBind {
		t.Errorf("two connections between the same addresses and ports: %+v, %+v", others, peers[1])
	}
}

func TestAnEntryIsRejectedWhenAnotherOneHasItsAddressAndPort(t *testing.T) {
	nodes := New()
	a, b := start(t, nodes), start(t, nodes)
	ask(t, a, bitcoind.AddNode(b.Address))
	for entry, want := range map[string]int{b.Address + ":18444": bitcoind.CodeNodeAlreadyAdded, b.Address + ":18454": 0} {
		var rpc *bitcoind.RPCError
		if err := ask(t, a, bitcoind.AddNode(entry))[0]; want != 0 && (!errors.As(err, &rpc) || rpc.Code != want) || want == 0 && err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
	var peers []bitcoind.PeerInfo
	ask(t, a, bitcoind.DialOnce(b.Address+":18444"), bitcoind.GetPeerInfo(&peers))
	if len(peers) != 1 || peers[0].Addr != b.Address {
		t.Errorf("a node is dialed twice, or not shown as it was dialed: %+v", peers)
	}
}

// A node that is started again dials nobody; those that list it dial it.
func TestANodeOfASharedAddressStopsAlone(t *testing.T) {
	nodes := New()
	a, b := pod(t, nodes, 2), start(t, nodes)
	ask(t, b, bitcoind.AddNode(a[0].Address+":18444"), bitcoind.AddNode(a[1].Address+":18454"))
	nodes.StopSlot(a[1].Address, 1)
	var peers []bitcoind.PeerInfo
	ask(t, b, bitcoind.GetPeerInfo(&peers))
	if len(peers) != 1 || nodes.AtSlot(a[1].Address, 1) != nil || nodes.At(a[0].Address) != a[0] {
		t.Fatalf("peers %+v", peers)
	}
	if _, err := nodes.StartSlot(a[1].Address, 1, nil); err != nil {
		t.Fatal(err)
	}
	ask(t, b, bitcoind.GetPeerInfo(&peers))
	if len(peers) != 2 {
		t.Errorf("peers %+v", peers)
	}
}

package topology

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The largest network has 124,750 connections. Each call counts, since a node carries out some thousand in a second: one dials each
// connection, and one adds each entry of a list, of which a node has eight.
func TestTheLargestMeshTakesOneCallPerConnectionAndEntry(t *testing.T) {
	spec := Spec{Type: v1.TopologyMesh, Nodes: 500}
	desired, nodes := fresh(spec)
	const entries = 8
	if got, want := len(Plan(desired, nodes)), len(desired)+spec.Nodes*entries; got > want {
		t.Errorf("a new network takes %d calls for %d connections, want %d at most", got, len(desired), want)
	}
	desired, nodes = steady(spec)
	if got := Plan(desired, nodes); len(got) > 0 {
		t.Errorf("a network that is as it should be takes %d calls, such as %s", len(got), got[0])
	}
	if existing, missing := Connected(desired, nodes); existing != len(desired) || len(missing) > 0 {
		t.Errorf("%d of %d connections exist", existing, len(desired))
	}
	// A pod that is replaced has another address, no list and no connections.
	const replaced = 250
	old := nodes[replaced].Address
	for i := range nodes {
		nodes[i].Peers = slices.DeleteFunc(nodes[i].Peers, func(p Peer) bool { return p.Address == old || strings.HasPrefix(p.Address, old+":") })
	}
	nodes[replaced] = Node{Ordinal: replaced, Address: "10.245.0.1", Answered: true}
	byNode := map[int]int{}
	actions := Plan(desired, nodes)
	for _, action := range actions {
		byNode[action.Node]++
	}
	// The lists of some others have the earlier address, and get the new one.
	if want := spec.Nodes - 1 + 3*entries; len(actions) > want {
		t.Errorf("a replaced pod takes %d calls, want %d at most", len(actions), want)
	}
	for node, calls := range byNode {
		if node != replaced && calls > 3 {
			t.Errorf("node %d makes %d calls for one replaced pod", node, calls)
		}
	}
}

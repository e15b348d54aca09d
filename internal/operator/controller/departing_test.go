package controller

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The other connections of a removed node end, and one is dialled if there is none.
func TestARemovedNodeKeepsOneConnection(t *testing.T) {
	node := func(i int, answered bool, peers ...int) topology.Node {
		n := topology.Node{Ordinal: i, Address: address(i), Answered: answered}
		for _, peer := range peers {
			n.Peers = append(n.Peers, topology.Peer{Address: address(peer) + ":18444", Handshaked: true})
		}
		return n
	}
	for name, test := range map[string]struct {
		nodes []topology.Node
		sets  []v1.Partition
		want  string
	}{
		"no connection":             {nodes: []topology.Node{node(0, true), node(1, true), node(2, true)}, want: "[{0 2}]"},
		"a connection":              {nodes: []topology.Node{node(0, true), node(1, true, 2), node(2, true, 1)}, want: "[{1 2}]"},
		"one node does not answer":  {nodes: []topology.Node{node(0, false), node(1, true, 3), node(2, true), node(3, true, 1)}, want: "[{1 2} {1 3}]"},
		"no node answers":           {nodes: []topology.Node{node(0, false), node(1, false), node(2, true)}, want: "[]"},
		"with the side in no set":   {nodes: []topology.Node{node(0, true), node(1, true), node(2, true)}, sets: []v1.Partition{{Nodes: []int32{0}}}, want: "[{1 2}]"},
		"its whole side is removed": {nodes: []topology.Node{node(0, true), node(1, true), node(2, true)}, sets: []v1.Partition{{Nodes: []int32{0}}, {Nodes: []int32{1}}}, want: "[]"},
		"a peer of its former set":  {nodes: []topology.Node{node(0, true), node(1, true, 2), node(2, true, 1)}, sets: []v1.Partition{{Nodes: []int32{1}}}, want: "[{1 2}]"},
	} {
		if got := fmt.Sprint(departingEdges(test.nodes, 2, test.sets)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTheConditionHasTheReasonWhyRemovedNodesStay(t *testing.T) {
	_, in := healthy()
	in.leaving, in.objects.departing = []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-3"}}}, make([]node, 1)
	if got := evaluate(in).ready; got.reason != v1.ReasonNodesLeaving || !strings.Contains(got.message, "stay until the other nodes have their blocks") {
		t.Errorf("%+v", got)
	}
}

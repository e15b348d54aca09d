package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

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
		"a peer of its own side":    {nodes: []topology.Node{node(0, true, 2), node(1, true, 2), node(2, true, 0, 1)}, sets: []v1.Partition{{Nodes: []int32{1}}}, want: "[{0 2}]"},
		"a peer of its former set":  {nodes: []topology.Node{node(0, true), node(1, true, 2), node(2, true, 1)}, sets: []v1.Partition{{Nodes: []int32{1}}}, want: "[{1 2}]"},
	} {
		if got := fmt.Sprint(departingEdges(test.nodes, 2, test.sets)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// Where the chains cannot be compared, a removed group may have the only copy.
func TestTheClaimsOfARemovedGroupThatCannotBeComparedAreKept(t *testing.T) {
	group := []v1.Group{{Name: "b", Nodes: 2}}
	for name, test := range map[string]struct {
		before, after v1.BitcoinNetworkSpec
		pods          []string
		policy        v1.RetentionPolicy
		kept          bool
		event         string
	}{
		"no node of the group runs": {
			before: v1.BitcoinNetworkSpec{Nodes: 1, Groups: group}, after: v1.BitcoinNetworkSpec{Nodes: 1}, pods: []string{"net-sts"},
			policy: v1.RetentionDelete, kept: true, event: "0 of them have, 0 do not answer, 2 do not run",
		},
		"no node stays": {
			before: v1.BitcoinNetworkSpec{Groups: group}, pods: []string{"net-b-sts"},
			policy: v1.RetentionDelete, kept: true, event: "no node stays that could get their blocks",
		},
		"all nodes are stopped": {
			before: v1.BitcoinNetworkSpec{Nodes: 1, Groups: group}, after: v1.BitcoinNetworkSpec{Groups: []v1.Group{{Name: "b"}}}, pods: []string{"net-sts", "net-b-sts"},
			policy: v1.RetentionDelete,
		},
		"all claims are kept": {
			before: v1.BitcoinNetworkSpec{Nodes: 1, Groups: group}, after: v1.BitcoinNetworkSpec{Nodes: 1}, pods: []string{"net-sts"},
			policy: v1.RetentionRetain,
		},
	} {
		storage := &v1.Storage{RetentionPolicy: test.policy}
		test.before.Storage, test.after.Storage = storage, storage
		a := applyNetwork(t, test.before)
		for _, set := range test.pods {
			a.startPod(set, 0)
		}
		a.network.Spec, a.network.Generation = test.after, 2
		a.pass()
		// The patch of a set that is desired belongs to its apply.
		if got := slices.Contains(a.writes, "patch net-b-sts") && !slices.Contains(a.writes, "apply net-b-sts"); got != test.kept {
			t.Errorf("%s: the pass writes %q, want the claims released: %t", name, a.writes, test.kept)
		}
		a.pass()
		recorded := ""
		for recorder := a.r.recorder.(*events.FakeRecorder); len(recorder.Events) > 0; {
			recorded += <-recorder.Events
		}
		if (recorded == "") != (test.event == "") || !strings.Contains(recorded, test.event) || strings.Count(recorded, "ClaimsKept") > 1 {
			t.Errorf("%s: events %q, want %q", name, recorded, test.event)
		}
	}
}

func TestTheConditionHasTheReasonWhyRemovedNodesStay(t *testing.T) {
	_, in := healthy()
	in.leaving, in.objects.departing = []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-3"}}}, make([]node, 1)
	if got := evaluate(in).Ready; got.Reason != v1.ReasonNodesLeaving || !strings.Contains(got.Message, "stay until the other nodes have their blocks") {
		t.Errorf("%+v", got)
	}
}

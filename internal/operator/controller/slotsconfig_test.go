package controller

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// packedNetwork is a network of eight nodes in two pods, whose claims are to be deleted with the nodes.
func packedNetwork(t *testing.T) *applied {
	t.Helper()
	return applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 8, NodesPerPod: 4, Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete}})
}

// hasSlots fails unless the ConfigMap has these nodes, and up to this one the data of removed ones, "" for none.
func (a *applied) hasSlots(nodes, kept string) {
	a.Helper()
	config := &corev1.ConfigMap{}
	if err := a.r.client.Get(a.Context(), client.ObjectKey{Namespace: "ns", Name: "net-slots"}, config); err != nil {
		a.Fatal(err)
	}
	if config.Data[api.NodesKey] != nodes || config.Data[api.KeptKey] != kept {
		a.Errorf("%v, want %s nodes, and kept %q", config.Data, nodes, kept)
	}
}

// synced scales to fewer nodes, of which all have the blocks of those that are removed.
func (a *applied) synced(nodes int32) appliedObjects {
	a.Helper()
	a.scale(nodes)
	a.pass()
	a.state.scaleDown.decide(time.Now(), departures{})
	return a.pass()
}

// accept is what the supervisor of a pod answers to its target, and reports since.
func (a *applied) accept(pod string, target api.Target, reported ...api.Node) {
	a.Helper()
	existing := &corev1.Pod{}
	if err := a.r.client.Get(a.Context(), client.ObjectKey{Namespace: "ns", Name: pod}, existing); err != nil {
		a.Fatal(err)
	}
	state, _, _ := a.state.shared.startAsking(existing)
	a.state.shared.endAsking(state, reported, nil, false)
	a.state.shared.endPush(existing, target, nil)
}

func TestOnlyTheDataOfComparedNodesIsDeleted(t *testing.T) {
	a := packedNetwork(t)
	a.scale(0)
	a.pass()
	a.hasSlots("0", "8")
	a.scale(3)
	a.pass()
	a.hasSlots("3", "8")
	a.startPod("net-sts", 0)
	target := a.synced(2).targets["net-sts"]
	if want := (api.Target{Nodes: 2, Revision: 4, Forget: true, Before: 3}); target != want {
		t.Errorf("target %+v, want %+v", target, want)
	}
	a.hasSlots("3", "8")
	a.accept("net-sts-0", target, api.Node{Slot: 0}, api.Node{Slot: 1})
	a.pass()
	a.hasSlots("2", "8")
	// All of them run again, and are compared when they are removed.
	a.scale(8)
	a.pass()
	a.hasSlots("8", "")
}

// Until a failed write is tried again, the comparison of the chains may start again.
func TestATargetOfAnEarlierPassIsPushedOnlyWhileTheScaleDownAllowsIt(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 2, NodesPerPod: 4, Groups: []v1.Group{{Name: "a", Nodes: 4}}})
	earlier := map[string]api.Target{"net-sts": {Nodes: 2, Forget: true, Before: 4}, "net-a-sts": {Nodes: 4}}
	since := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		scaleDown *scaleDown
		forget    bool
		want      int
	}{
		"the chains are compared":             {&scaleDown{since: since}, false, 1},
		"the nodes go, and their data stays":  {&scaleDown{since: since, decidedAt: since}, false, 2},
		"the data would go, and must not":     {&scaleDown{since: since, decidedAt: since}, true, 1},
		"the data goes with the nodes":        {&scaleDown{since: since, decidedAt: since, synced: true}, true, 2},
		"the chains are compared once more":   {&scaleDown{since: since, synced: true}, true, 1},
		"no removal of nodes is known at all": {nil, true, 1},
	} {
		p := &applyPass{network: network, state: newNetworkState(network), groups: resources.Groups(network, ""), sets: setsOf(t, network)}
		p.state.scaleDown = test.scaleDown
		config := &corev1.ConfigMap{Data: map[string]string{api.NodesKey: "4", api.RevisionKey: "1"}}
		p.existing = map[string]client.Object{"ConfigMap net-slots": config}
		targets := maps.Clone(earlier)
		if !test.forget {
			targets["net-sts"] = api.Target{Nodes: 2}
		}
		if got := p.allowedTargets(targets); len(got) != test.want || len(targets) != 2 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheClaimOfARemovedPodIsKeptWithDataThatWasNotCompared(t *testing.T) {
	a := packedNetwork(t)
	a.scale(0)
	a.pass()
	a.scale(5)
	a.pass()
	a.startPod("net-sts", 0)
	a.startPod("net-sts", 1)
	a.synced(4)
	a.has(1, retained, 0)
	a.hasSlots("4", "8")

	// So are those of a group that is removed.
	a.network.Spec.Groups = []v1.Group{{Name: "b", Nodes: 5}}
	a.network.Generation++
	a.pass()
	a.network.Spec.Groups[0].Nodes = 3
	a.network.Generation++
	a.pass() // without pods, nothing is compared
	a.startPod("net-b-sts", 0)
	a.network.Spec.Groups = nil
	a.network.Generation++
	a.pass()
	a.state.scaleDown.decide(time.Now(), departures{})
	a.writes = nil
	a.pass()
	a.pass()
	if want := []string{"patch net-b-sts"}; !slices.Equal(a.writes, want) {
		t.Errorf("writes %q for a removed group, want %q", a.writes, want)
	}

	a = packedNetwork(t)
	a.startPod("net-sts", 0)
	a.startPod("net-sts", 1)
	a.synced(4)
	a.has(1, deleted, 0)
	a.hasSlots("4", "")
}

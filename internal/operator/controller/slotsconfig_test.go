package controller

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

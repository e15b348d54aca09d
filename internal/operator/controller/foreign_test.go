package controller

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestTheStatusNamesForeignPeers(t *testing.T) {
	network, in := healthy()
	in.connections.foreign = []topology.Foreign{{Address: "10.9.9.9", Agent: "/lnd/", Nodes: []int{0, 2}}, {Address: "btcd:18444", Agent: "/btcwire/", Nodes: []int{2}}}
	status := buildStatus(network, in, evaluate(in))
	if got := fmt.Sprint(status.ForeignPeers); got != "[{10.9.9.9 /lnd/ [0 2]} {btcd:18444 /btcwire/ [2]}]" {
		t.Error(got)
	}
	for i, want := range []int32{1, 0, 2} {
		if got := status.Nodes[i].ForeignPeers; got != want {
			t.Errorf("node %d has %d, want %d", i, got, want)
		}
	}
	in.connections.foreign = nil
	network.Status = status
	if status = buildStatus(network, in, evaluate(in)); status.ForeignPeers != nil || status.Nodes[2].ForeignPeers != 0 {
		t.Errorf("they remain: %+v", status.ForeignPeers)
	}
	for i := range 1000 {
		in.connections.foreign = append(in.connections.foreign, topology.Foreign{Address: fmt.Sprint(i), Agent: strings.Repeat("é", 1000), Nodes: []int{1}})
	}
	if status = buildStatus(network, in, evaluate(in)); len(status.ForeignPeers) != maxForeignPeers || len(status.ForeignPeers[0].Version) > maxVersionBytes || status.Nodes[1].ForeignPeers != 1000 {
		t.Errorf("%d are listed, %d counted", len(status.ForeignPeers), status.Nodes[1].ForeignPeers)
	}
}

func TestWhatAPersonDoesToConnectionsIsInTheCondition(t *testing.T) {
	bridge := topology.Foreign{Address: "10.9.9.9", Agent: "/btcwire/", Nodes: []int{0, 2}, ServesBlocks: true}
	testReady(t, map[string]conditionTest{
		"a node is off the network": {func(in *policyInputs) {
			in.nodes[1].answer.info.NetworkActive = ptr.To(false)
			in.connections.existing, in.connections.missing = 1, []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
		}, false, v1.ReasonNetworkInactive, "1 of 3 connections exist; nodes are off the P2P network after setnetworkactive false: n-sts-1"},
		"a node is on the network": {func(in *policyInputs) { in.nodes[1].answer.info.NetworkActive = ptr.To(true) }, true, v1.ReasonReady, ""},
		"a peer connects two partitions": {func(in *policyInputs) { in.connections.bridges = []topology.Foreign{bridge} }, false, v1.ReasonPartitionBridged,
			"peers that are no nodes of the network connect its partitions: 10.9.9.9 (/btcwire/, peer of nodes 0, 2)"},
		"a peer that connects none": {func(in *policyInputs) { in.connections.foreign = []topology.Foreign{bridge} }, true, v1.ReasonReady, ""},
	})
}

func TestWhatAPersonDoesToConnectionsIsOneEvent(t *testing.T) {
	network, in := healthy()
	in.connections.bridges = []topology.Foreign{{Address: "10.9.9.9", Agent: "/btcwire/", Nodes: []int{0, 2}}}
	before := network.Status
	for i, want := range []int{1, 0} {
		network.Status = buildStatus(network, in, evaluate(in))
		list, _ := transitions(before, network, recordedEvents{})
		count := 0
		for _, event := range list {
			if event.Reason == v1.ReasonPartitionBridged {
				count++
			}
		}
		if count != want {
			t.Errorf("pass %d: %d events, want %d: %+v", i, count, want, list)
		}
		before = network.Status
	}
	recorder := events.NewFakeRecorder(1)
	r := &Reconciler{recorder: recorder}
	r.recordRemovedByHand(network, in.nodes, []topology.Action{{Node: 0, Kind: topology.Remove, Target: "10.0.0.3:18444", Peer: 2}})
	if got, want := <-recorder.Events, "10.0.0.3:18444 is removed from the addnode list of n-sts-0: it leads to node 2, which the topology does not connect with node 0"; !strings.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

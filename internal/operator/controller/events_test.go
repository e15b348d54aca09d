package controller

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestEachTransitionIsOneEvent(t *testing.T) {
	status := func(change func(*v1.BitcoinNetworkStatus)) v1.BitcoinNetworkStatus {
		s := v1.BitcoinNetworkStatus{ObservedGeneration: 1, ChainTips: 1, ReadyNodes: 2, Nodes: []v1.NodeStatus{
			{Ordinal: 0, NodeName: "n-sts-0", Ready: true}, {Ordinal: 1, NodeName: "n-sts-1", Ready: true},
		}, Conditions: []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionFalse, Reason: v1.ReasonProgressing}}}
		change(&s)
		return s
	}
	same := status(func(*v1.BitcoinNetworkStatus) {})
	forked := status(func(s *v1.BitcoinNetworkStatus) { s.ChainTips = 2 })
	oneLost := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[1].Ready, s.ReadyNodes = false, 1 })
	lost := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[1].Ready = false })
	none := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[0].Ready, s.Nodes[1].Ready, s.ReadyNodes = false, false, 0 })
	otherLost := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[0].Ready, s.ReadyNodes = false, 1 })
	larger := status(func(s *v1.BitcoinNetworkStatus) {
		s.Nodes = append(s.Nodes, v1.NodeStatus{Ordinal: 2, NodeName: "n-sts-2"})
	})
	stalled := status(func(s *v1.BitcoinNetworkStatus) {
		s.Conditions = []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1.ReasonSecretMissing}}
	})
	for name, test := range map[string]struct {
		before, now v1.BitcoinNetworkStatus
		// recordedFork is whether the events have reported a fork; nil when the operator has just started.
		recordedFork *bool
		want         string
	}{
		"in a fork, a node is lost":                             {forked, oneLost, nil, "NodeLost"},
		"in a recorded fork, a node is ready again":             {oneLost, forked, ptr.To(true), "NodeReady"},
		"a fork is seen when a node is ready again":             {oneLost, forked, ptr.To(false), "NodeReady Forked"},
		"the end of a fork is recorded once":                    {same, same, ptr.To(false), ""},
		"nothing changes":                                       {same, same, nil, ""},
		"a fork is seen":                                        {same, forked, nil, "Forked"},
		"a fork continues":                                      {forked, forked, nil, ""},
		"a fork ends":                                           {forked, same, nil, "ForkGone"},
		"a fork ends whose nodes did not all answer in between": {same, same, ptr.To(true), "ForkGone"},
		"a node is lost":                                        {same, lost, nil, "NodeLost"},
		"a lost node is ready again":                            {lost, same, nil, "NodeReady"},
		"all nodes are ready at once":                           {none, same, nil, "NodeReady"},
		"all nodes are lost at once":                            {same, none, nil, "NodeLost"},
		"one is lost, another is ready again":                   {oneLost, otherLost, nil, "NodeLost NodeReady"},
		"the network grows":                                     {same, larger, nil, "Scaled"},
		"the network shrinks":                                   {larger, same, nil, "Scaled"},
		"a Secret is missing":                                   {same, stalled, nil, "SecretMissing"},
		"it is still missing":                                   {stalled, stalled, nil, ""},
		"the network is new":                                    {v1.BitcoinNetworkStatus{}, lost, nil, "Created NodeReady"},
		"the network is new, with the default of the CRD":       {v1.BitcoinNetworkStatus{ObservedGeneration: -1}, lost, nil, "Created NodeReady"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			list, _ := transitions(test.before, &v1.BitcoinNetwork{Status: test.now}, recordedEvents{forked: test.recordedFork})
			for _, n := range list {
				got = append(got, n.Reason)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v, want %q", got, test.want)
			}
		})
	}
}

func TestAForkEndsWhenAllNodesAnswerOnly(t *testing.T) {
	network := &v1.BitcoinNetwork{Status: v1.BitcoinNetworkStatus{ObservedGeneration: 1, ChainTips: 1, ReadyNodes: 1, Nodes: make([]v1.NodeStatus, 2)}}
	list, recorded := transitions(network.Status, network, recordedEvents{forked: ptr.To(true)})
	if len(list) != 0 || !*recorded.forked {
		t.Errorf("with a node that does not answer: %v, forked %v", list, *recorded.forked)
	}
	network.Status.ReadyNodes = 2
	list, recorded = transitions(network.Status, network, recorded)
	if len(list) != 1 || list[0].Reason != "ForkGone" || *recorded.forked {
		t.Errorf("when all answer: %v, forked %v", list, *recorded.forked)
	}
}

func TestAnEventNamesAllItsNodes(t *testing.T) {
	node := func(name string, ready bool) v1.NodeStatus {
		return v1.NodeStatus{NodeName: name, IP: "10.0.0.7", Ready: ready}
	}
	before := []v1.NodeStatus{node("a-0", false), node("a-1", false), node("a-2", true), node("a-3", true), node("a-4", true)}
	now := []v1.NodeStatus{node("a-0", true), node("a-1", true), node("a-2", false), node("a-3", false), node("a-4", true)}
	want := []eventlog.Event{
		{Type: corev1.EventTypeWarning, Reason: "NodeLost", Action: "Watch", Note: "2 nodes are no longer ready: a-2, a-3", Pod: "a-2"},
		{Type: corev1.EventTypeNormal, Reason: "NodeReady", Action: "Watch", Note: "2 nodes are ready: a-0, a-1", Pod: "a-0"},
	}
	if got := nodeTransitions(before, now, false); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := nodeTransitions(before[:1], now[:1], false); len(got) != 1 || got[0].Note != "node a-0 is ready at 10.0.0.7" {
		t.Errorf("of one node: %+v", got)
	}
}

// After a restart of the operator, in a network in which nothing else happens.
func TestPartitionsAfterARestartAreRecorded(t *testing.T) {
	network, in := healthy()
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{recorder: recorder}
	state := newNetworkState(network)
	network.Status = buildStatus(network, in, evaluate(in))
	if err := r.updateStatus(t.Context(), network, network.Status, in.chains, state); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Partitioned", "Healed"} {
		network.Spec.Partitions = []v1.Partition{{Nodes: []int32{0}}}
		if want == "Healed" {
			network.Spec.Partitions = nil
		}
		for range 2 {
			r.recordEvents(network.Status, network, &state.recorded)
		}
		if len(recorder.Events) != 1 || !strings.Contains(<-recorder.Events, want) {
			t.Errorf("not exactly one event %s", want)
		}
	}
}

// The first pass patches the status, and the second one still gets the network from a cache that has not seen it.
func TestATransitionIsRecordedOnceThoughTheCacheIsBehind(t *testing.T) {
	network, in := healthy()
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{recorder: recorder, client: patched{version: "11"}}
	state := newNetworkState(network)
	for _, cached := range []string{"9", "10", "11"} {
		network.ResourceVersion, network.Status = cached, v1.BitcoinNetworkStatus{}
		if cached == "11" {
			observed, _ := state.shared.lastObservation()
			network.Status = *observed.status.DeepCopy()
		}
		state.restoreStatus(network)
		if err := r.updateStatus(t.Context(), network, buildStatus(network, in, evaluate(in)), in.chains, state); err != nil {
			t.Fatal(err)
		}
		// Created, and the three nodes connected.
		if want := 2; len(recorder.Events) != want {
			t.Errorf("%d events after a pass at version %s, want %d", len(recorder.Events), cached, want)
		}
	}
	if state.written != nil {
		t.Error("the state still has the written status, though the cache has it")
	}
}

func TestANoteIsWithinTheAPIServersLimit(t *testing.T) {
	network, _ := healthy()
	network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1.ReasonNodeFailing, Message: strings.Repeat("x", 5000)}}
	recorder := events.NewFakeRecorder(10)
	(&Reconciler{recorder: recorder}).recordEvents(v1.BitcoinNetworkStatus{ObservedGeneration: 1}, network, &recordedEvents{})
	if event := <-recorder.Events; strings.Count(event, "x") != 1024 || !strings.HasPrefix(event, corev1.EventTypeWarning) {
		t.Errorf("a note of %d bytes", strings.Count(event, "x"))
	}
}

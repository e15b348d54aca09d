package controller

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// sharedPod are the nodes of a running pod with several.
func sharedPod(nodes int) []node {
	group := resources.Group{StatefulSet: "net-sts", Nodes: nodes, PerPod: 4}
	list := make([]node, nodes)
	pod := withAddresses(make([]node, 1))[0].pod
	pod.Name, pod.Status.ContainerStatuses[0].ContainerID = "net-sts-0", "c"
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for i := range list {
		list[i] = newNode(i, group, i, pod)
	}
	return list
}

// report is what the supervisor of the nodes' pod reports from now on.
func report(shared *sharedState, nodes []node, err error, reported ...api.Node) {
	state, _, _ := shared.startAsking(nodes[0].pod)
	shared.endAsking(state, reported, err, false)
	for i := range nodes {
		nodes[i].reported, nodes[i].failing, nodes[i].err = nil, false, nil
		shared.reportedOf(&nodes[i], time.Unix(1_000_000, 0))
	}
}

func TestANodeOfASharedPodRunsWhenItsSupervisorReportsIt(t *testing.T) {
	shared, nodes := newSharedState(), sharedPod(2)
	unreachable := errors.New("unreachable")
	report(shared, nodes, unreachable)
	if _, runs := nodes[0].startedAt(); runs {
		t.Error("before the first report: it has started")
	}
	if nodes[0].running() || !errors.Is(nodes[0].err, unreachable) {
		t.Errorf("before the first report: running is %v, %v", nodes[0].running(), nodes[0].err)
	}
	report(shared, nodes, nil, api.Node{Slot: 0, Started: 1, Running: true})
	if !nodes[0].running() || nodes[1].running() || !errors.Is(nodes[1].err, errNotStarted) {
		t.Errorf("one of two: %v and %v, %v", nodes[0].running(), nodes[1].running(), nodes[1].err)
	}
	rejected := errors.New("rejected")
	shared.endPush(nodes[0].pod, api.Target{Nodes: 2}, rejected)
	report(shared, nodes, nil, api.Node{Slot: 0, Started: 1, Running: true})
	if !errors.Is(nodes[1].err, errNotStarted) || !errors.Is(nodes[1].err, rejected) {
		t.Errorf("a pod that does not take the number of nodes: %v", nodes[1].err)
	}
	if report(shared, nodes, unreachable); !errors.Is(nodes[1].err, unreachable) {
		t.Errorf("a pod that does not answer any more: %v", nodes[1].err)
	}
	first := nodes[0].process()
	report(shared, nodes, unreachable)
	if !nodes[0].running() || nodes[0].process() != first {
		t.Error("a report that is missing once ends the nodes")
	}
	report(shared, nodes, nil, api.Node{Slot: 0, Started: 2, Exits: 1, LastExit: &api.Exit{Code: 139}})
	if nodes[0].running() || nodes[0].failing || nodes[0].err.Error() != "its bitcoind does not run: the last run ended with exit code 139, after 1 restarts" {
		t.Errorf("an end: running %v, failing %v, %v", nodes[0].running(), nodes[0].failing, nodes[0].err)
	}
	report(shared, nodes, nil, api.Node{Slot: 0, Started: 2, Running: true, Exits: 1})
	if nodes[0].process() == first || nodes[0].process().nodeKey != first.nodeKey {
		t.Error("a process that started again is the same as before")
	}
	nodes[0].pod = nodes[0].pod.DeepCopy()
	nodes[0].pod.Status.ContainerStatuses[0].ContainerID = "d"
	report(shared, nodes[:1], unreachable)
	if nodes[0].running() {
		t.Error("what is known of a container counts for the next one")
	}
}

// The state of a process does not outlive it, though its pod runs on.
func TestTheStateOfAnEndedProcessIsForgotten(t *testing.T) {
	shared, nodes := newSharedState(), sharedPod(1)
	report(shared, nodes, nil, api.Node{Started: 1, Running: true})
	old, _, _ := shared.startProbe(nodes[0].process())
	shared.endProbe(old, &answer{}, nil, old.busyAt)
	report(shared, nodes, nil, api.Node{Started: 2, Running: true})
	now, started, _ := shared.startProbe(nodes[0].process())
	if now == old || !started || now.lastAnswer != nil || now.entries.own != nil {
		t.Errorf("the new process has the state of the old one: %+v", now)
	}
	shared.endProbe(old, &answer{chain: bitcoind.ChainInfo{Blocks: 7}}, nil, old.busyAt)
	if now.lastAnswer != nil {
		t.Error("a delayed answer of the old process counts for the new one")
	}
}

func TestANodeFailsWhenItsProcessEndsAgainAndAgain(t *testing.T) {
	shared, nodes := newSharedState(), sharedPod(2)
	ended := func(exits int) {
		report(shared, nodes, nil, api.Node{Slot: 0, Started: 1, Running: true}, api.Node{Slot: 1, Started: exits, Exits: exits, LastExit: &api.Exit{Code: 1, Output: "Error: no space left on device"}})
	}
	ended(2)
	if _, found := nodes[1].problem(); found {
		t.Error("two ends are a failure")
	}
	ended(3)
	problem, found := nodes[1].problem()
	if want := "Node net-sts-0/1 cannot run: the last run ended with exit code 1, after 2 restarts: Error: no space left on device"; !found || problem.Reason != v1.ReasonNodeFailing ||
		len(problem.Message) < len(want) || problem.Message[:len(want)] != want {
		t.Errorf("three ends: %v, %+v", found, problem)
	}
	if _, found := nodes[0].problem(); found {
		t.Error("the other node of the pod fails too")
	}
	nodes[1].answer, nodes[1].busy = &answer{}, true
	shared.settle(nodes)
	nodes[1].answer, nodes[1].busy = nil, false
	for exits, want := range map[int]bool{4: false, 5: false, 6: true} {
		if ended(exits); nodes[1].failing != want {
			t.Errorf("%d ends, three since it has answered: failing is %v", exits, nodes[1].failing)
		}
	}
}

// An operator that has started does not know whether a node has answered before, and one that is slow has not answered it yet.
func TestANodeThatRunsForALongTimeIsNotFailing(t *testing.T) {
	for since, want := range map[int64]bool{1_000_000 - 3*24*3600: false, 1_000_000 - 60: false, 1_000_000 - 59: true} {
		shared, nodes := newSharedState(), sharedPod(1)
		report(shared, nodes, nil, api.Node{Started: 6, Running: true, Since: time.Unix(since, 0), Exits: 5})
		if nodes[0].failing != want {
			t.Errorf("a process of second %d is failing: %v", since, nodes[0].failing)
		}
		report(shared, nodes, nil, api.Node{Started: 6, Since: time.Unix(since, 0), Exits: 5})
		if !nodes[0].failing {
			t.Errorf("a process that ended in second %d is not failing", since)
		}
	}
}

func TestAPodGetsTheNumberOfItsNodesWhenItRunsOthers(t *testing.T) {
	shared, nodes := newSharedState(), sharedPod(2)
	target := api.Target{Nodes: 2, Revision: 3}
	push := func() bool { return shared.startPush(nodes[0].pod, target, nodes[0].shareOf(target.Nodes)) }
	if push() {
		t.Error("pushed before the first report")
	}
	two := []api.Node{{Slot: 0, Running: true}, {Slot: 1, Running: true}}
	if report(shared, nodes, nil, two...); push() {
		t.Error("pushed to a pod that runs its share")
	}
	three := append(two, api.Node{Slot: 2, Running: true})
	if report(shared, nodes, nil, three...); !push() || push() {
		t.Error("not pushed once to a pod that runs one node too many")
	}
	if got := shared.leavingNodes(nodes); len(got) != 1 || got[0] != "net-sts-0/2" {
		t.Errorf("leaving: %v", got)
	}
	shared.endPush(nodes[0].pod, target, errors.New("unreachable"))
	if !push() {
		t.Error("a push that failed is not repeated")
	}
	shared.endPush(nodes[0].pod, target, nil)
	if push() || !shared.hasAccepted(nodes[0].pod, target) {
		t.Error("a push that was accepted is repeated")
	}
	if report(shared, nodes, nil, append(two, api.Node{Slot: 2})...); len(shared.leavingNodes(nodes)) != 1 {
		t.Error("a node between two starts does not leave")
	}
	target.Forget = true
	if shared.hasAccepted(nodes[0].pod, target) || !push() {
		t.Error("the deletion of the data is not pushed")
	}
	shared.endPush(nodes[0].pod, target, nil)
	target.Forget = false
	if report(shared, nodes, nil, three...); push() {
		t.Error("the deletion of the data is taken back")
	}
	target.Revision, target.Forget = 4, true
	if !push() {
		t.Error("the deletion of the data for another generation is not pushed")
	}
	// The answer was lost: the pod runs its share since.
	shared.endPush(nodes[0].pod, target, errors.New("no answer"))
	if report(shared, nodes, nil, two...); !push() {
		t.Error("the deletion of the data is not pushed again")
	}
}

// After a restart of the operator, a supervisor that is slow has not answered when the removed nodes are compared.
func TestARemovedNodeWhoseSupervisorHasNotAnsweredIsSilent(t *testing.T) {
	shared, nodes := newSharedState(), sharedPod(2)
	compare := func() departures {
		return newFakeNodes().client(t).compareDepartures(t.Context(), testNetwork(v1.BitcoinNetworkSpec{}), newSlots(8), nodes, 1, time.Time{})
	}
	if got := compare(); got != (departures{silent: 1}) {
		t.Errorf("before the supervisor is asked: %+v", got)
	}
	if report(shared, nodes, errors.New("unreachable")); compare() != (departures{silent: 1}) {
		t.Errorf("a supervisor that does not answer: %+v", compare())
	}
	if report(shared, nodes, nil, api.Node{Slot: 0, Running: true}); compare() != (departures{unknown: 1, gone: 1}) {
		t.Errorf("a supervisor that has not started the node: %+v", compare())
	}
	if report(shared, nodes, nil, api.Node{Slot: 0, Running: true}, api.Node{Slot: 1}); compare() != (departures{unknown: 1}) {
		t.Errorf("a process that has ended: %+v", compare())
	}
}

// A node that its supervisor does not have has been removed by a request whose answer was lost: its data is deleted already.
func TestNoClaimsAreReportedAsKeptForNodesThatTheirPodDoesNotHave(t *testing.T) {
	for want, reported := range map[int][]api.Node{
		0: {{Slot: 0, Running: true}},
		1: {{Slot: 0, Running: true}, {Slot: 1}},
	} {
		shared, nodes := newSharedState(), sharedPod(2)
		report(shared, nodes, nil, reported...)
		recorder := events.NewFakeRecorder(10)
		r := &Reconciler{nodes: newFakeNodes().client(t), recorder: recorder}
		network := testNetwork(v1.BitcoinNetworkSpec{Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete}})
		state := newNetworkState(network)
		state.scaleDown = &scaleDown{}
		if !r.decideScaleDown(t.Context(), network, state, nodes, 1, time.Unix(1, 0)) || state.scaleDown.synced || len(recorder.Events) != want {
			t.Errorf("%d nodes are reported: %+v, %d events, want %d", len(reported), state.scaleDown, len(recorder.Events), want)
		}
	}
}

// The kernel gives a port to connections with several targets.
func TestPeersOfSharedPodsAreFoundByBothEndsOfTheirConnections(t *testing.T) {
	nodes := sharedPod(4)
	ip := nodes[0].ip()
	for i := range nodes {
		nodes[i].answer = &answer{}
	}
	connect := func(from, to int, port string) {
		nodes[from].answer.peers = append(nodes[from].answer.peers, bitcoind.PeerInfo{Addr: nodes[to].listener(), AddrBind: ip + ":" + port, Version: 1})
		nodes[to].answer.peers = append(nodes[to].answer.peers, bitcoind.PeerInfo{Addr: ip + ":" + port, AddrBind: nodes[to].listener(), Inbound: true, Version: 1})
	}
	connect(0, 2, "40000")
	connect(1, 3, "40000")
	connect(3, 0, "40001")
	peers := peersOf(nodes)
	for i, want := range [][]int{{2, 3}, {3}, {0}, {1, 0}} {
		for j := range nodes[i].answer.peers {
			if got, found := peers.nodeOf(i, j); !found || got != want[j] {
				t.Errorf("peer %d of node %d is node %d, %v, want %d", j, i, got, found, want[j])
			}
		}
		if got := peers.count(i, &nodes[i]); int(got) != len(want) {
			t.Errorf("node %d has %d peers", i, got)
		}
	}
	nodes[0].answer.peers = []bitcoind.PeerInfo{{Addr: ip + ":40002", AddrBind: nodes[0].listener(), Inbound: true, Version: 1}}
	if got, found := peersOf(nodes).nodeOf(0, 0); found {
		t.Errorf("a peer without another end is node %d", got)
	}
}

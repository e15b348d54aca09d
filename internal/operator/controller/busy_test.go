package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// probed is a network of one node that has answered, with a function that runs a pass after a pause.
func probed(t *testing.T, fake *fakeNodes) (pass func(pause time.Duration) node) {
	t.Helper()
	fake.answer(0, healthyNode)
	client := fake.client(t)
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	state := newNetworkState(network)
	pods := allPodsReady(withAddresses(onChains("")))
	pass = func(pause time.Duration) node {
		time.Sleep(pause)
		nodes, _ := client.probeNodes(t.Context(), network, state, pods)
		return nodes[0]
	}
	if n := pass(0); !n.callable() {
		t.Fatalf("the node does not answer: %v", n.err)
	}
	return pass
}

func TestANodeWhoseThreadsAreAllTakenStaysReady(t *testing.T) {
	for name, flood := range map[string]bool{"calls that wait": false, "a full queue": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				fake := newFakeNodes()
				pass := probed(t, fake)
				fake.occupy(0, flood)
				pass(time.Second)
				for i := range 30 {
					n := pass(5 * time.Second)
					if !n.ready() || n.answer.chain.Blocks != 3 || !n.busy || !n.busyLately || n.callable() {
						t.Fatalf("pass %d: answer %v, busy %v, lately %v, %v", i, n.answer, n.busy, n.busyLately, n.err)
					}
				}
				fake.free(0)
				pass(callTimeout)
				if n := pass(callTimeout); !n.callable() || !n.busyLately {
					t.Errorf("freed: answer %v, busy %v, lately %v, %v", n.answer, n.busy, n.busyLately, n.err)
				}
				if n := pass(busyReportTime); n.busyLately {
					t.Error("it is reported as busy for ever")
				}
			})
		})
	}
}

// Each call waits for its turn in the node's queue, so that an answer is old when it arrives.
func TestANodeThatAnswersWithADelayStaysReady(t *testing.T) {
	for _, delay := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 9 * time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				fake := newFakeNodes()
				pass := probed(t, fake)
				fake.answer(0, func(method string, params []any) (any, error) {
					if method == "getnetworkinfo" {
						time.Sleep(delay)
					}
					return healthyNode(method, params)
				})
				for i := range 200 {
					// Passes at all times: by the poll interval, and by the events of other nodes.
					if n := pass(time.Duration(i%50) * 100 * time.Millisecond); !n.ready() {
						t.Fatalf("pass %d: %v", i, n.err)
					}
				}
			})
		})
	}
}

// The HTTP server of a process that is stopped, or hangs, does not respond.
func TestANodeThatHangsIsNotTakenForABusyOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		pass := probed(t, fake)
		fake.answer(0, nil)
		for range 3 {
			pass(5 * time.Second)
		}
		if n := pass(time.Second); n.ready() || n.busy {
			t.Errorf("answer %v, busy %v", n.answer, n.busy)
		}
		// Busy, and then it hangs.
		fake.answer(0, healthyNode)
		for range 3 {
			pass(callTimeout)
		}
		fake.occupy(0, false)
		for range 3 {
			pass(5 * time.Second)
		}
		if n := pass(time.Second); !n.busy {
			t.Fatalf("it is not busy: %v", n.err)
		}
		fake.free(0)
		fake.answer(0, nil)
		for range 5 {
			pass(5 * time.Second)
		}
		if n := pass(time.Second); n.ready() || n.busy || n.err == nil {
			t.Errorf("busy and then hanging: answer %v, busy %v, %v", n.answer, n.busy, n.err)
		}
	})
}

// In a flood of short calls the queue of a node is full now and then only.
func TestAProbeIsRepeatedWhenTheQueueIsFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		pass := probed(t, fake)
		fake.occupy(0, true)
		time.AfterFunc(5*time.Second+2*queuePause+time.Millisecond, func() { fake.free(0) })
		if n := pass(5 * time.Second); !n.callable() || n.busyLately {
			t.Errorf("answer %v, busy %v, lately %v", n.answer, n.busy, n.busyLately)
		}
	})
}

func TestABusyNodeIsRestoredFromTheStatus(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	status := v1.BitcoinNetworkStatus{Nodes: []v1.NodeStatus{{PodName: "n-sts-0", Ready: true, IP: address(0), Blocks: 7, BestBlockHash: hash, Peers: 2, Version: "/x/"}}}
	for name, test := range map[string]struct {
		change   func(*node, *v1.NodeStatus)
		restored bool
	}{
		"busy":                        {func(*node, *v1.NodeStatus) {}, true},
		"not busy":                    {func(n *node, _ *v1.NodeStatus) { n.busy = false }, false},
		"it was not ready":            {func(_ *node, s *v1.NodeStatus) { s.Ready = false }, false},
		"another pod":                 {func(_ *node, s *v1.NodeStatus) { s.IP = address(1) }, false},
		"a status without best block": {func(_ *node, s *v1.NodeStatus) { s.BestBlockHash = "" }, false},
	} {
		nodes := allPodsReady(withAddresses(onChains("")))
		nodes[0].podName, nodes[0].busy, nodes[0].err = "n-sts-0", true, errBusy
		before := *status.DeepCopy()
		test.change(&nodes[0], &before.Nodes[0])
		restoreBusy(nodes, before)
		if n := nodes[0]; n.ready() != test.restored || n.busy != test.restored {
			t.Errorf("%s: ready %v, busy %v", name, n.ready(), n.busy)
		}
		if test.restored {
			if got := nodeStatus(0, &nodes[0], "n", peersOf(nodes)); got.Blocks != 7 || got.BestBlockHash != hash || got.Peers != 2 || got.Version != "/x/" {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestTheConditionNamesBusyNodes(t *testing.T) {
	testReady(t, map[string]conditionTest{
		"a busy node":          {func(in *policyInputs) { in.nodes[1].busy, in.nodes[1].busyLately = true, true }, true, v1.ReasonRPCBusy, "calls, so that their last answers and the reports of their peers count: n-sts-1"},
		"a node that was busy": {func(in *policyInputs) { in.nodes[2].busyLately = true }, true, v1.ReasonRPCBusy, "n-sts-2"},
		"a node that is busy and has never answered": {func(in *policyInputs) {
			in.nodes[1].answer, in.nodes[1].err = nil, errBusy
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 (all its RPC threads are taken"},
		"a busy node, and another one does not answer": {func(in *policyInputs) {
			in.nodes[1].busy, in.nodes[1].busyLately = true, true
			in.nodes[2].answer, in.nodes[2].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodeNotAnswering, "n-sts-2 (no answer in time)"},
	})
}

// Blocks reach a busy node, but it cannot report them.
func TestTheChainOfABusyNodeIsItsLastOne(t *testing.T) {
	for name, test := range map[string]struct {
		chains   []string
		busy     []int
		branches int
		lag      int64
		complete bool
	}{
		"others have more blocks by now":  {[]string{"aaaaa", "a", "aaaaa"}, []int{1}, 1, 0, true},
		"it was on another branch":        {[]string{"aaaaa", "b", "aaaaa"}, []int{1}, 2, 0, true},
		"another one is behind":           {[]string{"aaaaa", "aa", "aa"}, []int{1}, 1, 3, true},
		"it cannot be asked":              {[]string{"aaa", "aaaaa", "aaa"}, []int{1}, 2, 0, false},
		"all are busy, and were on a tip": {[]string{"aaa", "aaa"}, []int{0, 1}, 1, 0, true},
	} {
		nodes := onChains(test.chains...)
		for _, i := range test.busy {
			nodes[i].busy = true
		}
		chains := compareTips(tipsOf(nodes), func(branch, lower tip) (bool, bool) {
			return branch.hash[:lower.height] == lower.hash && !branch.old, !branch.old
		})
		if len(chains.branches) != test.branches || chains.lag != test.lag || chains.complete != test.complete {
			t.Errorf("%s: %d branches, lag %d, complete %v", name, len(chains.branches), chains.lag, chains.complete)
		}
	}
}

func TestABusyNodeDoesNotMine(t *testing.T) {
	nodes := allPodsReady(onChains("a", "a"))
	nodes[0].busy = true
	schedule := miningSchedule{}
	if got := schedule.miner(time.Now(), []int{0, 1}, nodes, nil); got != 1 {
		t.Errorf("node %d mines", got)
	}
	// It may be busy, or have died: who else could mine, does.
	nodes[0].busy, nodes[0].missed = false, true
	if got, alone := schedule.miner(time.Now(), []int{0, 1}, nodes, nil), schedule.miner(time.Now(), []int{0}, nodes, nil); got != 1 || alone != 0 {
		t.Errorf("after a failed probe of node 0, node %d mines, and node %d if it is the only candidate", got, alone)
	}
}

// Calls to a busy node would only wait beside the others, and be carried out long after the operator has given them up.
func TestABusyNodeIsNotCalledToChangeItsConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		for i := range 3 {
			fake.answer(i, healthyNode)
		}
		shared := newSharedState()
		nodes := meshOfThree(shared)
		nodes[0].busy = true
		nodes[1].answer.peers, nodes[1].answer.added = nil, nil
		nodes[0].answer.added = append(nodes[0].answer.added, bitcoind.AddedNode{AddedNode: "10.0.0.99"})
		got := fake.client(t).connect(t.Context(), testNetwork(v1.BitcoinNetworkSpec{Nodes: 3}), shared, nodes, len(nodes), time.Now())
		if calls := fake.calls(); calls[0] != 0 || calls[1] == 0 {
			t.Errorf("calls %v", calls)
		}
		if got.existing != 1 || got.pending == 0 {
			t.Errorf("%d connections exist, %d calls are pending", got.existing, got.pending)
		}
	})
}

package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestValuesThatNoBitcoindReturnsAreRejected(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, spoil := range map[string]func(*answer){
		"another chain":           func(a *answer) { a.chain.Chain = "main" },
		"a chain of a megabyte":   func(a *answer) { a.chain.Chain = long },
		"an invalid hash":         func(a *answer) { a.chain.BestBlockHash = "0" },
		"a hash of a megabyte":    func(a *answer) { a.chain.BestBlockHash = long },
		"a negative height":       func(a *answer) { a.chain.Blocks = -1 },
		"a version of a megabyte": func(a *answer) { a.info.Subversion = long },
	} {
		a := &answer{chain: bitcoind.ChainInfo{Chain: "regtest", BestBlockHash: strings.Repeat("0a", 32)}, info: bitcoind.NetworkInfo{Subversion: "/Satoshi:29.0.0/"}}
		if err := a.validate(); err != nil {
			t.Fatal(err)
		}
		spoil(a)
		if err := a.validate(); !errors.Is(err, bitcoind.ErrGarbage) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.2000v", name, err)
		}
	}
}

// With more dead nodes than slots, those behind them in the queue are neither slow nor lost.
func TestAQueuedProbeDoesNotMakeANodeSlow(t *testing.T) {
	start := time.Now()
	shared := newSharedState()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	answerAt := func(now time.Time) (*answer, error) {
		n := node{pod: pod}
		shared.answerOf(&n, now)
		return n.answer, n.err
	}
	state, _, _ := shared.startProbe((&node{pod: pod}).process())
	if got, err := answerAt(start); got != nil || err != nil || state.slow {
		t.Errorf("new, in the queue: %v, %v, slow: %v", got, err, state.slow)
	}
	shared.sendProbe(state)
	shared.endProbe(state, &answer{at: start}, nil, start)
	state, started, wait := shared.startProbe((&node{pod: pod}).process())
	if !started || !wait {
		t.Fatal("it is not probed")
	}
	if got, err := answerAt(start.Add(answerLifetime)); got == nil || err != nil || state.slow {
		t.Errorf("in the queue: %v, %v, slow: %v", got, err, state.slow)
	}
	shared.sendProbe(state)
	if got, err := answerAt(start.Add(answerLifetime)); got == nil || err != nil || state.slow {
		t.Errorf("sent, without an answer for the first time: %v, %v, slow: %v", got, err, state.slow)
	}
	if got, err := answerAt(start.Add(answerLifetime + missLifetime)); got != nil || err == nil || !state.slow {
		t.Errorf("sent, without an answer: %v, %v, slow: %v", got, err, state.slow)
	}
}

// A new process of bitcoind has a new state: it is waited for, though the process before was slow.
func TestARestartedNodeIsNoLongerSlow(t *testing.T) {
	shared := newSharedState()
	pod := withAddresses(onChains("a"))[0].pod
	state, _, _ := shared.startProbe((&node{pod: pod}).process())
	shared.endProbe(state, nil, &bitcoind.UnreachableError{Err: context.DeadlineExceeded}, time.Now())
	state.slow = true
	if _, started, wait := shared.startProbe((&node{pod: pod}).process()); !started || wait {
		t.Errorf("slow: probed %v, waited for %v", started, wait)
	}
	pod.Status.ContainerStatuses[0].ContainerID = "another"
	if _, started, wait := shared.startProbe((&node{pod: pod}).process()); !started || !wait {
		t.Errorf("restarted: probed %v, waited for %v", started, wait)
	}
}

// Of three nodes, one answers, one hangs, and one is dead.
func TestAHangingNodeDelaysThePassOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		fake.answer(0, healthyNode)
		fake.kill(2)
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
		state := newNetworkState(network)
		pods := withAddresses(onChains("", "", ""))
		pass := func(want time.Duration, requeues int) []node {
			t.Helper()
			started := time.Now()
			nodes, at := client.probeNodes(t.Context(), network, state, pods)
			if took := time.Since(started); took != want || !at.Equal(time.Now()) {
				t.Errorf("a pass took %s instead of %s", took, want)
			}
			if nodes[0].answer == nil || nodes[0].answer.chain.Blocks != 3 || nodes[0].err != nil {
				t.Errorf("the healthy node: %+v, %v", nodes[0].answer, nodes[0].err)
			}
			if nodes[1].answer != nil || nodes[1].err == nil || nodes[2].answer != nil || nodes[2].err == nil {
				t.Errorf("the others: %v, %v", nodes[1].err, nodes[2].err)
			}
			if got := fake.requeues(); got != requeues {
				t.Errorf("%d background calls started a pass, want %d", got, requeues)
			}
			return nodes
		}
		nodes := pass(probeTimeout, 0)
		if !strings.Contains(nodes[1].err.Error(), "no answer within") {
			t.Error(nodes[1].err)
		}
		pass(0, 0) // the first probe has not ended
		if got := fake.calls(); got[1] != 1 {
			t.Errorf("%d probes of a node that has not answered the first one", got[1])
		}
		time.Sleep(callTimeout)
		pass(0, 1)
		synctest.Wait()
		fake.answer(1, func(method string, params []any) (any, error) {
			if method == "getnetworkinfo" {
				time.Sleep(time.Second)
			}
			return healthyNode(method, params)
		})
		time.Sleep(callTimeout + time.Second)
		pass(0, 2)
		time.Sleep(2 * time.Second)
		if fake.requeues() != 3 {
			t.Error("the answer of a slow node starts no pass")
		}
		started := time.Now()
		if nodes, _ = client.probeNodes(t.Context(), network, state, pods); nodes[1].answer == nil || time.Since(started) != time.Second {
			t.Error("a pass does not wait for a node that answers promptly again")
		}
	})
}

// The passes of an idle network are farther apart than an answer counts.
func TestASingleFailedProbeIsNoOutage(t *testing.T) {
	slow := func(method string, params []any) (any, error) {
		if method == "getnetworkinfo" {
			time.Sleep(probeTimeout + time.Second)
		}
		return healthyNode(method, params)
	}
	for name, fail := range map[string]func(fake *fakeNodes){
		"refused": func(fake *fakeNodes) { fake.kill(0) },
		"slow":    func(fake *fakeNodes) { fake.answer(0, slow) },
	} {
		inBubble(t, func(t *testing.T) {
			fake := newFakeNodes()
			fake.answer(0, healthyNode)
			client, network := fake.client(t), testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
			state, pods := newNetworkState(network), withAddresses(onChains(""))
			pass := func(after time.Duration, missed bool) node {
				t.Helper()
				time.Sleep(after)
				nodes, _ := client.probeNodes(t.Context(), network, state, pods)
				if wait := recheckMissed(nodes); nodes[0].missed != missed || (wait == missRecheck) != missed {
					t.Errorf("%s: missed: %v, and the next pass follows in %s", name, nodes[0].missed, wait)
				}
				return nodes[0]
			}
			pass(0, false)
			fail(fake)
			if n := pass(5*time.Second, true); n.answer == nil || n.busyLately {
				t.Errorf("%s: after the first one it answers %v (%v), busy %v", name, n.answer, n.err, n.busyLately)
			}
			fake.answer(0, healthyNode)
			time.Sleep(missRecheck + time.Second)
			client.probeNodes(t.Context(), network, state, pods) // which does not wait for a node that was slow
			synctest.Wait()
			if n := pass(missRecheck, false); n.answer == nil || n.busyLately {
				t.Errorf("%s: afterwards it answers %v (%v), busy %v", name, n.answer, n.err, n.busyLately)
			}
			fake.kill(0)
			pass(5*time.Second, true)
			if n := pass(missLifetime, false); n.answer != nil || n.err == nil {
				t.Errorf("%s: when it fails again it answers %v (%v)", name, n.answer, n.err)
			}
		})
	}
}

// The nodes of the input stay as they are: phases return what they found.
func TestProbesLeaveTheirInputUnchanged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		fake.answer(0, healthyNode)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
		pods := withAddresses(onChains(""))
		nodes, _ := fake.client(t).probeNodes(t.Context(), network, newNetworkState(network), pods)
		if nodes[0].answer == nil || pods[0].answer != nil {
			t.Errorf("result %v, input %v", nodes[0].answer, pods[0].answer)
		}
	})
}

package controller

import (
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A node that cannot be called may not be left alone for that.
func TestARenewalThatFailsIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(fake *fakeNodes){
		"it cannot be called": func(fake *fakeNodes) { fake.kill(1) },
		"it closes nothing": func(fake *fakeNodes) {
			fake.answer(1, func(string, []any) (any, error) { return nil, errFake })
		},
		"its queue is full": func(fake *fakeNodes) { fake.occupy(1, true) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				fake := newFakeNodes()
				nodes, connections := behindNetwork("aa", "a", "aa", "aa")
				network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 4})
				state := newNetworkState(network)
				state.shared = probedState(nodes)
				client := fake.client(t)
				pass := func(after time.Duration) int {
					time.Sleep(after)
					before := fake.calls()[1]
					client.restartSync(t.Context(), network, state, nodes, connections, chainComparison{lag: 1, branches: []tip{{}}}, time.Now())
					time.Sleep(time.Second)
					return fake.calls()[1] - before
				}
				fail(fake)
				for range len(resyncDelays) + 1 {
					pass(resyncDelays[2])
				}
				fake.free(1)
				fake.answer(1, healthyNode)
				if got := pass(0); got != 0 {
					t.Errorf("%d calls at once after a failed one", got)
				}
				if got := pass(resyncDelays[0]); got != 1 {
					t.Errorf("%d calls, want 1 batch when the node works again", got)
				}
				if got := state.shared.behindOf(&nodes[1]).restarts; got != 1 {
					t.Errorf("%d attempts count, want the one that did not fail", got)
				}
			})
		})
	}
}

// bitcoind carries out a batch also when its client has gone.
func TestARenewalWithoutAnAnswerInTimeCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		fake.answer(1, func(string, []any) (any, error) { time.Sleep(callTimeout); return nil, nil })
		nodes, connections := behindNetwork("aa", "a", "aa", "aa")
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 4})
		state := newNetworkState(network)
		state.shared = probedState(nodes)
		client := fake.client(t)
		for range 100 {
			client.restartSync(t.Context(), network, state, nodes, connections, chainComparison{lag: 1, branches: []tip{{}}}, time.Now())
			time.Sleep(resyncDelays[0])
		}
		if got := fake.calls()[1]; got != len(resyncDelays) {
			t.Errorf("%d batches, want %d", got, len(resyncDelays))
		}
	})
}

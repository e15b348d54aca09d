package controller

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The timeout of a call begins when it is sent, not while it waits for a slot.
func TestACallInASlotHasItsWholeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, slots, left := &nodeClient{}, newSlots(1), make(chan time.Duration)
		release := slots.acquire(t.Context(), promptCalls)
		c.run(t.Context(), slots, promptCalls, func(ctx context.Context) {
			until, _ := ctx.Deadline()
			left <- time.Until(until)
		})
		time.Sleep(time.Hour)
		release()
		if got := <-left; got != callTimeout {
			t.Errorf("%s of %s are left", got, callTimeout)
		}
	})
}

// A process that exits in the middle of a call would leave its result unknown.
func TestTheManagerWaitsForBackgroundCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &nodeClient{now: time.Now}
		ctx, stop := context.WithCancel(t.Context())
		client.run(t.Context(), newSlots(1), promptCalls, func(context.Context) { time.Sleep(time.Second) })
		started := time.Now()
		stop()
		if err := client.Start(ctx); err != nil || time.Since(started) != time.Second {
			t.Errorf("it waited %s, %v", time.Since(started), err)
		}
	})
}

// The manager stops while a node hangs.
func TestBackgroundCallsEndWithTheManager(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		client := fake.client(t)
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan time.Time, 1)
		go func() {
			if err := client.Start(ctx); err != nil {
				t.Error(err)
			}
			stopped <- time.Now()
		}()
		synctest.Wait()
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
		client.probeNodes(t.Context(), network, newNetworkState(network), withAddresses(onChains("")))
		stopping := time.Now()
		stop()
		if took := (<-stopped).Sub(stopping); took != 0 || fake.calls()[0] != 1 {
			t.Errorf("the manager waited %s for the call of a node that hangs", took)
		}
	})
}

// The passes of several networks begin calls at the moment in which the manager stops. The race detector reports a WaitGroup that grows
// while it is waited for. What the calls have claimed is returned, also by those that begin after that.
func TestTheClientStopsInTheMiddleOfPasses(t *testing.T) {
	fake := newFakeNodes()
	fake.answer(0, healthyNode)
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Nanosecond}}})
	for range 200 {
		client := fake.client(t)
		ctx, stop := context.WithCancel(t.Context())
		var passes, manager sync.WaitGroup
		manager.Go(func() {
			if err := client.Start(ctx); err != nil {
				t.Error(err)
			}
		})
		for range 4 {
			passes.Go(func() {
				state := newNetworkState(network)
				for ctx.Err() == nil {
					nodes, now := client.probeNodes(ctx, network, state, allPodsReady(withAddresses(onChains(""))))
					client.mine(ctx, network, state, miningInputs{now: now, nodes: nodes, sides: sidesOf(nodes, nil)})
				}
				// A pass that has begun before the manager stopped.
				client.probeNodes(t.Context(), network, state, withAddresses(onChains("")))
				manager.Wait()
				for _, probed := range state.shared.nodes {
					if probed.inFlight {
						t.Error("a probe that began while the manager stopped has not ended")
					}
				}
			})
		}
		time.AfterFunc(time.Millisecond, stop)
		passes.Wait()
	}
}

// A panic in a goroutine would end the operator, with all its networks. What the call has claimed is returned.
func TestAPanicInABackgroundCallIsLoggedAndEndsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var logged atomic.Int32
		logger := funcr.New(func(_, args string) {
			if strings.Contains(args, "broken") && strings.Contains(args, "nodeclient_test.go") {
				logged.Add(1)
			}
		}, funcr.Options{})
		fake := newFakeNodes()
		fake.answer(0, healthyNode)
		client := fake.client(t)
		client.rpc = bitcoind.NewClient(func(string, time.Duration, error) { panic("broken") }, fake.dial)
		ctx := log.IntoContext(t.Context(), logger)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}})
		state, start := newNetworkState(network), time.Now()
		for pass := range int32(3) {
			nodes, now := client.probeNodes(ctx, network, state, allPodsReady(withAddresses(onChains(""))))
			if nodes[0].answer != nil || nodes[0].err == nil || !now.Equal(start) {
				t.Fatalf("pass %d: answer %v, error %v after %s", pass, nodes[0].answer, nodes[0].err, now.Sub(start))
			}
			nodes[0].answer = onChains("a")[0].answer
			nodes[0].answer.added = []bitcoind.AddedNode{{AddedNode: "10.0.0.9"}}
			client.mine(ctx, network, state, miningInputs{now: now.Add(time.Duration(pass) * time.Minute), nodes: nodes, sides: sidesOf(nodes, nil)})
			client.connect(ctx, network, state.shared, nodes, len(nodes), now)
			synctest.Wait()
			if got, want := logged.Load(), 3*(pass+1); got != want || state.shared.changing() > 0 {
				t.Errorf("pass %d: %d panics are logged, want %d; %d nodes are being changed", pass, got, want, state.shared.changing())
			}
		}
	})
}

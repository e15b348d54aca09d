package controller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The timeout of a call begins when it is sent, not while it waits for a slot.
func TestACallInASlotHasItsWholeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, slots, left := &nodeClient{}, make(chan struct{}, 1), make(chan time.Duration)
		slots <- struct{}{}
		c.runInSlot(slots, func(ctx context.Context) {
			until, _ := ctx.Deadline()
			left <- time.Until(until)
		})
		time.Sleep(time.Hour)
		<-slots
		if got := <-left; got != callTimeout {
			t.Errorf("%s of %s are left", got, callTimeout)
		}
	})
}

// A process that exits in the middle of a call would leave its result unknown.
func TestTheManagerWaitsForBackgroundCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &nodeClient{}
		ctx, stop := context.WithCancel(t.Context())
		client.run(func(context.Context) { time.Sleep(time.Second) })
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

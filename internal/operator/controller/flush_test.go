package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestNewBlocksAreWrittenToTheVolume(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		fake.answer(0, func(method string, params []any) (any, error) {
			if method != "gettxoutsetinfo" || len(params) != 1 || params[0] != "none" {
				t.Errorf("call %s %v", method, params)
			}
			return map[string]any{}, nil
		})
		client, shared := fake.client(t), newSharedState()
		network := testNetwork(v1.BitcoinNetworkSpec{Storage: &v1.Storage{}})
		nodes := withAddresses(onChains("a"))
		shared.startProbe(nodes[0].process())
		size := int64(0)
		expect := func(best string, after time.Duration, want int) {
			t.Helper()
			nodes[0].answer.chain = bitcoind.ChainInfo{Blocks: int64(len(best)), BestBlockHash: best, SizeOnDisk: size}
			time.Sleep(after)
			client.flush(t.Context(), network, shared, nodes, func(*node) *resource.Quantity { return network.Spec.Storage.Size }, time.Now())
			time.Sleep(time.Second)
			synctest.Wait()
			if got := fake.calls()[0]; got != want {
				t.Errorf("%d flushes at %q, want %d", got, best, want)
			}
		}
		expect("", time.Minute, 0)
		expect("a", 0, 1)
		expect("a", time.Minute, 1)
		expect("aa", 0, 2)
		expect("aaa", time.Second, 2)
		expect("aaa", flushInterval, 3)
		network.Spec.Storage = nil
		expect("aaaa", time.Minute, 3)
		// bitcoind ends when it flushes to a full volume.
		network.Spec.Storage = &v1.Storage{Size: ptr.To(resource.MustParse("128Mi"))}
		size = 65 << 20
		expect("aaaaa", time.Minute, 3)
		size = 64 << 20
		expect("aaaaaa", time.Minute, 4)
	})
}

// A node that cannot be reached is tried again. One whose configuration does not allow the call, or that rejects it, is not.
func TestAFailedFlushIsRepeatedIfItMayHelp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		client, shared := fake.client(t), newSharedState()
		nodes := withAddresses(onChains("a", "a"))
		fake.kill(0)
		fake.answer(1, func(string, []any) (any, error) { return nil, errFake })
		for i := range nodes {
			shared.startProbe(nodes[i].process())
		}
		for range 3 {
			client.flush(t.Context(), testNetwork(v1.BitcoinNetworkSpec{Storage: &v1.Storage{}}), shared, nodes, func(*node) *resource.Quantity { return nil }, time.Now())
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if state := shared.nodes[nodes[0].key()]; state.flushed != "" || state.flushing {
			t.Errorf("a node that cannot be reached: %+v", state)
		}
		if got := fake.calls()[1]; got != 1 {
			t.Errorf("%d calls to a node that rejects them", got)
		}
		shared.endFlush(nodes[1].process(), bitcoind.ErrUnauthorized)
		if shared.startFlush(nodes[1].key(), "aa", time.Now()) {
			t.Error("a node with an earlier configuration is tried again")
		}
	})
}

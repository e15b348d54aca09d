package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func (s *sim) Height(_ context.Context, _ int, hash chainhash.Hash) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := s.best; at != (chainhash.Hash{}); at = s.blocks[at].previous {
		if at == hash {
			return s.blocks[at].height, nil
		}
	}
	return -1, nil
}

func (s *sim) At(_ context.Context, _ int, height int64) (chainhash.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height < 0 {
		return chainhash.Hash{}, errors.New("block height out of range")
	}
	at := s.best
	for s.blocks[at].height > height {
		at = s.blocks[at].previous
	}
	return at, nil
}

// hanging are nodes of which one does not answer while a test wants it.
type hanging struct {
	*sim
	node int
	on   *atomic.Bool
}

func (h hanging) wait(ctx context.Context, node int) error {
	if node == h.node && h.on.Load() {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (h hanging) Tip(ctx context.Context, node int) (faucet.Tip, error) {
	if err := h.wait(ctx, node); err != nil {
		return faucet.Tip{}, err
	}
	return h.sim.Tip(ctx, node)
}

func (h hanging) Mempool(ctx context.Context, node int) ([]chainhash.Hash, error) {
	if err := h.wait(ctx, node); err != nil {
		return nil, err
	}
	return h.sim.Mempool(ctx, node)
}

func (h hanging) Mine(ctx context.Context, node int, blocks int64, to string) (faucet.Tip, error) {
	if err := h.wait(ctx, node); err != nil {
		return faucet.Tip{}, err
	}
	return h.sim.Mine(ctx, node, blocks, to)
}

// newHanging is a run at a human pace whose first node hangs as long as hang is true.
func newHanging(t *testing.T, nodes int) (r *run, hang *atomic.Bool) {
	t.Helper()
	r, hang = newRun(t, nodes), &atomic.Bool{}
	r.Nodes = hanging{r.sim, 0, hang}
	r.Interval, r.Blocks, r.Check = 200*time.Millisecond, time.Second, 5*time.Second
	return r, hang
}

func TestANodeThatHangsStopsNeitherBlocksNorChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, hang := newHanging(t, 3)
		total := r.sends(2*time.Minute, func() { hang.Store(true) })
		r.allConfirmed(total, 300)
		// In each round two of three nodes mine, and the third costs its limit.
		if least := int64(2 * time.Minute / (mineTimeout + 4*time.Second) * 2); total.Blocks < least {
			t.Errorf("%d blocks were mined, and at least %d should be", total.Blocks, least)
		}
	})
}

func TestWhatNoNodeAnswersIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, hang := newHanging(t, 2)
		r.swallows = func(_ int, tx *wire.MsgTx) bool { return len(tx.TxOut) == 2 }
		total := r.sends(10*time.Second, func() { hang.Store(true) })
		if total.Unknown != total.Sent || total.Sent < 10 || total.Lost > 0 || !strings.Contains(total.String(), fmt.Sprintf(" 0 lost, %d unknown", total.Sent)) {
			t.Errorf("%s", total)
		}
	})
}

func TestTheEndOfTheContextEndsTheWaitAfterADuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newHanging(t, 2)
		r.Blocks, r.Others = 0, time.Hour
		begin := time.Now()
		var stopped time.Duration
		r.Stopped = func() { stopped = time.Since(begin) }
		connected, disconnect := context.WithCancel(t.Context())
		closed := r.Start(connected)
		defer closed()
		defer disconnect()
		if err := r.Prepare(connected); err != nil {
			t.Fatal(err)
		}
		begin = time.Now()
		ctx, cancel := context.WithTimeout(connected, 20*time.Second)
		defer cancel()
		total := r.Run(ctx, 10*time.Second)
		if took := time.Since(begin); took != 20*time.Second || stopped != 10*time.Second {
			t.Errorf("sending ended after %s, and the wait after %s", stopped, took)
		}
		if total.Unconfirmed != total.Sent || total.Sent < 40 {
			t.Errorf("%s", total)
		}
	})
}

func TestAGapOfManyBlocksIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newHanging(t, 2)
		total := r.sends(30*time.Second, func() {
			for range 2 {
				time.Sleep(11 * time.Second)
				if _, err := r.Mine(t.Context(), 0, 700, r.Accounts[0].Address()); err != nil {
					t.Error(err)
				}
			}
		})
		r.allConfirmed(total, 100)
	})
}

func TestAReplacementOfAllKnownBlocksIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newHanging(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		defer r.Start(ctx)()
		defer cancel()
		if err := r.Prepare(ctx); err != nil { // 104 blocks or so
			t.Fatal(err)
		}
		for i, step := range []func(){
			func() { r.reorganise(20) },
			func() { r.reorganise(int(r.blocks[r.best].height)) },
			func() { _, _ = r.sim.Mine(ctx, 0, 138-r.blocks[r.best].height, r.Accounts[0].Address()) },
			func() { r.reorganise(138) }, // 139 blocks, one fewer than a walk has
			func() { _, _ = r.sim.Mine(ctx, 0, 300, r.Accounts[0].Address()) },
			func() { r.reorganise(200) },
			func() { _, _ = r.sim.Mine(ctx, 0, 300, r.Accounts[0].Address()) },
		} {
			step()
			if err := r.follow(ctx); err != nil {
				t.Fatal(err)
			}
			if tip, _ := r.tip(); tip != r.best {
				t.Errorf("after step %d the stream is at %s, and the chain at %s", i, tip, r.best)
			}
		}
	})
}

// The blocks of the branch that replaces the first known one, too, have transactions of the stream.
func TestTransactionsAreConfirmedAfterAReplacementOfTheFirstKnownBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newHanging(t, 2)
		r.Blocks = 10 * time.Second
		r.allConfirmed(r.sends(20*time.Second, func() {
			time.Sleep(7 * time.Second)
			r.reorganise(20)
		}), 80)
		if height := r.blocks[r.best].height; height >= maxWalk {
			t.Errorf("the chain has %d blocks, so that a walk ends before the first one", height)
		}
	})
}

// halfDead is a cluster whose node 0 mines no block.
type halfDead struct{}

func (halfDead) Exec(ctx context.Context, _, pod string, command []string, _ io.Reader, out, _ io.Writer) error {
	var answer any = "txid"
	switch {
	case slices.Contains(command, "generatetoaddress") && strings.HasSuffix(pod, "-0"):
		<-ctx.Done()
		return ctx.Err()
	case slices.Contains(command, "generatetoaddress"):
		answer = []string{"hash"}
	case slices.Contains(command, "getblockheader"):
		answer = map[string]int{"height": 1}
	}
	return json.NewEncoder(out).Encode(answer)
}

func TestADeadNodeStopsNeitherCallsNorBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &cluster.Client{Namespace: "ns", Pods: halfDead{}, Poll: time.Second}
		run := Traffic{Cluster: client, Interval: time.Second, Blocks: 2 * time.Second, Fees: Fees{1, 1}, Note: func(string, ...any) {}}
		for i := range 2 {
			node := noderef.Node{Ordinal: i, Pod: fmt.Sprintf("net-sts-%d", i)}
			run.Faucets = append(run.Faucets, &faucet.Faucet{Cluster: client, UID: "uid", Node: node})
			run.addresses = append(run.addresses, "address")
			run.random = append(run.random, func(int) int { return 0 })
		}
		run.random[0] = func(n int) int { return n - 1 }
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		if total := run.Run(ctx); total.Sent < 95 || total.Blocks < 3 {
			t.Errorf("%s", total)
		}
	})
}

package traffic

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

// rivals are nodes of which another miner replaces the first blocks that pay the wallets.
type rivals struct {
	*sim
	awaited *int
}

func (r rivals) Await(context.Context, faucet.Tip) error {
	if *r.awaited++; *r.awaited == 1 {
		r.reorganise(int(r.blocks[r.best].height))
	}
	return nil
}

func TestRewardsThatAnotherMinersBranchReplacesAreMinedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, 2)
		r.Nodes = rivals{r.sim, new(int)}
		r.allConfirmed(r.sends(100*time.Millisecond, nothing), 10)
	})
}

// busy are nodes of which another miner mines hundreds of blocks while the wallets get their coins. awaited and read are the numbers of
// calls.
type busy struct {
	*sim
	awaited, read *int
}

func (b busy) Await(context.Context, faucet.Tip) error {
	if *b.awaited++; *b.awaited == 1 {
		for range 300 {
			b.minesSome(0)
		}
	}
	return nil
}

func (b busy) Block(ctx context.Context, node int, hash chainhash.Hash) (Block, error) {
	*b.read++
	return b.sim.Block(ctx, node, hash)
}

func TestThePreparationReadsNoBlocksFromBeforeItsTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, 2)
		nodes := busy{r.sim, new(int), new(int)}
		r.Nodes = nodes
		ctx, cancel := context.WithCancel(t.Context())
		closed := r.Start(ctx)
		defer closed()
		defer cancel()
		if err := r.Prepare(ctx); err != nil || *nodes.read > 10 {
			t.Errorf("%d blocks were read (%v)", *nodes.read, err)
		}
	})
}

// stubborn is a node whose branch is replaced each time.
type stubborn struct{ *sim }

func (s stubborn) Await(context.Context, faucet.Tip) error {
	s.reorganise(int(s.blocks[s.best].height))
	return nil
}

func TestAPreparationWhoseRewardsAreAlwaysReplacedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, 2)
		r.Nodes = stubborn{r.sim}
		ctx, cancel := context.WithCancel(t.Context())
		closed := r.Start(ctx)
		defer closed()
		defer cancel()
		if err := r.Prepare(ctx); err == nil || !strings.Contains(err.Error(), "the wallet traffic of net-sts-0: the wallet has no coins that can be spent now; try again after some blocks") {
			t.Errorf("it ended with %v", err)
		}
	})
}

// minesSome mines a block with the first transactions of the mempools, as another miner with small blocks does.
func (s *sim) minesSome(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	txs := s.pools[0].txs
	taken := min(most, len(txs))
	s.add([]byte{0x51}, txs[:taken])
	for i := range s.pools {
		s.pools[i] = newPool(txs[taken:])
	}
}

// Each block of other miners confirms a part: together they take longer than the end waits without progress.
func TestTheEndWaitsAsLongAsThereIsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, 2)
		r.Blocks, r.Others = 0, 100*time.Millisecond
		total := r.sends(40*time.Millisecond, func() {
			for range 8 {
				time.Sleep(r.Others)
				r.minesSome(2)
			}
		})
		r.allConfirmed(total, 8)
	})
}

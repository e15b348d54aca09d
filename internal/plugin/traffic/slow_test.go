package traffic

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// slow are nodes of a busy machine.
type slow struct{ *sim }

func (s slow) Mempool(ctx context.Context, node int) ([]chainhash.Hash, error) {
	time.Sleep(600 * time.Millisecond) // longer than the end waits by the clock
	return s.sim.Mempool(ctx, node)
}

// What was lost is sent again by the checks at the end, however long each takes.
func TestTheEndWaitsForChecksOfABusyMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, 2)
		r.Nodes = slow{r.sim}
		var mu sync.Mutex
		sent := map[chainhash.Hash]int{}
		r.swallows = func(_ int, tx *wire.MsgTx) bool {
			mu.Lock()
			defer mu.Unlock()
			sent[tx.TxHash()]++
			return len(tx.TxOut) == 2 && sent[tx.TxHash()] <= 3
		}
		r.allConfirmed(r.sends(40*time.Millisecond, nothing), 5)
	})
}

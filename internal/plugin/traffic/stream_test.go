package traffic

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// run is a stream through a simulated network.
type run struct {
	*Stream
	*sim
	mu    sync.Mutex
	notes []string
	txids []string
}

func newRun(t *testing.T, nodes int) *run {
	t.Helper()
	r := &run{sim: newSim(t, nodes)}
	r.Stream = &Stream{
		Nodes: r.sim, Connect: r.connect, Interval: 4 * time.Millisecond, Blocks: 60 * time.Millisecond, Fees: Fees{1, 20}, Check: 20 * time.Millisecond,
		Note: func(format string, args ...any) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notes = append(r.notes, fmt.Sprintf(format, args...))
		},
		Sent: func(txid string) { r.txids = append(r.txids, txid) },
	}
	for i := range nodes {
		account, err := ledger.NewAccount(faucet.MasterKey(faucet.TrafficWallet, "uid", i))
		if err != nil {
			t.Fatal(err)
		}
		r.Accounts, r.Pods = append(r.Accounts, account), append(r.Pods, fmt.Sprintf("net-sts-%d", i))
	}
	return r
}

// sends prepares the wallets and sends for a time; meanwhile runs beside it.
func (r *run) sends(duration time.Duration, meanwhile func()) StreamTotal {
	r.sim.Helper()
	ctx, cancel := context.WithCancel(r.sim.Context())
	closed := r.Start(ctx)
	defer closed()
	defer cancel()
	if err := r.Prepare(ctx); err != nil {
		r.sim.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); meanwhile() }()
	total := r.Run(ctx, duration)
	<-done
	r.sim.Logf("%s; %q", total, r.notes)
	if total.Sent != total.Confirmed+total.Rejected+total.Unconfirmed+total.Lost+total.Unknown || total.Sent != int64(len(r.txids)) {
		r.sim.Errorf("the total does not add up: %+v of %d", total, len(r.txids))
	}
	return total
}

// inChain are the ids of the transactions of the run that are in the best chain.
func (r *run) inChain() int {
	in := map[string]bool{}
	for id := range r.heights {
		in[id.String()] = true
	}
	count := 0
	for _, id := range r.txids {
		if in[id] {
			count++
		}
	}
	return count
}

// allConfirmed checks that nothing is stuck or lost.
func (r *run) allConfirmed(total StreamTotal, atLeast int64) {
	r.sim.Helper()
	if total.Confirmed != total.Sent || total.Sent < atLeast || int64(r.inChain()) != total.Sent {
		r.sim.Errorf("%+v, and %d are in the chain; at least %d should be", total, r.inChain(), atLeast)
	}
}

func nothing() {}

func TestEachTransactionOfAStreamIsConfirmed(t *testing.T) {
	synctest.Test(t, testEachTransactionOfAStreamIsConfirmed)
}

func testEachTransactionOfAStreamIsConfirmed(t *testing.T) {
	r := newRun(t, 3)
	total := r.sends(600*time.Millisecond, nothing)
	r.allConfirmed(total, 60)
	if total.Blocks < 3 || total.Sent+total.Skipped != 150 {
		t.Errorf("%+v", total)
	}
	// A second one finds the coins of the first, and mines no rewards.
	height := r.blocks[r.best].height
	again := newRun(t, 3)
	again.sim = r.sim
	again.Nodes, again.Connect = r.sim, r.connect
	again.allConfirmed(again.sends(100*time.Millisecond, nothing), 20)
	if mined := r.blocks[r.best].height - height; mined > 30 {
		t.Errorf("the second one mined %d blocks", mined)
	}
}

func TestALostConnectionLosesNoTransaction(t *testing.T) {
	synctest.Test(t, testALostConnectionLosesNoTransaction)
}

func testALostConnectionLosesNoTransaction(t *testing.T) {
	r := newRun(t, 3)
	total := r.sends(600*time.Millisecond, func() {
		for range 3 {
			time.Sleep(120 * time.Millisecond)
			r.restart(1)
		}
	})
	r.allConfirmed(total, 130)
	if r.dialled[1] < 3 || !strings.Contains(strings.Join(r.notes, "\n"), "The connection with net-sts-1 is lost, and is opened again: the node closed the connection") {
		t.Errorf("the node was dialled %d times: %q", r.dialled[1], r.notes)
	}
}

// A connection begins with what is pending, before a check misses it.
func TestANewConnectionGetsWhatTheLastOneLost(t *testing.T) {
	synctest.Test(t, testANewConnectionGetsWhatTheLastOneLost)
}

func testANewConnectionGetsWhatTheLastOneLost(t *testing.T) {
	r := newRun(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	closed := r.Start(ctx)
	defer closed()
	defer cancel()
	if err := r.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if !r.send() {
			t.Fatal("no transaction was sent")
		}
	}
	inPool := func() int {
		r.sim.mu.Lock()
		defer r.sim.mu.Unlock()
		return len(r.pools[0].txs)
	}
	for range 2 {
		testtools.Eventually(t, "all transactions in the mempools", 10*time.Second, func() error {
			if n := inPool(); n != 10 {
				return fmt.Errorf("%d are", n)
			}
			return nil
		})
		r.restart(0)
		r.restart(1)
	}
}

func TestAReorganisationLosesNoTransaction(t *testing.T) {
	synctest.Test(t, testAReorganisationLosesNoTransaction)
}

func testAReorganisationLosesNoTransaction(t *testing.T) {
	r := newRun(t, 2)
	total := r.sends(600*time.Millisecond, func() {
		for range 2 {
			time.Sleep(200 * time.Millisecond)
			r.reorganise(2)
			r.restart(0) // nodes that restart do not have the transactions of the old blocks in their mempools
		}
	})
	r.allConfirmed(total, 130)
}

func TestWhatANodeRejectsHasItsReason(t *testing.T) {
	synctest.Test(t, testWhatANodeRejectsHasItsReason)
}

func testWhatANodeRejectsHasItsReason(t *testing.T) {
	r := newRun(t, 2)
	odd := func(tx *wire.MsgTx) bool { return len(tx.TxOut) == 2 && tx.TxHash()[0]%8 == 0 }
	r.policy = func(_ int, tx *wire.MsgTx) string {
		if odd(tx) {
			return "min relay fee not met"
		}
		return ""
	}
	total := r.sends(500*time.Millisecond, nothing)
	if total.Rejected < 5 || total.Lost > 0 || total.Confirmed < 50 || int64(r.inChain()) != total.Confirmed {
		t.Errorf("%+v", total)
	}
	if text := strings.Join(r.notes, "\n"); strings.Count(text, "rejects transaction") != 1 || !strings.Contains(text, ": min relay fee not met. Further ones") {
		t.Errorf("the notes are %s", text)
	}
}

func TestWithoutBlocksTransactionsStayInTheMempool(t *testing.T) {
	synctest.Test(t, testWithoutBlocksTransactionsStayInTheMempool)
}

func testWithoutBlocksTransactionsStayInTheMempool(t *testing.T) {
	r := newRun(t, 2)
	r.Blocks = 0
	total := r.sends(300*time.Millisecond, nothing)
	if total.Unconfirmed != total.Sent || total.Sent < 50 || total.Blocks != 0 {
		t.Errorf("%+v", total)
	}
}

func TestALostTransactionIsCounted(t *testing.T) { synctest.Test(t, testALostTransactionIsCounted) }

func testALostTransactionIsCounted(t *testing.T) {
	r := newRun(t, 2)
	r.swallows = func(_ int, tx *wire.MsgTx) bool { return len(tx.TxOut) == 2 }
	total := r.sends(100*time.Millisecond, nothing)
	if total.Lost != total.Sent || total.Sent < 10 {
		t.Errorf("%+v", total)
	}
}

// As bitcoind does, which has rejected them when it had other blocks, or none.
func TestTransactionsThatNodesIgnoreUntilTheNextBlockAreConfirmed(t *testing.T) {
	synctest.Test(t, testTransactionsThatNodesIgnoreUntilTheNextBlockAreConfirmed)
}

func testTransactionsThatNodesIgnoreUntilTheNextBlockAreConfirmed(t *testing.T) {
	r := newRun(t, 2)
	rejected := map[chainhash.Hash]chainhash.Hash{}
	r.swallows = func(_ int, tx *wire.MsgTx) bool {
		if len(tx.TxOut) != 2 {
			return false
		}
		at, known := rejected[tx.TxHash()]
		if !known {
			rejected[tx.TxHash()] = r.best
		}
		return !known || at == r.best
	}
	r.Blocks = time.Minute // none while it sends
	total := r.sends(100*time.Millisecond, nothing)
	if total.Confirmed != total.Sent || total.Sent < 10 || total.Blocks == 0 {
		t.Errorf("%+v", total)
	}
}

func TestAChainThatPaysNothingIsNamed(t *testing.T) {
	synctest.Test(t, testAChainThatPaysNothingIsNamed)
}

func testAChainThatPaysNothingIsNamed(t *testing.T) {
	r := newRun(t, 2)
	if _, err := r.Mine(t.Context(), 0, 150*40, r.Accounts[0].Address()); err != nil {
		t.Fatal(err)
	}
	r.policy = func(int, *wire.MsgTx) string { return "nothing" }
	r.Accounts = r.Accounts[1:] // the rewards are not those of the stream
	r.Pods = r.Pods[1:]
	r.Start(t.Context())
	if err := r.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot pay any more") {
		t.Errorf("the error is %v", err)
	}
}

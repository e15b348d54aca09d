package traffic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
)

// Nodes are the calls of bitcoin-cli that a Stream needs, some of them every few seconds. Nodes are numbered as the accounts are.
type Nodes interface {
	// Coins returns what the accounts can spend: mature, in the chain, and spent by nothing in the mempool.
	Coins(ctx context.Context) ([]ledger.Found, error)
	Tip(ctx context.Context, node int) (faucet.Tip, error)
	Block(ctx context.Context, node int, hash chainhash.Hash) (Block, error)
	// Height is that of a block in the best chain of the node, -1 if it is not in it.
	Height(ctx context.Context, node int, hash chainhash.Hash) (int64, error)
	// At is the block of the best chain at a height.
	At(ctx context.Context, node int, height int64) (chainhash.Hash, error)
	Mempool(ctx context.Context, node int) ([]chainhash.Hash, error)
	// Rejection is bitcoind's reason against a transaction, empty if it would accept it.
	Rejection(ctx context.Context, node int, tx *wire.MsgTx) (string, error)
	Mine(ctx context.Context, node int, blocks int64, address string) (faucet.Tip, error)
	// Await waits until all nodes have a block, or none has it: the branch of another miner has replaced it.
	Await(ctx context.Context, tip faucet.Tip) error
}

// Block is one of the chain.
type Block struct {
	Previous chainhash.Hash
	TxIDs    []chainhash.Hash
}

// Stream signs its transactions itself and hands them to the nodes over P2P: the nodes start no process for them. It keeps what became of
// each, as bitcoind reports it.
type Stream struct {
	Nodes Nodes
	// Pods are the names of the nodes, and Accounts their wallets.
	Pods     []string
	Accounts []*ledger.Account
	// Connect opens a connection with the P2P port of a node.
	Connect func(ctx context.Context, node int) (Peer, error)
	// Interval between two transactions, and between two blocks that the stream mines; 0 for none.
	Interval, Blocks time.Duration
	// Others is the time between two blocks of other miners, 0 if there are none.
	Others time.Duration
	Fees   Fees
	// Note reports what happens, and Sent each transaction when it is handed over.
	Note func(format string, args ...any)
	Sent func(txid string)
	// Stopped is called when nothing is sent any more, before the wait for confirmations.
	Stopped func()
	// Check is the time between two checks. Default: 5 seconds.
	Check time.Duration

	mu    sync.Mutex
	book  *ledger.Ledger
	links []*link
	turn  int
	// seen are the transactions in the mempools at the last check that came to its end.
	seen map[chainhash.Hash]bool
	// blind is true when a later check failed, or lacks the mempool of a node.
	blind bool
	// guide is the node that answered last about the chain, and height that of its best block.
	guide  int
	height int64
	// miner counts the attempts to mine.
	miner atomic.Int64
	// checking is held during a check.
	checking sync.Mutex
	reasons  map[string]bool
	skipped  atomic.Int64
	mined    atomic.Int64
	// dry is true when no wallet had a coin.
	dry atomic.Bool
	// refilled is the time of the last search for coins.
	refilled time.Time
}

// StreamTotal is what became of the transactions.
type StreamTotal struct {
	Sent      int64 `json:"sent"`
	Confirmed int64 `json:"confirmed"`
	Rejected  int64 `json:"rejected"`
	// Unconfirmed are in a mempool.
	Unconfirmed int64 `json:"unconfirmed"`
	// Lost are in no block, in no mempool, and not rejected.
	Lost int64 `json:"lost"`
	// Unknown would be lost if all nodes had answered.
	Unknown int64 `json:"unknown"`
	// Skipped are those for which no wallet had a coin or no node a connection in time.
	Skipped int64 `json:"skipped"`
	Blocks  int64 `json:"blocks"`
}

// String is the total as a sentence.
func (t StreamTotal) String() string {
	unknown := ""
	if t.Unknown > 0 {
		unknown = fmt.Sprintf(", %d unknown because a node did not answer", t.Unknown)
	}
	return fmt.Sprintf("sent %d transactions: %d confirmed, %d rejected, %d unconfirmed, %d lost%s; %d skipped; %d blocks mined",
		t.Sent, t.Confirmed, t.Rejected, t.Unconfirmed, t.Lost, unknown, t.Skipped, t.Blocks)
}

// Start opens the connections, which stay open until the context ends. wait returns when they are closed.
func (s *Stream) Start(ctx context.Context) (wait func()) {
	s.book = ledger.New(s.Accounts, s.coins())
	s.reasons = map[string]bool{}
	s.Nodes = hasty{s.Nodes}
	if s.Check == 0 {
		s.Check = 5 * time.Second
	}
	var running sync.WaitGroup
	for range s.Accounts {
		s.links = append(s.links, &link{queue: make(chan *ledger.Tx, maxQueued)})
	}
	for i := range s.links {
		running.Go(func() { s.serve(ctx, i) })
	}
	return running.Wait
}

// Run sends until the context ends, or for a time if it is not 0. Afterwards it waits until the transactions are confirmed, with a limit, or
// until the context ends, if it has not yet.
func (s *Stream) Run(all context.Context, duration time.Duration) StreamTotal {
	ctx := all
	if duration > 0 {
		limited, cancel := context.WithTimeout(all, duration)
		defer cancel()
		ctx = limited
	}
	var running sync.WaitGroup
	running.Go(func() { s.pace(ctx) })
	running.Go(func() { cluster.Every(ctx, s.Check, func() { s.checkAndRefill(ctx) }) })
	running.Go(func() { cluster.Every(ctx, reportInterval, func() { s.Note("%s", s.progress()) }) })
	if s.Blocks > 0 {
		running.Go(func() {
			cluster.Every(ctx, s.Blocks, func() {
				if err := s.mine(ctx); err != nil && ctx.Err() == nil {
					s.Note("No block was mined: %s", err.Error())
				}
			})
		})
	}
	running.Wait()
	if s.Stopped != nil {
		s.Stopped()
	}
	if all.Err() != nil {
		all = context.WithoutCancel(all)
	}
	s.settle(all)
	return s.total()
}

const (
	// backlog is how long a transaction that could not be sent in time is still sent later.
	backlog = 5 * time.Second
	// maxTick is the longest time between two readings of the clock, and minTick the shortest.
	minTick, maxTick = 5 * time.Millisecond, 100 * time.Millisecond
)

// pace sends as many transactions as are due at the time that has passed, also when one of its ticks is delayed.
func (s *Stream) pace(ctx context.Context) {
	tick := time.NewTicker(min(max(s.Interval, minTick), maxTick))
	defer tick.Stop()
	start, done := time.Now(), int64(0)
	end, limited := ctx.Deadline()
	catchUp := func(now time.Time) {
		due := int64(now.Sub(start)/s.Interval) - done
		if excess := due - max(1, int64(backlog/s.Interval)); excess > 0 {
			s.skipped.Add(excess)
			done, due = done+excess, due-excess
		}
		for ; due > 0 && s.send(); due-- {
			done++
		}
	}
	for {
		select {
		case now := <-tick.C:
			catchUp(now)
		case <-ctx.Done():
			now := time.Now()
			if limited && now.After(end) {
				now = end
			}
			catchUp(now)
			s.skipped.Add(max(0, int64(now.Sub(start)/s.Interval)-done))
			return
		}
	}
}

// send makes one transaction and gives it to the connection of its node. It returns false when no wallet can pay now.
func (s *Stream) send() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	connected := false
	for k := range s.links {
		from := (s.turn + k) % len(s.links)
		if !s.links[from].ready() {
			continue
		}
		connected = true
		to := from
		for len(s.links) > 1 && to == from {
			to = rand.IntN(len(s.links)) //nolint:gosec // no secret
		}
		tx, err := s.book.Pay(ledger.Payment{
			From: from, To: to, Value: amount.Satoshis(least + rand.IntN(most-least)), //nolint:gosec // no secret
			FeeRate: s.Fees.Rate(rand.IntN), Random: rand.IntN, //nolint:gosec // no secret
		})
		if errors.Is(err, ledger.ErrNoCoins) {
			continue
		}
		if err != nil {
			s.Note("No transaction was created: %s", err.Error())
			return false
		}
		s.turn = from + 1
		s.links[from].push(tx)
		if s.Sent != nil {
			s.Sent(tx.ID.String())
		}
		return true
	}
	s.dry.Store(connected)
	return false
}

func (s *Stream) progress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.book.Counts()
	return fmt.Sprintf("Sent %d transactions: %d confirmed, %d rejected, %d pending; %d skipped; %d blocks mined.",
		counts.Sent, counts.Confirmed, counts.Rejected, counts.Pending, s.skipped.Load(), s.mined.Load())
}

// total separates what is pending by the mempools of the last check.
func (s *Stream) total() StreamTotal {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.book.Counts()
	total := StreamTotal{Sent: counts.Sent, Confirmed: counts.Confirmed, Rejected: counts.Rejected, Skipped: s.skipped.Load(), Blocks: s.mined.Load()}
	for _, tx := range s.book.Pending() {
		switch {
		case tx.Internal:
		case s.seen[tx.ID]:
			total.Unconfirmed++
		case s.blind:
			total.Unknown++
		default:
			total.Lost++
		}
	}
	return total
}

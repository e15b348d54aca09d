package traffic

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
)

const (
	// The number of checks after which a transaction that is nowhere is sent again, and its rejection is final although its node may only
	// be behind.
	missesToSend, missesToGiveUp = 2, 5
	// maxQuestions are the transactions whose rejection one check requests.
	maxQuestions = 10
	// settleChecks are the times of a check that the end waits without progress, two minutes, and arrivalChecks those that a transaction
	// may need to be in a mempool. On a busy machine each check takes long: idleChecks have to end without progress, too, so that what
	// a lost node had can be sent again.
	settleChecks, arrivalChecks, idleChecks = 24, 4, missesToGiveUp + 1
	// refillInterval is the time between two searches for coins.
	refillInterval = 30 * time.Second
)

// checkOnce follows the chain and searches for what is pending. Errors are those of nodes that do not answer, and pass.
func (s *Stream) checkOnce(ctx context.Context) {
	s.checking.Lock()
	defer s.checking.Unlock()
	if err := s.follow(ctx); err != nil {
		s.failedCheck(ctx)
		return
	}
	seen, all := s.mempools(ctx)
	if seen == nil {
		s.failedCheck(ctx)
		return
	}
	s.mu.Lock()
	s.seen, s.blind = seen, !all
	var missing []*ledger.Tx
	for _, tx := range s.book.Pending() {
		if seen[tx.ID] {
			tx.Misses = 0
		} else if tx.Misses++; tx.Misses >= missesToSend {
			missing = append(missing, tx)
		}
	}
	s.mu.Unlock()
	s.sendAgain(ctx, missing)
}

// sendAgain asks why nodes do not have some of the transactions, and sends all of them again that are still pending.
func (s *Stream) sendAgain(ctx context.Context, missing []*ledger.Tx) {
	var questions sync.WaitGroup
	asked := 0
	for _, tx := range missing {
		if asked < maxQuestions && s.isRoot(tx) {
			asked++
			questions.Go(func() { s.question(ctx, tx) })
		}
	}
	questions.Wait()
	for _, tx := range missing {
		s.links[tx.From].push(tx)
	}
}

// failedCheck notes that a check failed, unless the caller ended it.
func (s *Stream) failedCheck(ctx context.Context) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.blind = true
	}
}

func (s *Stream) isRoot(tx *ledger.Tx) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return tx.State == ledger.Pending && tx.Root()
}

func (s *Stream) follows(hash chainhash.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Follows(hash)
}

func (s *Stream) tip() (chainhash.Hash, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Tip()
}

// mempools are the transactions in the mempool of any node, nil if no node answered; all reports whether each one did.
func (s *Stream) mempools(ctx context.Context) (seen map[chainhash.Hash]bool, all bool) {
	all = true
	var mu sync.Mutex
	var running sync.WaitGroup
	for node := range s.Pods {
		running.Go(func() {
			ids, err := s.Nodes.Mempool(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				all = false
				return
			}
			if seen == nil {
				seen = map[chainhash.Hash]bool{}
			}
			for _, id := range ids {
				seen[id] = true
			}
		})
	}
	running.Wait()
	return seen, all
}

// question asks the node of a transaction why it does not have it.
func (s *Stream) question(ctx context.Context, tx *ledger.Tx) {
	reason, err := s.Nodes.Rejection(ctx, tx.From, tx.Msg)
	if err != nil || reason == "" || strings.Contains(reason, "already") {
		return
	}
	// Its inputs may be in a block that the node does not have yet.
	spent := strings.Contains(reason, "missing") || strings.Contains(reason, "conflict")
	s.mu.Lock()
	if spent && tx.Misses < missesToGiveUp {
		s.mu.Unlock()
		return
	}
	rejected := s.book.Reject(tx, !spent)
	known := s.reasons[reason]
	s.reasons[reason] = true
	s.mu.Unlock()
	if rejected > 0 && !known {
		s.Note("%s rejects transaction %s: %s. Further ones with this reason are only counted.", s.Pods[tx.From], tx.ID, reason)
	}
}

// checkAndRefill also searches for new coins when the wallets had none: rewards of blocks become mature.
func (s *Stream) checkAndRefill(ctx context.Context) {
	s.checkOnce(ctx)
	if !s.dry.Swap(false) || time.Since(s.refilled) < refillInterval {
		return
	}
	s.refilled = time.Now()
	if err := s.addCoins(ctx); err != nil && ctx.Err() == nil {
		s.Note("No further coins were found: %s", err.Error())
	}
}

func (s *Stream) addCoins(ctx context.Context) error {
	found, err := s.Nodes.Coins(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, coin := range found {
		s.book.Add(coin)
	}
	return err
}

// mine mines a block on the node whose turn it is, also after one that does not answer.
func (s *Stream) mine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mineTimeout)
	defer cancel()
	node := int((s.miner.Add(1) - 1) % int64(len(s.Accounts)))
	_, err := s.Nodes.Mine(ctx, node, 1, s.Accounts[node].Address())
	if err == nil {
		s.mined.Add(1)
	}
	return err
}

// settle waits until everything is confirmed or rejected: it mines, or waits for the blocks of others. Without either it waits until all
// that is pending is in a mempool. From time to time it also mines when no mempool has any of it: bitcoind ignores a transaction that it has
// rejected until the next block, also when it would take it by now.
func (s *Stream) settle(ctx context.Context) {
	limit := settleChecks * s.Check
	if s.Blocks == 0 {
		limit = min(limit, 2*s.Others+arrivalChecks*s.Check)
	}
	best, idle, since := -1, 0, time.Now()
	for noted := false; ctx.Err() == nil; noted = true {
		s.checkOnce(ctx)
		pending, waiting := s.outstanding()
		if pending == 0 || waiting == pending && s.Blocks == 0 && s.Others == 0 {
			return
		}
		// What is in a mempool is nearer to a block than what is not.
		if left := 2*pending - waiting; best < 0 || left < best {
			best, idle, since = left, 0, time.Now()
		} else if idle++; idle >= idleChecks && time.Since(since) >= limit {
			return
		}
		if !noted {
			s.Note("Waiting for the confirmation of %d transactions; Ctrl-C ends at once.", pending)
		}
		if s.Blocks > 0 && (waiting > 0 || idle%missesToGiveUp == missesToGiveUp-1) {
			_ = s.mine(ctx) // a node that does not answer now may later
		}
		select {
		case <-time.After(s.Check / 5):
		case <-ctx.Done():
			return
		}
	}
}

// outstanding is the number of pending transactions, and of those that are in a mempool.
func (s *Stream) outstanding() (pending, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range s.book.Pending() {
		pending++
		if s.seen[tx.ID] {
			waiting++
		}
	}
	return pending, waiting
}

package traffic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
)

const (
	// The number of coins of each wallet. A coin can be spent several times between two blocks, by a chain of transactions.
	fewCoins, manyCoins = 20, 500
	// smallCoin is the value of one, if the fees are not high.
	smallCoin = amount.Coin / 50
	splitRate = 10 // satoshis for each virtual byte
	// splitFee is more than a transaction with all these coins and hundreds of inputs pays.
	splitFee = amount.Coin / 100
)

// coins are those that each wallet needs, so that most transactions spend confirmed ones.
func (s *Stream) coins() int {
	between := max(s.Blocks, s.Others)
	if s.Blocks > 0 && s.Others > 0 {
		between = min(s.Blocks, s.Others)
	}
	if between == 0 {
		return manyCoins
	}
	needed := int64(between/s.Interval) * 3 / 2 / int64(len(s.Accounts))
	return int(min(max(needed, fewCoins), manyCoins))
}

// value of each of them, which is enough for ten transactions.
func (s *Stream) value() amount.Satoshis {
	return max(smallCoin, 10*(most+ledger.Fee(s.Fees.Most)))
}

// needed is what a wallet should have.
func (s *Stream) needed() amount.Satoshis {
	return s.value()*amount.Satoshis(s.coins()) + amount.Coin
}

// Prepare gives each wallet its coins, if it has less than half of them.
func (s *Stream) Prepare(ctx context.Context) error {
	if err := s.follow(ctx); err != nil {
		return err
	}
	if err := s.addCoins(ctx); err != nil {
		return err
	}
	poor, coarse := s.needy()
	if len(coarse) == 0 {
		return nil
	}
	s.Note("Preparing %d coins for each of %d wallets.", s.coins(), len(coarse))
	// The branch of another miner may replace the blocks with the rewards.
	for try := 0; len(poor) > 0 && try < enrichments; try++ {
		if err := s.enrich(ctx, poor); err != nil {
			return err
		}
		poor, _ = s.needy()
	}
	return s.split(ctx, coarse)
}

// enrichments are the attempts to get rewards.
const enrichments = 3

// needy are the accounts with too few coins in value, and those with too few in number.
func (s *Stream) needy() (poor, coarse []int) {
	for i := range s.Accounts {
		coins, value := s.book.Has(i)
		if value < s.needed()/2 {
			poor = append(poor, i)
		}
		if value < s.needed()/2 || coins < s.coins()/2 {
			coarse = append(coarse, i)
		}
	}
	return poor, coarse
}

// enrich mines rewards for wallets, and the blocks that make them mature. All are mined on one node: two that mine at the same time would
// fork the chain.
func (s *Stream) enrich(ctx context.Context, poor []int) error {
	tip, err := s.Nodes.Tip(ctx, 0)
	if err != nil {
		return err
	}
	for _, i := range poor {
		blocks, ok := amount.BlocksFor(tip.Height, s.needed())
		if !ok {
			return depleted(s.Pods[0], tip)
		}
		if tip, err = s.Nodes.Mine(ctx, 0, blocks, s.Accounts[i].Address()); err != nil {
			return err
		}
	}
	if tip, err = s.Nodes.Mine(ctx, 0, faucet.Maturity, s.Accounts[0].Address()); err != nil {
		return err
	}
	if err := s.Nodes.Await(ctx, tip); err != nil {
		return err
	}
	return s.addCoins(ctx)
}

func depleted(pod string, tip faucet.Tip) error {
	return fmt.Errorf("the chain of %s cannot pay any more, because its blocks pay less every 150 blocks and its height is %d: create a new network", pod, tip.Height)
}

// cut makes many coins of few, as far as they suffice: rewards that are not mature may be missing.
func (s *Stream) cut(accounts []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range accounts {
		_, has := s.book.Has(i)
		tx, err := s.book.Split(i, max(1, min(s.coins(), int((has-splitFee)/s.value()))), s.value(), splitRate)
		if err != nil {
			return fmt.Errorf("the wallet %s of %s: %w; try again after some blocks", faucet.TrafficWallet, s.Pods[i], err)
		}
		s.links[i].push(tx)
	}
	return nil
}

// split cuts coins, and mines them.
func (s *Stream) split(ctx context.Context, accounts []int) error {
	if err := s.follow(ctx); err != nil {
		return err
	}
	if err := s.cut(accounts); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, setupTimeout, errUnprepared)
	defer cancel()
	for {
		s.checkOnce(ctx)
		pending, waiting := s.outstanding()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case len(s.reasons) > 0:
			return errors.New("the wallets could not be prepared, because a node rejects their transactions")
		case pending == 0:
			return nil
		case waiting > 0:
			for _, i := range s.waitingNodes() {
				tip, err := s.Nodes.Mine(ctx, i, 1, s.Accounts[i].Address())
				if err == nil {
					err = s.Nodes.Await(ctx, tip)
				}
				if err != nil {
					return err
				}
			}
			continue
		}
		select {
		case <-time.After(s.Check / 10):
		case <-ctx.Done():
		}
	}
}

var errUnprepared = fmt.Errorf("the coins of the wallets were not confirmed within %s: kubectl btcnet tree shows whether the nodes are connected; try again", setupTimeout)

// waitingNodes are those with a pending transaction in a mempool.
func (s *Stream) waitingNodes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	has := map[int]bool{}
	var nodes []int
	for _, tx := range s.book.Pending() {
		if s.seen[tx.ID] && !has[tx.From] {
			has[tx.From] = true
			nodes = append(nodes, tx.From)
		}
	}
	return nodes
}

package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Traffic sends transactions between the faucets of nodes, each by a call of bitcoin-cli in a pod. A Stream is faster, and needs the right to
// forward ports.
type Traffic struct {
	Cluster *cluster.Client
	Faucets []*faucet.Faucet
	// Interval between two transactions, and between two blocks; 0 for no blocks.
	Interval, Blocks time.Duration
	Fees             Fees
	// Seed gives each wallet the same receivers, amounts and fees in the same order. Default: others each time.
	Seed *uint64
	// Note reports what happens.
	Note func(format string, args ...any)

	addresses []string
	random    []func(int) int
	sent      atomic.Int64
	failed    atomic.Int64
	mined     atomic.Int64
	// skipped counts the transactions that no node had time for.
	skipped atomic.Int64
}

// Total is what was sent.
type Total struct {
	Sent    int64 `json:"sent"`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped"`
	Blocks  int64 `json:"blocks"`
}

// coins are the outputs that each wallet needs: bitcoind accepts at most 25 unconfirmed transactions in a row, and each sends from one.
const (
	coins     = 20
	coinValue = amount.Coin / 4
	needed    = coins*coinValue + amount.Coin // and fees

	setupTimeout = 2 * time.Minute
)

// Prepare gives each wallet its coins. All blocks are mined on one node: two that mine at the same time would fork the chain.
func (t *Traffic) Prepare(ctx context.Context) error {
	t.addresses = make([]string, len(t.Faucets))
	for i := range t.Faucets {
		random := rand.IntN
		if t.Seed != nil {
			random = rand.New(rand.NewPCG(*t.Seed, uint64(i))).IntN //nolint:gosec // no secret
		}
		t.random = append(t.random, random)
	}
	has := make([]faucet.Balances, len(t.Faucets))
	if err := t.each(func(i int) (err error) {
		if t.addresses[i], err = t.Faucets[i].Address(ctx); err == nil {
			has[i], err = t.Faucets[i].Balances(ctx)
		}
		return err
	}); err != nil {
		return err
	}
	isPoor := func(i int) bool { return has[i].Trusted < needed }
	var poor []int
	for i := range t.Faucets {
		if isPoor(i) {
			poor = append(poor, i)
		}
	}
	if len(poor) == 0 {
		return nil
	}
	t.Note("Mining coins for %d wallets.", len(poor))
	if err := t.enrich(ctx, poor); err != nil {
		return err
	}
	return t.each(func(i int) error {
		if !isPoor(i) {
			return nil
		}
		return t.Faucets[i].Split(ctx, coins, coinValue)
	})
}

// each calls a function for all wallets at the same time.
func (t *Traffic) each(call func(i int) error) error {
	var group errgroup.Group
	for i := range t.Faucets {
		group.Go(func() error { return call(i) })
	}
	return group.Wait()
}

// enrich mines rewards for wallets, and the blocks that make them mature.
func (t *Traffic) enrich(ctx context.Context, poor []int) error {
	miner := t.Faucets[0].Node
	tip, err := faucet.BestTip(ctx, t.Cluster, miner.Pod)
	if err != nil {
		return err
	}
	for _, i := range poor {
		blocks, ok := amount.BlocksFor(tip.Height, needed)
		if !ok {
			return depleted(miner.Pod, tip)
		}
		if tip, err = faucet.Mine(ctx, t.Cluster, miner.Pod, blocks, t.addresses[i]); err != nil {
			return err
		}
	}
	if tip, err = faucet.Mine(ctx, t.Cluster, miner.Pod, faucet.Maturity, t.addresses[0]); err != nil {
		return err
	}
	var nodes []noderef.Node
	for _, f := range t.Faucets {
		nodes = append(nodes, f.Node)
	}
	return faucet.AwaitBlock(ctx, t.Cluster, nodes, tip, setupTimeout)
}

// Run sends until the context ends.
func (t *Traffic) Run(ctx context.Context) Total {
	tokens := make(chan struct{})
	var running sync.WaitGroup
	for i := range t.Faucets {
		running.Go(func() {
			for range tokens {
				t.send(ctx, i)
			}
		})
	}
	if t.Blocks > 0 {
		running.Go(func() { t.mineBlocks(ctx) })
	}
	t.pace(ctx, tokens)
	close(tokens)
	running.Wait()
	return t.Total()
}

// Total is what was sent so far.
func (t *Traffic) Total() Total {
	return Total{t.sent.Load(), t.failed.Load(), t.skipped.Load(), t.mined.Load()}
}

// reportInterval is the time between two reports.
const reportInterval = 10 * time.Second

// mineBlocks mines on one node after the other, also when one does not answer.
func (t *Traffic) mineBlocks(ctx context.Context) {
	turn := 0
	cluster.Every(ctx, t.Blocks, func() {
		if err := t.mine(ctx, turn%len(t.Faucets)); err != nil && ctx.Err() == nil {
			t.Note("No block was mined: %s", err.Error())
		}
		turn++
	})
}

// pace gives the nodes a token for each transaction.
func (t *Traffic) pace(ctx context.Context, tokens chan<- struct{}) {
	tick, report := time.NewTicker(t.Interval), time.NewTicker(reportInterval)
	defer tick.Stop()
	defer report.Stop()
	last := int64(0)
	for {
		select {
		case <-tick.C:
			select {
			case tokens <- struct{}{}:
			default:
				t.skipped.Add(1)
			}
		case <-report.C:
			sent := t.sent.Load()
			t.Note("%d transactions in %s; in all %d, failed %d, no time for %d, blocks %d.", sent-last, reportInterval, sent, t.failed.Load(), t.skipped.Load(), t.mined.Load())
			last = sent
		case <-ctx.Done():
			return
		}
	}
}

func (t *Traffic) mine(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, mineTimeout)
	defer cancel()
	tip, err := faucet.Mine(ctx, t.Cluster, t.Faucets[i].Node.Pod, 1, t.addresses[i])
	if err == nil && tip.Height > 0 {
		t.mined.Add(1)
	}
	return err
}

// The amounts of the transactions.
const least, most = 10_000, 100_000 // satoshis

// sendTimeout is how long the end of the traffic waits for an answer: a call that is given up may have sent its transaction all the same.
const sendTimeout = 10 * time.Second

// send pays another node. An error is reported, and does not end the traffic.
func (t *Traffic) send(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	to := i
	for len(t.addresses) > 1 && to == i {
		to = t.random[i](len(t.addresses))
	}
	value := amount.Satoshis(least + t.random[i](most-least))
	if _, err := t.Faucets[i].Send(ctx, t.addresses[to], value, t.Fees.Pick(t.random[i])); err == nil {
		t.sent.Add(1)
	} else if t.failed.Add(1) == 1 {
		t.Note("A transaction failed, further ones are only counted: %s", err.Error())
	}
}

// String is the total as a sentence.
func (t Total) String() string {
	return fmt.Sprintf("sent %d transactions, %d failed, no node had time for %d; %d blocks mined", t.Sent, t.Failed, t.Skipped, t.Blocks)
}

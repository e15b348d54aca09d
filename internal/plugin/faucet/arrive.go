package faucet

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// codeOutOfRange is bitcoind's error for a height that its chain does not have.
const codeOutOfRange = -8

// lacking are the nodes without a block in their best chain: those that are behind, and those that have another one at its height.
func lacking(ctx context.Context, c *cluster.Client, nodes []noderef.Node, tip Tip) (behind, other []noderef.Node, err error) {
	var mu sync.Mutex
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		hash, err := c.CLI(ctx, node.Pod, "getblockhash", strconv.FormatInt(tip.Height, 10))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil && hash == tip.Hash:
			return nil
		case err == nil:
			other = append(other, node)
			return nil
		}
		behind = append(behind, node)
		if cluster.IsCode(err, codeOutOfRange) {
			return nil
		}
		return err
	})
	for _, err := range failed {
		return behind, other, err
	}
	return behind, other, nil
}

// missing is what a wait for a block lacks, "" for nothing.
func missing(nodes []noderef.Node) string {
	if len(nodes) == 0 {
		return ""
	}
	var pods []string
	for _, node := range nodes {
		pods = append(pods, node.Pod)
	}
	slices.Sort(pods)
	return "it is missing on " + strings.Join(pods, ", ")
}

func arrival(tip Tip) string { return fmt.Sprintf("the arrival of block %d at all nodes", tip.Height) }

// AwaitBlock waits until all nodes have a block in their best chain, as bitcoind reports it. A node that has it is not called again.
func AwaitBlock(ctx context.Context, c *cluster.Client, nodes []noderef.Node, tip Tip, limit time.Duration) error {
	left := nodes
	return c.Wait(ctx, limit, arrival(tip), func(ctx context.Context) (string, error) {
		behind, other, err := lacking(ctx, c, left, tip)
		left = slices.Concat(behind, other)
		return missing(left), err
	})
}

// AwaitMined is AwaitBlock for a block that a node has mined. It ends when another miner's branch has replaced the block there, since it
// does not arrive then.
func AwaitMined(ctx context.Context, c *cluster.Client, miner noderef.Node, nodes []noderef.Node, tip Tip, limit time.Duration) error {
	left := nodes
	return c.Wait(ctx, limit, arrival(tip), func(ctx context.Context) (string, error) {
		behind, other, err := lacking(ctx, c, left, tip)
		left = slices.Concat(behind, other)
		if err != nil || len(other) == 0 {
			return missing(left), err
		}
		_, lost, err := lacking(ctx, c, []noderef.Node{miner}, tip)
		if err == nil && len(lost) > 0 {
			err = fmt.Errorf("block %d %s of %s is not in the best chain any more: another miner's branch is longer; mine again, or without other miners",
				tip.Height, tip.Hash, miner.Pod)
		}
		return missing(left) + "; another branch has a block at this height: the next block decides", err
	})
}

const (
	// tieChecks is how often two branches of the same height are seen before a block is mined that decides: other miners may do so.
	tieChecks = 4
	// maxDeciding is the number of blocks that one wait mines. Rewards become less with each 150 blocks.
	maxDeciding = 3
)

// tie counts what one wait has seen of another branch, and the blocks that it has mined to decide.
type tie struct{ seen, mined int }

// due reports whether a node is to mine a block, so that its branch wins against that of others. Otherwise it returns why not: more blocks
// do not help nodes that do not get those of the higher branch.
func (t *tie) due(ctx context.Context, c *cluster.Client, node noderef.Node, others []noderef.Node) (mine bool, why string, err error) {
	own, err := BestTip(ctx, c, node.Pod)
	if err != nil {
		return false, "", err
	}
	var mu sync.Mutex
	highest := int64(0)
	failed := cluster.Each(ctx, others, func(ctx context.Context, other noderef.Node) error {
		tip, err := BestTip(ctx, c, other.Pod)
		mu.Lock()
		defer mu.Unlock()
		highest = max(highest, tip.Height)
		return err
	})
	for _, err := range failed {
		return false, "", err
	}
	switch {
	case own.Height != highest:
		return false, fmt.Sprintf("; another branch has height %d, and that of %s %d: kubectl btcnet tree shows whether the nodes are connected", highest, node.Pod, own.Height), nil
	case t.mined == maxDeciding:
		return false, fmt.Sprintf("; another branch has height %d, too, after %d blocks that should decide", highest, maxDeciding), nil
	}
	if t.seen++; t.seen%tieChecks == 0 {
		t.mined++
		return true, "", nil
	}
	return false, "", nil
}

// Agree waits until all nodes have a block in their best chain, or none has it any more. If branches of the same height stay, mine is called
// with a node of those that have it.
func Agree(ctx context.Context, c *cluster.Client, nodes []noderef.Node, tip Tip, limit time.Duration, mine func(context.Context, noderef.Node) error) error {
	var t tie
	return c.Wait(ctx, limit, arrival(tip), func(ctx context.Context) (string, error) {
		behind, other, err := lacking(ctx, c, nodes, tip)
		left := slices.Concat(behind, other)
		if err != nil || len(other) == 0 || len(other) == len(nodes) {
			return missing(behind), err
		}
		with := slices.IndexFunc(nodes, func(n noderef.Node) bool { return !slices.Contains(left, n) })
		if with < 0 {
			return missing(left), nil
		}
		due, why, err := t.due(ctx, c, nodes[with], other)
		if due {
			err = mine(ctx, nodes[with])
		}
		return missing(left) + why, err
	})
}

// Arrive waits until nodes have the block of a payment in their best chain. Another miner may find a block at the same time: the payment can
// then be in another block, or in none, and is confirmed again.
func (f *Faucet) Arrive(ctx context.Context, payment *Payment, nodes []noderef.Node, limit time.Duration) error {
	left, t := nodes, tie{}
	return f.Cluster.Wait(ctx, limit, arrival(*payment.Block), func(ctx context.Context) (string, error) {
		if payment.Block == nil { // an earlier attempt to confirm it failed
			return f.confirmAgain(ctx, payment)
		}
		behind, other, err := lacking(ctx, f.Cluster, left, *payment.Block)
		left = slices.Concat(behind, other)
		if err != nil || len(other) == 0 {
			return missing(left), err
		}
		before := *payment.Block
		if err := f.locate(ctx, payment); err != nil {
			return missing(left), err
		}
		switch {
		case payment.Block == nil:
			left, t.seen = nodes, 0
			return f.confirmAgain(ctx, payment)
		case *payment.Block != before:
			left, t.seen = nodes, 0
			return missing(left), nil
		}
		due, why, err := t.due(ctx, f.Cluster, f.Node, other)
		if due {
			err = f.mineOne(ctx, payment)
		}
		return missing(left) + why, err
	})
}

// confirmAgain returns what is missing afterwards: nothing is known of the other nodes yet.
func (f *Faucet) confirmAgain(ctx context.Context, payment *Payment) (string, error) {
	return "another miner's branch replaced its block", f.Confirm(ctx, payment)
}

// mineOne mines a block on the node of the payment.
func (f *Faucet) mineOne(ctx context.Context, payment *Payment) error {
	own, err := f.Address(ctx)
	if err != nil {
		return err
	}
	if _, err := Mine(ctx, f.Cluster, f.Node.Pod, 1, own); err != nil {
		return err
	}
	payment.Mined++
	return nil
}

// locate finds the block of a payment in the best chain of its node.
func (f *Faucet) locate(ctx context.Context, payment *Payment) error {
	tx, err := cluster.Ask[struct {
		Confirmations int64
		BlockHash     string
		BlockHeight   int64
	}](ctx, f.Cluster, f.Node.Pod, f.rpcWallet(), "gettransaction", payment.TxID)
	if err != nil {
		return err
	}
	payment.Block = nil
	if tx.Confirmations > 0 {
		payment.Block = &Tip{tx.BlockHeight, tx.BlockHash}
	}
	return nil
}

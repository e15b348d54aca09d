package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Reorg is a reorganisation to carry out on a node, which the other nodes follow.
type Reorg struct {
	Cluster *cluster.Client
	Node    noderef.Node
	// Others get the new branch, because they are on the same side of a partition.
	Others []noderef.Node
	Depth  int64
	// Address receives the rewards of the new branch.
	Address string
	// Empty leaves the transactions of the disconnected blocks, and others, in the mempool.
	Empty bool
	Limit time.Duration
}

// Reorganised is what happened.
type Reorganised struct {
	Depth int64 `json:"depth"`
	// Fork is the height of the last block that both branches have.
	Fork int64      `json:"forkHeight"`
	From faucet.Tip `json:"from"`
	To   faucet.Tip `json:"to"`
}

// restoreTimeout is how long an interrupted command restores a node.
const restoreTimeout = 30 * time.Second

// Run takes the last blocks for invalid on the node, which mines a longer branch. Afterwards, and also when the command is interrupted, the
// old blocks are valid again, all of them with the first one: of an incomplete reorganisation nothing is left but a branch that nobody follows.
func (r *Reorg) Run(ctx context.Context) (result *Reorganised, err error) {
	from, err := faucet.BestTip(ctx, r.Cluster, r.Node.Pod)
	if err != nil {
		return nil, err
	}
	if r.Depth > from.Height {
		return nil, invalid.Errorf("the chain of %s has %d blocks, fewer than the depth %d: mine more with kubectl btcnet mine", r.Node.Pod, from.Height, r.Depth)
	}
	if err := faucet.AwaitBlock(ctx, r.Cluster, r.Others, from, r.Limit); err != nil {
		return nil, err
	}
	fork := from.Height - r.Depth
	first, err := r.blockAt(ctx, fork+1)
	if err != nil {
		return nil, err
	}
	taken := []string{first}
	defer func() {
		restoring, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
		defer cancel()
		for _, hash := range taken {
			if _, failed := r.Cluster.CLI(restoring, r.Node.Pod, "reconsiderblock", hash); failed != nil {
				err = both(err, fmt.Errorf("block %s may still be invalid on %s: call reconsiderblock with kubectl btcnet cli (%w)", hash, r.Node.Pod, failed))
			}
		}
		if err == nil {
			err = r.verify(restoring, result)
		}
	}()
	others, err := r.disconnect(ctx, fork)
	if taken = append(taken, others...); err != nil {
		return nil, err
	}
	to, err := r.outgrow(ctx)
	return &Reorganised{Depth: r.Depth, Fork: fork, From: from, To: to}, err
}

// spreadTimeout is how long the other nodes have before the branch gets another block.
const spreadTimeout = 5 * time.Second

// outgrow mines until the other nodes follow the new branch. The old one may grow meanwhile, when the operator or another program mines.
func (r *Reorg) outgrow(ctx context.Context) (faucet.Tip, error) {
	end := time.Now().Add(r.Limit)
	for blocks := r.Depth + 1; ; blocks = 1 {
		tip, err := r.mine(ctx, blocks)
		if err != nil {
			return tip, err
		}
		err = faucet.AwaitBlock(ctx, r.Cluster, r.Others, tip, min(spreadTimeout, r.Limit))
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return tip, err
		}
	}
}

func (r *Reorg) mine(ctx context.Context, blocks int64) (faucet.Tip, error) {
	if !r.Empty {
		return faucet.Mine(ctx, r.Cluster, r.Node.Pod, blocks, r.Address)
	}
	for range blocks {
		if _, err := r.Cluster.CLI(ctx, r.Node.Pod, "generateblock", r.Address, "[]"); err != nil {
			return faucet.Tip{}, err
		}
	}
	return faucet.BestTip(ctx, r.Cluster, r.Node.Pod)
}

// verify checks that the node has left the old branch, after the old blocks are valid again.
func (r *Reorg) verify(ctx context.Context, result *Reorganised) error {
	old, err := cluster.Ask[struct{ Confirmations int64 }](ctx, r.Cluster, r.Node.Pod, "getblockheader", result.From.Hash)
	if err == nil && old.Confirmations >= 0 {
		err = fmt.Errorf("its best chain has block %s again", result.From.Hash)
	}
	return err
}

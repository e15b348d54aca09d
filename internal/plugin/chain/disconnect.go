package chain

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

// disconnectedBlocks are how many blocks the node takes for invalid in one call. bitcoind has the transactions of ten at most in its mempool
// afterwards, and loses those of deeper blocks (Chainstate::InvalidateBlock in src/validation.cpp, up to version 30); a few more may have come since
// they were counted.
const disconnectedBlocks = 5

// chainTip is an entry of getchaintips.
type chainTip struct {
	Height int64
	Hash   string
	// BranchLen is how many blocks the branch does not share with the best chain.
	BranchLen int64
}

// disconnect takes the blocks above a height for invalid, so that the node has their transactions in its mempool, and other branches, which the
// node would follow otherwise: that of an earlier reorganisation, for instance. It returns the first blocks of these, also with an error.
func (r *Reorg) disconnect(ctx context.Context, fork int64) (others []string, err error) {
	tips, err := cluster.Ask[[]chainTip](ctx, r.Cluster, r.Node.Pod, "getchaintips")
	if err != nil {
		return nil, err
	}
	last, err := r.blockAt(ctx, fork)
	if err != nil {
		return nil, err
	}
	if err := r.invalidate(ctx, fork); err != nil {
		return nil, err
	}
	for {
		best, err := r.Cluster.CLI(ctx, r.Node.Pod, "getbestblockhash")
		if err != nil || best == last {
			return others, err
		}
		at := slices.IndexFunc(tips, func(t chainTip) bool { return t.Hash == best })
		if at < 0 {
			return others, fmt.Errorf("%s follows block %s, which came meanwhile: try again", r.Node.Pod, best)
		}
		first, err := r.blockAt(ctx, tips[at].Height-tips[at].BranchLen+1)
		if err != nil {
			return others, err
		}
		others = append(others, first)
		if _, err := r.Cluster.CLI(ctx, r.Node.Pod, "invalidateblock", first); err != nil {
			return others, err
		}
		tips = slices.Delete(tips, at, at+1) // it ends
	}
}

// invalidate takes the blocks of the best chain above a height for invalid, the last ones first.
func (r *Reorg) invalidate(ctx context.Context, fork int64) error {
	tip, err := faucet.BestTip(ctx, r.Cluster, r.Node.Pod)
	if err != nil {
		return err
	}
	// All hashes first: once a block is invalid, the best chain may be another branch.
	var hashes []string
	for height := tip.Height; height > fork; {
		height = max(height-disconnectedBlocks, fork)
		hash, err := r.blockAt(ctx, height+1)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
	}
	for _, hash := range hashes {
		if _, err := r.Cluster.CLI(ctx, r.Node.Pod, "invalidateblock", hash); err != nil {
			return err
		}
	}
	return nil
}

// blockAt is the hash of the block of the best chain at a height.
func (r *Reorg) blockAt(ctx context.Context, height int64) (string, error) {
	return r.Cluster.CLI(ctx, r.Node.Pod, "getblockhash", strconv.FormatInt(height, 10))
}

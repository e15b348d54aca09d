package chain

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Tips are the different best blocks of nodes, the highest first.
func Tips(ctx context.Context, c *cluster.Client, nodes []noderef.Node) ([]faucet.Tip, error) {
	var mu sync.Mutex
	var tips []faucet.Tip
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		tip, err := faucet.BestTip(ctx, c, node.Pod)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && !slices.Contains(tips, tip) {
			tips = append(tips, tip)
		}
		return err
	})
	for _, err := range failed {
		return nil, err
	}
	slices.SortFunc(tips, func(a, b faucet.Tip) int { return int(b.Height - a.Height) })
	return tips, nil
}

// Settled returns what is missing until blocks stop to spread: all nodes have one best block, or branches of the same height, of which none
// wins before the next block. The second is true for such branches.
func Settled(ctx context.Context, c *cluster.Client, nodes []noderef.Node) (missing string, forked bool, err error) {
	tips, err := Tips(ctx, c, nodes)
	switch {
	case err != nil || len(tips) <= 1:
		return "", false, err
	case tips[0].Height == tips[len(tips)-1].Height:
		return "", true, nil
	}
	return fmt.Sprintf("the best blocks of the nodes are at the heights %d to %d", tips[len(tips)-1].Height, tips[0].Height), false, nil
}

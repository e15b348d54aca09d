package controller

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// chainComparison is how the chains of the nodes that answer compare.
type chainComparison struct {
	// branches are the tips that no other node's chain contains, the highest first.
	branches []tip
	// lag is the number of blocks by which the slowest node is behind the branch that it follows.
	lag int64
	// lowest is the lowest height of a node.
	lowest int64
	// complete is false when a node did not answer a question about its chain.
	complete bool
}

// forked reports whether the nodes are known to be on competing branches.
func (c chainComparison) forked() bool { return c.complete && len(c.branches) > 1 }

// tip is the best block of one or more nodes.
type tip struct {
	height int64
	hash   string
	time   int64
	// node is the index of one of the nodes.
	node int
	// old is true when only busy nodes have it: what they have by now is not known.
	old bool
}

// tipsOf returns the different best blocks of the nodes, the highest first. Tips of equal height are sorted by hash, so that
// the order is the same in each pass.
func tipsOf(nodes []node) []tip {
	var tips []tip
	seen := map[string]bool{}
	for _, busy := range []bool{false, true} {
		for i := range nodes {
			if a := nodes[i].answer; a != nil && nodes[i].busy == busy && !seen[a.chain.BestBlockHash] {
				seen[a.chain.BestBlockHash] = true
				tips = append(tips, tip{height: a.chain.Blocks, hash: a.chain.BestBlockHash, time: a.chain.Time, node: i, old: busy})
			}
		}
	}
	slices.SortFunc(tips, func(x, y tip) int {
		return cmp.Or(cmp.Compare(y.height, x.height), cmp.Compare(x.hash, y.hash))
	})
	return tips
}

// compareTips counts branches and lag. That of a busy node is not known; it gets blocks as every other node does. contains returns
// whether the chain of one tip contains another, lower one, and whether that is known.
func compareTips(tips []tip, contains func(branch, lower tip) (contained, known bool)) chainComparison {
	chains := chainComparison{complete: true}
	for _, t := range tips {
		chains.lowest = t.height
		follows := false
		for _, branch := range chains.branches {
			if branch.height == t.height {
				continue
			}
			contained, known := contains(branch, t)
			chains.complete = chains.complete && known
			if contained {
				follows = true
				if !t.old {
					chains.lag = max(chains.lag, branch.height-t.height)
				}
				break
			}
		}
		if !follows {
			chains.branches = append(chains.branches, t)
		}
	}
	return chains
}

// compareChains asks nodes with a higher tip whether their chains contain the lower tips. When all nodes have the same tip, as
// they nearly always do, this takes no call.
func (c *nodeClient) compareChains(ctx context.Context, network *v1.BitcoinNetwork, slots *slots, nodes []node) chainComparison {
	tips := tipsOf(nodes)
	if len(tips) < 2 {
		return compareTips(tips, nil)
	}
	hashes := c.hashesAt(ctx, network, slots, nodes, tips)
	return compareTips(tips, func(branch, lower tip) (contained, known bool) {
		hash, known := hashes[branch.hash][lower.height]
		return hash == lower.hash, known
	})
}

// hashesAt asks one node of each tip for the blocks of its chain at the heights of the lower tips. The result has the hashes
// by tip and height, without those of nodes that did not answer in time.
func (c *nodeClient) hashesAt(ctx context.Context, network *v1.BitcoinNetwork, slots *slots, nodes []node, tips []tip) map[string]map[int64]string {
	var mu sync.Mutex
	var awaited sync.WaitGroup
	found := make(map[string]map[int64]string, len(tips))
	for _, branch := range tips {
		heights := heightsBelow(tips, branch.height)
		if len(heights) == 0 || branch.old {
			continue
		}
		endpoint := c.endpoint(network, &nodes[branch.node])
		awaited.Add(1)
		c.run(ctx, slots, promptCalls, func(ctx context.Context) {
			defer awaited.Done()
			hashes := c.blockHashes(ctx, endpoint, heights)
			mu.Lock()
			defer mu.Unlock()
			found[branch.hash] = hashes
		})
	}
	waitFor(ctx, &awaited, probeTimeout)
	mu.Lock()
	defer mu.Unlock()
	// A copy, since delayed calls still write to the map.
	return maps.Clone(found)
}

// heightsBelow are the different heights of the tips that are lower than the given height.
func heightsBelow(tips []tip, height int64) []int64 {
	var heights []int64
	for _, t := range tips {
		if t.height < height && !slices.Contains(heights, t.height) {
			heights = append(heights, t.height)
		}
	}
	return heights
}

// blockHashes returns the hashes of a node's blocks at these heights, without those that the node did not return.
func (c *nodeClient) blockHashes(ctx context.Context, endpoint bitcoind.Endpoint, heights []int64) map[int64]string {
	hashes := make([]string, len(heights))
	calls := make([]bitcoind.Call, len(heights))
	for i, height := range heights {
		calls[i] = bitcoind.GetBlockHash(height, &hashes[i])
	}
	errs, err := c.rpc.Batch(ctx, endpoint, calls)
	if err != nil {
		return nil
	}
	byHeight := make(map[int64]string, len(heights))
	for i, height := range heights {
		if errs[i] == nil {
			byHeight[height] = hashes[i]
		}
	}
	return byHeight
}

package controller

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

// chainView is how the chains of the nodes that answer compare.
type chainView struct {
	// branches are the tips that no other node's chain contains, the highest first.
	branches []tip
	// lag is how many blocks the node that is furthest behind is behind the branch it follows.
	lag int64
	// lowest is the lowest height of a node.
	lowest int64
	// known is false when a question about the chains was left without an answer.
	known bool
}

// tip is the best block of one or more nodes.
type tip struct {
	height int64
	hash   string
	time   int64
	// node is the index of one of the nodes.
	node int
}

// tipsOf returns the different best blocks of the nodes, the highest first; of equal height in the order of hashes, so
// that the order does not change from look to look.
func tipsOf(nodes []node) []tip {
	var tips []tip
	seen := map[string]bool{}
	for i := range nodes {
		if a := nodes[i].answer; a != nil && !seen[a.chain.BestBlockHash] {
			seen[a.chain.BestBlockHash] = true
			tips = append(tips, tip{height: a.chain.Blocks, hash: a.chain.BestBlockHash, time: a.chain.Time, node: i})
		}
	}
	slices.SortFunc(tips, func(x, y tip) int {
		return cmp.Or(cmp.Compare(y.height, x.height), cmp.Compare(x.hash, y.hash))
	})
	return tips
}

// compareTips counts branches and lag. contains says whether the chain of one tip contains another, lower one.
func compareTips(tips []tip, contains func(branch, lower tip) (bool, bool)) chainView {
	view := chainView{known: true}
	for _, t := range tips {
		view.lowest = t.height
		follows := false
		for _, branch := range view.branches {
			if branch.height == t.height {
				continue
			}
			yes, known := contains(branch, t)
			view.known = view.known && known
			if yes {
				follows = true
				view.lag = max(view.lag, branch.height-t.height)
				break
			}
		}
		if !follows {
			view.branches = append(view.branches, t)
		}
	}
	return view
}

// compareChains asks nodes with a higher tip whether they have the lower ones. Where all nodes are on one block, which is
// how they are nearly always, that takes no call.
func (r *Reconciler) compareChains(ctx context.Context, l *look) error {
	tips := tipsOf(l.nodes)
	if len(tips) < 2 {
		l.chain = compareTips(tips, nil)
		return nil
	}
	hashes := r.hashesAt(ctx, l, tips)
	l.chain = compareTips(tips, func(branch, lower tip) (bool, bool) {
		hash, known := hashes[branch.hash][lower.height]
		return hash == lower.hash, known
	})
	return nil
}

// hashesAt asks one node of each tip for the blocks of its chain at the heights of the lower tips.
func (r *Reconciler) hashesAt(ctx context.Context, l *look, tips []tip) map[string]map[int64]string {
	var mu sync.Mutex
	var awaited sync.WaitGroup
	found := make(map[string]map[int64]string, len(tips))
	for _, branch := range tips {
		var heights []int64
		for _, lower := range tips {
			if lower.height < branch.height && !slices.Contains(heights, lower.height) {
				heights = append(heights, lower.height)
			}
		}
		if len(heights) == 0 {
			continue
		}
		at := r.endpoint(l.network, l.nodes[branch.node])
		awaited.Add(1)
		r.nodes.call(func(ctx context.Context) {
			defer awaited.Done()
			hashes := make([]string, len(heights))
			calls := make([]bitcoind.Call, len(heights))
			for i, height := range heights {
				calls[i] = bitcoind.GetBlockHash(height, &hashes[i])
			}
			errs, err := r.nodes.rpc.Batch(ctx, at, calls)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[branch.hash] = make(map[int64]string, len(heights))
			for i, height := range heights {
				if errs[i] == nil {
					found[branch.hash][height] = hashes[i]
				}
			}
		})
	}
	waitFor(ctx, &awaited, patience)
	mu.Lock()
	defer mu.Unlock()
	taken := make(map[string]map[int64]string, len(found))
	for hash, heights := range found {
		taken[hash] = heights
	}
	return taken
}

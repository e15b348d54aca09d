//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// buried is how many blocks are above one that no fault may replace. Blocks nearer to the tip may be replaced: while connections are
// missing, two nodes that have the highest block they know of may mine the next one.
const buried = 6

var errNoBlock = errors.New("no block is below enough others")

// block is one of a chain.
type block struct {
	height int64
	hash   string
}

func (n node) hashAt(ctx context.Context, height int64) (hash string, err error) {
	return hash, n.call(ctx, "getblockhash", &hash, height)
}

// raiseFloor remembers the highest height that a majority of all nodes had.
func (r *run) raiseFloor(o observation) {
	heights := o.byHeight()
	r.mu.Lock()
	defer r.mu.Unlock()
	if majority := o.all/2 + 1; len(heights) >= majority {
		r.floor = max(r.floor, heights[majority-1])
	}
}

// byHeight are the heights of the nodes that have answered, the highest first.
func (o observation) byHeight() (heights []int64) {
	for _, h := range o.heights {
		heights = append(heights, h)
	}
	slices.SortFunc(heights, func(a, b int64) int { return int(b - a) })
	return heights
}

// keepBlock remembers the highest block that a majority of all nodes have, below enough others, while the specification separates none
// and no node has another block in its place. It must stay: no fault takes the blocks of a majority, and a node that is behind does not
// mine. Only a node that has lost its blocks while it is separated may find more than the others: who lacks the block then ends its time.
func (r *run) keepBlock(ctx context.Context, net *v1.BitcoinNetwork, o observation) {
	ctx, cancel := r.pace.within(ctx, askTimeout)
	defer cancel()
	if len(net.Spec.Partitions) > 0 {
		r.apart = true
		r.lacking(ctx, net.Spec.Partitions, o)
		return
	}
	if r.apart && o.wrong != nil {
		// The sides have not agreed on a branch yet.
		return
	}
	r.apart = false
	heights, majority := o.byHeight(), o.all/2+1
	if len(heights) < majority || heights[majority-1]-buried <= r.keptBlock().height {
		return
	}
	height, have, last := heights[majority-1]-buried, map[string]int{}, ""
	for _, n := range o.nodes {
		if h, answered := o.heights[n.name()]; answered && h >= height {
			hash, err := n.hashAt(ctx, height)
			if err != nil {
				continue
			}
			have[hash]++
			last = hash
		}
	}
	if len(have) == 1 && have[last] >= majority {
		r.setKept(block{height, last})
	}
}

// hasBlocks mines some at once, so that there is a block to keep before the first fault.
func (r *run) hasBlocks(ctx context.Context) error {
	if r.keptBlock().hash != "" {
		return nil
	}
	nodes := r.kubelet.nodes(1)
	if len(nodes) == 0 {
		return errors.New("no node runs")
	}
	var chain struct{ Blocks int }
	if err := nodes[0].call(ctx, "getblockchaininfo", &chain); err != nil {
		return err
	}
	if chain.Blocks <= buried {
		var hashes []string
		return errors.Join(errNoBlock, nodes[0].call(ctx, "generatetodescriptor", &hashes, buried, "raw(51)"))
	}
	return errNoBlock
}

// lacking forgets the block when a node that is separated does not have it.
func (r *run) lacking(ctx context.Context, partitions []v1.Partition, o observation) {
	kept := r.keptBlock()
	if kept.hash == "" {
		return
	}
	for _, n := range o.nodes {
		h, answered := o.heights[n.name()]
		apart := slices.ContainsFunc(partitions, func(p v1.Partition) bool {
			return slices.Contains(p.Nodes, int32(n.ordinal())) //nolint:gosec // small
		})
		if !answered || !apart {
			continue
		}
		if hash, err := n.hashAt(ctx, kept.height); h < kept.height || err == nil && hash != kept.hash {
			r.note("%s is separated and has not the block %.10s of height %d, which may be replaced", n.name(), kept.hash, kept.height)
			r.setKept(block{})
			return
		}
	}
}

func (r *run) keptBlock() block {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

func (r *run) setKept(b block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = b
}

// noBlockIsLost checks that each node has the block that a majority had for good.
func (r *run) noBlockIsLost(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	kept := r.keptBlock()
	if kept.hash == "" {
		r.note("no block was kept for good")
		return nil
	}
	for _, n := range r.kubelet.nodes(int(net.Spec.Nodes)) {
		hash, err := n.hashAt(ctx, kept.height)
		if err != nil {
			return fmt.Errorf("%s: the block of height %d: %w", n.name(), kept.height, err)
		}
		if hash != kept.hash {
			return fmt.Errorf("%s has the block %s of height %d, and a majority had %s", n.name(), hash, kept.height, kept.hash)
		}
	}
	r.note("all nodes have the block %.10s of height %d", kept.hash, kept.height)
	return nil
}

// replaceable reports whether a majority of all nodes has the highest blocks without these nodes, whose own may be lost.
func (r *run) replaceable(ctx context.Context, lost func(node) bool) bool {
	net, err := r.get(ctx)
	if err != nil {
		return false
	}
	o := r.ask(ctx, net)
	r.mu.Lock()
	defer r.mu.Unlock()
	have := 0
	for _, n := range o.nodes {
		if h, answered := o.heights[n.name()]; answered && h >= r.floor && !lost(n) {
			have++
		}
	}
	return have > o.all/2
}

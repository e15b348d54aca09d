package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
)

// defaultInterval between two blocks, as the CRD has it.
const defaultInterval = 10 * time.Second

// miningMemory is when and where to mine next.
type miningMemory struct {
	interval time.Duration
	due      time.Time
	// turn is the ordinal at which the search for the next miner begins.
	turn int
	// busy while a block is being made.
	busy bool
	// heldSince is when the node that is to mine was first held back at the height heldAt, since it is behind.
	heldSince time.Time
	heldAt    int64
}

// longestHold is how long a node that is behind, and does not come nearer, is held back.
const longestHold = 30 * time.Second

// next returns how long it is until a block is due, and whether one is due now. A block that could not be made in time is
// skipped: the next one is due a whole interval later.
func (m *miningMemory) next(now time.Time, interval time.Duration) (wait time.Duration, due bool) {
	if m.interval != interval || m.due.IsZero() {
		m.interval, m.due = interval, now.Add(interval)
	}
	if now.Before(m.due) {
		return m.due.Sub(now), false
	}
	for !m.due.After(now) {
		m.due = m.due.Add(interval * max(1, now.Sub(m.due)/interval))
	}
	return m.due.Sub(now), true
}

// miner picks the node that mines: the one asked for, or all that may in turn. -1 when there is none. A node that is behind
// those that it is to be connected with, because it has just started perhaps, would begin another chain: it may not.
func (m *miningMemory) miner(now time.Time, nodes []node, desired []topology.Edge, fixed *int32) int {
	best := bestHeights(nodes, desired)
	if fixed != nil {
		i := int(*fixed)
		if i >= len(nodes) || !nodes[i].ready() {
			return -1
		}
		if height := nodes[i].answer.chain.Blocks; height < best[i] && !m.heldLong(now, height) {
			return -1
		}
		m.heldSince = time.Time{}
		return i
	}
	for i := range nodes {
		if at := (m.turn + i) % len(nodes); nodes[at].ready() && nodes[at].answer.chain.Blocks >= best[at] {
			m.turn = (at + 1) % len(nodes)
			return at
		}
	}
	return -1
}

// heldLong tells whether the only node that is to mine stays behind the others at one height. Then it does not catch up, and
// another chain is what its user is about, who had it forget a block.
func (m *miningMemory) heldLong(now time.Time, height int64) bool {
	if m.heldSince.IsZero() || height != m.heldAt {
		m.heldSince, m.heldAt = now, height
	}
	return now.Sub(m.heldSince) >= longestHold
}

// bestHeights are the heights of the highest chain among the nodes that are, or are to be, connected with each node, directly or
// through others.
func bestHeights(nodes []node, desired []topology.Edge) []int64 {
	best := make([]int64, len(nodes))
	for i := range nodes {
		if a := nodes[i].answer; a != nil {
			best[i] = a.chain.Blocks
		}
	}
	for again := true; again; {
		again = false
		for _, e := range desired {
			if best[e.A] != best[e.B] {
				best[e.A] = max(best[e.A], best[e.B])
				best[e.B], again = best[e.A], true
			}
		}
	}
	return best
}

// mine makes a block when one is due, in the background, so that a node that is slow at it holds up nothing.
func (r *Reconciler) mine(ctx context.Context, l *look) error {
	memory := l.memory
	memory.mu.Lock()
	defer memory.mu.Unlock()
	asked := l.network.Spec.Mining
	if asked == nil || len(l.nodes) == 0 {
		memory.mining.due = time.Time{}
		return nil
	}
	interval := defaultInterval
	if asked.Interval != nil {
		interval = asked.Interval.Duration
	}
	wait, due := memory.mining.next(l.now, interval)
	l.nextBlockIn = wait
	if !due || memory.mining.busy {
		return nil
	}
	at := memory.mining.miner(l.now, l.nodes, l.desired, asked.Node)
	if at < 0 {
		log.FromContext(ctx).V(1).Info("no node may mine; the block is skipped")
		return nil
	}
	memory.mining.busy = true
	endpoint := r.endpoint(l.network, l.nodes[at])
	logger := log.FromContext(ctx).WithValues("node", l.nodes[at].podName)
	r.nodes.call(func(ctx context.Context) {
		var hashes []string
		err := r.nodes.rpc.Call(ctx, endpoint, bitcoind.Mine(asked.Address, &hashes))
		memory.mu.Lock()
		memory.mining.busy = false
		memory.mu.Unlock()
		if err != nil {
			logger.Info("a node could not mine; the block is skipped", "error", err.Error())
			return
		}
		logger.V(1).Info("mined", "blocks", hashes)
		r.nodes.wake(memory.key)
	})
	return nil
}

package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// minerSyncTimeout is how long the node of spec.mining.node may be behind, at one height, before it mines nevertheless.
const minerSyncTimeout = 30 * time.Second

// miningSchedule is when and where the next block is mined.
type miningSchedule struct {
	interval time.Duration
	due      time.Time
	// nextOrdinal is where the search for the next miner begins.
	nextOrdinal int
	// behindSince is when the miner was first seen behind the other nodes at the height behindAt.
	behindSince time.Time
	behindAt    int64
}

// next returns the time until the next block, and whether a block is due now. Missed blocks are skipped: the next one is due a
// whole interval later.
func (s *miningSchedule) next(now time.Time, interval time.Duration) (wait time.Duration, due bool) {
	if s.interval != interval || s.due.IsZero() {
		s.interval, s.due = interval, now.Add(interval)
	}
	if now.Before(s.due) {
		return s.due.Sub(now), false
	}
	for !s.due.After(now) {
		s.due = s.due.Add(interval * max(1, now.Sub(s.due)/interval))
	}
	return s.due.Sub(now), true
}

// miner returns the ordinal of the node that mines: the fixed one, or each in turn; -1 for none. A node that is behind the nodes
// that it will be connected with, because it has just started for instance, may not mine: it would start another chain.
func (s *miningSchedule) miner(now time.Time, nodes []node, desired []topology.Edge, fixed *int32) int {
	best := bestHeights(nodes, desired)
	if fixed != nil {
		i := int(*fixed)
		if i >= len(nodes) || !nodes[i].ready() {
			return -1
		}
		if height := nodes[i].answer.chain.Blocks; height < best[i] && !s.behindTooLong(now, height) {
			return -1
		}
		s.behindSince = time.Time{}
		return i
	}
	for i := range nodes {
		if at := (s.nextOrdinal + i) % len(nodes); nodes[at].ready() && nodes[at].answer.chain.Blocks >= best[at] {
			s.nextOrdinal = (at + 1) % len(nodes)
			return at
		}
	}
	return -1
}

// behindTooLong reports whether the only miner stays behind the other nodes at one height. It does not sync then: its user has
// probably invalidated a block in order to start another chain.
func (s *miningSchedule) behindTooLong(now time.Time, height int64) bool {
	if s.behindSince.IsZero() || height != s.behindAt {
		s.behindSince, s.behindAt = now, height
	}
	return now.Sub(s.behindSince) >= minerSyncTimeout
}

// mine mines a block when one is due, in the background, so that a slow node delays nothing. It returns the time until the next
// block is due, 0 when the network does not mine.
func (c *nodeClient) mine(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, nodes []node, desired []topology.Edge, now time.Time) time.Duration {
	spec := network.Spec.Mining
	if spec == nil || len(nodes) == 0 {
		state.mining.due = time.Time{}
		return 0
	}
	interval := v1.DefaultMiningInterval
	if spec.Interval != nil {
		interval = spec.Interval.Duration
	}
	wait, due := state.mining.next(now, interval)
	if !due || !state.shared.startMining() {
		return wait
	}
	at := state.mining.miner(now, nodes, desired, spec.Node)
	if at < 0 {
		state.shared.endMining()
		log.FromContext(ctx).V(1).Info("No node can mine; the block is skipped")
		return wait
	}
	endpoint := c.endpoint(network, &nodes[at])
	ordinal := nodes[at].ordinal
	logger := log.FromContext(ctx).WithValues("node", nodes[at].podName)
	c.run(ctx, state.shared.slots, changingCalls, func(ctx context.Context) {
		var hashes []string
		err := c.mineBlock(ctx, endpoint, bitcoind.Mine(ordinal, spec.Address, &hashes), state.shared)
		if err != nil {
			logger.Info("Failed to mine a block; it is skipped", "error", err.Error())
			return
		}
		logger.V(1).Info("Block mined", "blocks", hashes)
		c.requeue(state.key)
	})
	return wait
}

// mineBlock returns the claim of startMining.
func (c *nodeClient) mineBlock(ctx context.Context, endpoint bitcoind.Endpoint, mine bitcoind.Call, shared *sharedState) error {
	defer shared.endMining()
	return c.rpc.Call(ctx, endpoint, mine)
}

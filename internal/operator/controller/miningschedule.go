package controller

import (
	"slices"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// minerSyncTimeout is how long the node of spec.mining.node may be behind, at one height, before it mines nevertheless.
	minerSyncTimeout = 30 * time.Second
	// miningRetryInterval is the time after an attempt that failed, unless the interval is shorter.
	miningRetryInterval = 30 * time.Second
	// joinedTimeout is how long a block waits for the sides of a partition to be apart.
	joinedTimeout = 30 * time.Second
	// minerTimeout is how long a block may be due without a node that can mine it before the condition reports it.
	minerTimeout = 30 * time.Second
)

// miningSchedule is what the operator knows of its attempts to mine. When the next block is due and whose turn it is comes from the
// chain and the status, so that a new operator continues as the old one would have.
type miningSchedule struct {
	// started is false before the first pass, and address is that of the last one.
	started bool
	address string
	// slot is when the block of the last attempt was due, and attempted the time of the attempt.
	slot, attempted time.Time
	// kept are the last attempts for keepAlive, by the first node of a side.
	kept map[int]keptAlive
	// withoutMiner is since when a block is due and no node can mine it.
	withoutMiner time.Time
	// joinedSince is when a block that was due first had to wait because it might reach another side; zero while the sides are apart.
	joinedSince time.Time
	// behindSince is when the miner was first seen behind the other nodes at the height behindAt.
	behindSince time.Time
	behindAt    int64
}

// keptAlive is an attempt to mine on top of a block.
type keptAlive struct {
	attempted time.Time
	hash      string
}

// nextBlock is when a block is due and on which nodes.
type nextBlock struct {
	due time.Time
	// period is the time from one block to the next.
	period time.Duration
	// candidates are the indices of the nodes that may mine it. The first that can does.
	candidates []int
	// side whose best block is to be kept recent; nil for the interval.
	side *side
}

// nextBlocks returns the next blocks, the one that is due first before the others: one for the interval, or one for each side that is
// to be kept recent. last is when the latest block appeared, or when the network was created, and failures the number of attempts since
// the last block.
func (s *miningSchedule) nextBlocks(spec *v1.Mining, sides []side, last time.Time, failures int) []nextBlock {
	if spec.KeepAlive == nil {
		block := s.intervalBlock(sides, miningInterval(spec), last, failures)
		block.keepOnly(spec.Node)
		return []nextBlock{block}
	}
	var blocks []nextBlock
	for i := range sides {
		block := s.keepAliveBlock(&sides[i], spec.KeepAlive.Duration, last, failures)
		block.keepOnly(spec.Node)
		// A side without the node that mines has no next block.
		if sides[i].answers && len(block.candidates) > 0 {
			blocks = append(blocks, block)
		}
	}
	slices.SortStableFunc(blocks, func(a, b nextBlock) int { return a.due.Compare(b.due) })
	return blocks
}

// keepOnly makes the node of spec.mining.node the only candidate; nil for all nodes in turn.
func (b *nextBlock) keepOnly(node *int32) {
	if node != nil {
		b.candidates = slices.DeleteFunc(b.candidates, func(i int) bool { return i != int(*node) })
	}
}

func miningInterval(spec *v1.Mining) time.Duration {
	if spec.Interval == nil {
		return v1.DefaultMiningInterval
	}
	return spec.Interval.Duration
}

// intervalBlock is due an interval after the latest block of all sides: each node mines in turn, so that the sides of a partition share
// the blocks by the number of their nodes. The sum of their heights grows by one with each block.
func (s *miningSchedule) intervalBlock(sides []side, interval time.Duration, last time.Time, failures int) nextBlock {
	var nodes []int
	turn := failures
	for i := range sides {
		nodes = append(nodes, sides[i].members...)
		turn += int(sides[i].height)
	}
	slices.Sort(nodes)
	// The status has whole seconds, and the time of a block has too: without the slot, blocks that are due every 1.5 s would be mined
	// every second.
	due := latest(last.Add(interval), s.slot.Add(interval))
	if failures > 0 {
		due = latest(last.Add(interval), s.attempted.Add(min(interval, miningRetryInterval)))
	}
	return nextBlock{due: due, period: interval, candidates: rotated(nodes, turn)}
}

// keepAliveBlock is due when the time in the side's best block is keepAlive ago, which the programs beside the network compare with
// their clocks. If it is still that long ago after a block was mined, the clocks of the nodes are behind, and more blocks would not change it.
func (s *miningSchedule) keepAliveBlock(of *side, keepAlive time.Duration, last time.Time, failures int) nextBlock {
	due := of.time.Add(keepAlive)
	if of.time.IsZero() {
		due = last.Add(keepAlive)
	}
	if before, attempted := s.kept[of.members[0]]; attempted {
		pause := keepAlive
		if before.hash == of.hash {
			pause = min(keepAlive, miningRetryInterval)
		}
		due = latest(due, before.attempted.Add(pause))
	}
	return nextBlock{due: due, period: keepAlive, candidates: rotated(of.members, failures+int(of.height)), side: of}
}

func rotated(list []int, by int) []int {
	by %= max(1, len(list))
	return slices.Concat(list[by:], list[:by])
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// attempt records that a block is mined now. The slot is the latest time at or before now at which a block was due: those of earlier
// slots are skipped.
func (s *miningSchedule) attempt(b *nextBlock, now time.Time) {
	s.attempted, s.withoutMiner = now, time.Time{}
	if b.side == nil {
		s.slot = now.Add(-(now.Sub(b.due) % b.period))
		return
	}
	if s.kept == nil {
		s.kept = map[int]keptAlive{}
	}
	s.kept[b.side.members[0]] = keptAlive{now, b.side.hash}
}

// miner returns the first candidate that can mine, -1 for none. A node that is behind its side, because it has just started for
// instance, may not mine: it would start another chain. The only candidate may when it stays behind. One whose last probe failed is left to the
// next pass.
func (s *miningSchedule) miner(now time.Time, candidates []int, nodes []node, sides []side) int {
	best := heightsOf(sides, len(nodes))
	for _, i := range candidates {
		if !nodes[i].callable() || nodes[i].missed && len(candidates) > 1 {
			continue
		}
		height := nodes[i].answer.chain.Blocks
		if height < best[i] && (len(candidates) > 1 || !s.behindTooLong(now, height)) {
			continue
		}
		s.behindSince = time.Time{}
		return i
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

// observe records that the sides are apart, also in a pass in which no block is due: at the next partition a block waits again.
func (s *miningSchedule) observe(in miningInputs) {
	if !in.joined {
		s.joinedSince = time.Time{}
	}
}

// mayMine reports whether the sides of a partition are apart. A block that is mined in the moment of the partition would be the first
// one of both sides.
func (s *miningSchedule) mayMine(in miningInputs) bool {
	if in.joined && s.joinedSince.IsZero() {
		s.joinedSince = in.now
	}
	return !in.joined || in.now.Sub(s.joinedSince) >= joinedTimeout
}

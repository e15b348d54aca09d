package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// miningState is what a pass reports of mining.
type miningState struct {
	// wait is the time until the next block is due, 0 when the network does not mine.
	wait time.Duration
	// failure is why blocks are not mined; nil while they are.
	failure *miningFailure
	// mined is whether this process of the operator has mined a block without a failure after it.
	mined bool
}

// miningFailure is a reason of the condition Mining.
type miningFailure struct{ reason, message string }

// miningInputs are what mining depends on besides the specification.
type miningInputs struct {
	now   time.Time
	nodes []node
	sides []side
	// joined is true while a block may still cross from one side of a partition to another.
	joined bool
	// lastBlock is when the latest block appeared; nil before the first.
	lastBlock *metav1.Time
}

// mine mines a block when one is due, in the background, so that a slow node delays nothing.
func (c *nodeClient) mine(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, in miningInputs) miningState {
	spec, schedule := network.Spec.Mining, &state.mining
	if spec == nil || len(in.nodes) == 0 {
		*schedule = miningSchedule{}
		state.shared.resetMining(nil)
		return miningState{}
	}
	switch {
	case !schedule.started:
		state.shared.resetMining(reportedFailure(network))
	case schedule.address != spec.Address:
		state.shared.resetMining(nil)
	}
	schedule.started, schedule.address = true, spec.Address
	schedule.observe(in)
	if err := bitcoind.CheckAddress(spec.Address); err != nil {
		return miningState{failure: &miningFailure{v1.ReasonAddressInvalid, "spec.mining.address is not valid, no blocks are mined: " + err.Error()}}
	}
	last := network.CreationTimestamp.Time
	if in.lastBlock != nil {
		last = in.lastBlock.Time
	}
	blocks := schedule.nextBlocks(spec, in.sides, last, state.shared.miningResults().failures)
	block, at, wait := schedule.chooseMiner(blocks, in)
	if at >= 0 && c.fence.Check() == nil && schedule.mayMine(in) && state.shared.startMining() {
		schedule.attempt(block, in.now)
		c.mineInBackground(ctx, network, state, &in.nodes[at], len(in.nodes))
	}
	if since := schedule.withoutMiner; !since.IsZero() && in.now.Sub(since) >= minerTimeout {
		state.shared.reportMining(&miningFailure{v1.ReasonNoMiner, withoutMinerMessage(spec, in.nodes)})
	}
	result := state.shared.miningResults()
	return miningState{wait: wait, failure: result.failing.asFailure(), mined: result.blocks > 0}
}

// chooseMiner returns the first block that is due and a node that can mine it, -1 for none, and the time until the next pass.
func (s *miningSchedule) chooseMiner(blocks []nextBlock, in miningInputs) (block *nextBlock, at int, wait time.Duration) {
	wait = maxBackoff
	for i := range blocks {
		b := &blocks[i]
		if left := b.due.Sub(in.now); left > 0 {
			if i == 0 {
				s.withoutMiner = time.Time{}
				return nil, -1, left
			}
			wait = min(wait, left)
			break
		}
		wait = min(wait, b.period)
		if at := s.miner(in.now, b.candidates, in.nodes, in.sides); at >= 0 {
			return b, at, wait
		}
	}
	if len(blocks) > 0 && s.withoutMiner.IsZero() {
		s.withoutMiner = in.now
	}
	return nil, -1, wait
}

func withoutMinerMessage(spec *v1.Mining, nodes []node) string {
	if spec.Node == nil {
		return "a block is due, and no node that is ready has the blocks of the nodes that it is connected with"
	}
	i := int(*spec.Node)
	switch {
	case i >= len(nodes):
		return fmt.Sprintf("a block is due, and node %d of spec.mining.node does not exist", i)
	case nodes[i].busy:
		return fmt.Sprintf("a block is due, and all RPC threads of %s, the node of spec.mining.node, are taken by other calls", nodes[i].name())
	case !nodes[i].ready():
		return fmt.Sprintf("a block is due, and %s, the node of spec.mining.node, is not ready", nodes[i].name())
	default:
		return fmt.Sprintf("a block is due, and %s, the node of spec.mining.node, is behind the nodes that it is connected with", nodes[i].name())
	}
}

// mineInBackground makes a node mine a block, and starts a pass when the result is known. It returns the claim of startMining.
func (c *nodeClient) mineInBackground(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, miner *node, nodes int) {
	endpoint, chain := c.endpoint(network, miner), miner.answer.chain
	address, ordinal, name := network.Spec.Mining.Address, miner.ordinal, miner.name()
	logger := log.FromContext(ctx).WithValues("node", name)
	c.run(ctx, state.shared.slots, changingCalls, func(ctx context.Context) {
		if withoutLease(ctx) {
			state.shared.abandonMining()
			c.requeue(state.key)
			return
		}
		var hashes []string
		err := errPanicked
		defer func() {
			state.shared.endMining(ordinal, nodes, miningFailureOf(err, name, chain, c.now()))
			c.requeue(state.key)
		}()
		err = c.rpc.Call(ctx, endpoint, bitcoind.Mine(ordinal, address, &hashes))
		if err != nil {
			logger.Info("Failed to mine a block", "error", err.Error())
			return
		}
		logger.V(1).Info("Block mined", "blocks", hashes)
	})
}

// maxBlockAhead is how far the time of a block may be ahead of a node's clock (MAX_FUTURE_BLOCK_TIME in bitcoind's src/chain.h).
const maxBlockAhead = 2 * time.Hour

// miningFailureOf returns the reason and the message for the error of a node whose chain was this one; nil for no error. The message
// is the same for each attempt on one chain.
func miningFailureOf(err error, name string, chain bitcoind.ChainInfo, now time.Time) *miningFailure {
	if err == nil {
		return nil
	}
	var rejected *bitcoind.RPCError
	cause := phrase.OfError(err)
	switch {
	case errors.As(err, &rejected) && rejected.Code == bitcoind.CodeInvalidAddress:
		return &miningFailure{v1.ReasonAddressInvalid, fmt.Sprintf("%s rejects spec.mining.address, no blocks are mined: %s", name, cause)}
	case errors.As(err, &rejected) && strings.Contains(rejected.Message, "time-too-new"):
		return &miningFailure{v1.ReasonTimeTooNew, tooNewMessage(name, chain, now)}
	default:
		return &miningFailure{v1.ReasonMiningFailed, fmt.Sprintf("%s could not mine a block: %s", name, cause)}
	}
}

// tooNewMessage has the time at which blocks can be mined again. The time of a block is at least the median time of the last eleven
// and a second.
func tooNewMessage(name string, chain bitcoind.ChainInfo, now time.Time) string {
	message := "the times of the blocks, after many in quick succession, are ahead of the clock by more than the two hours that are allowed"
	if chain.MedianTime == 0 {
		return message + "; mining continues when the clock has followed"
	}
	until := time.Unix(chain.MedianTime+1, 0).Add(-maxBlockAhead)
	if until.Before(now.Add(-time.Minute)) {
		return fmt.Sprintf("the clock of %s is behind the times of the blocks by more than the two hours that are allowed; mining continues when the clock is right", name)
	}
	return fmt.Sprintf("%s; mining continues at %s", message, until.UTC().Format(time.RFC3339))
}

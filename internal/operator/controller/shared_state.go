package controller

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// sharedState is the state of a network that background calls and the metrics use beside the reconcile pass. mu guards all of it
// but slots, including each nodeState.
type sharedState struct {
	// slots bound the calls to the network's nodes.
	slots *slots

	mu    sync.Mutex
	nodes map[nodeKey]*nodeState
	// pods are those with several nodes.
	pods map[types.UID]*supervised
	// observed is the latest observation; nil before the first.
	observed *observation
	// mining is true while a node mines a block.
	mining bool
	mined  miningResults
	// settledAt is when no node dials an address any more that was removed from its addnode list.
	settledAt time.Time
	// addresses of the nodes, and addressesAt when they were read last.
	addresses   map[string]knownAddress
	addressesAt time.Time
}

// knownAddress is when this operator last knew an address as that of a node, and until when the node can have had it, which is earlier for one
// that an earlier operator has written to the status.
type knownAddress struct{ seen, until time.Time }

func newSharedState() *sharedState {
	return &sharedState{slots: newSlots(maxCallsPerNetwork), nodes: map[nodeKey]*nodeState{}, pods: map[types.UID]*supervised{}, addresses: map[string]knownAddress{}}
}

// observation is a network's status and what else the metrics export.
type observation struct {
	status v1.BitcoinNetworkStatus
	// blockTime is the time of the highest block, in seconds since 1970; 0 when unknown or before the first block.
	blockTime int64
}

// nodeState is the state of one bitcoind process.
type nodeState struct {
	process process
	// inFlight is true from the start of a probe to its end, and queued while the probe waits for a slot: the node cannot have
	// answered yet.
	inFlight, queued bool
	// changing is true while the node carries out a batch of connection changes.
	changing bool
	// loading is true while the wallets are being loaded. wallets is how often that was tried, or walletsLoaded.
	loading bool
	wallets int
	// walletsDecided is true when it has been decided whether wallets may have to be loaded.
	walletsDecided bool
	walletsReach   walletsReach
	// flushed is the best block that the node had when it last wrote its chain to the disk on request, at flushedAt. flushing is true
	// while it does so, and unflushable when it does not allow it.
	flushed               string
	flushedAt             time.Time
	flushing, unflushable bool
	// slow nodes are probed, but a pass does not wait for them.
	slow bool
	// lastAnswer is the last valid answer, and err why there has been none since.
	lastAnswer *answer
	err        error
	// missedAt is when a pass first got no new answer since the last one; zero if it got one.
	missedAt time.Time
	// aliveAt is when the node last showed that it does not hang, though it did not answer a call in time: its HTTP server responded,
	// its queue was full, or an answer came with a delay.
	aliveAt time.Time
	// busyAt is when the node was last found busy.
	busyAt time.Time
	// entries is what is known of the node's addnode list.
	entries entryLog
	// closed are the former addresses from which its connections have been closed.
	closed map[string]bool
	// behind is set while the node is behind its peers.
	behind *behindNode
}

// walletsReach is up to which block the wallets of a node may know the chain.
type walletsReach struct {
	// height of that block, which is not changed any more once it is known.
	height int64
	known  bool
	// since is when the node first answered, and best its best block since bestAt.
	since, bestAt time.Time
	best          string
}

// observe stores a copy of the status for the metrics.
func (s *sharedState) observe(status *v1.BitcoinNetworkStatus, chains chainComparison) {
	observed := observation{status: *status.DeepCopy()}
	// The block at height 0 is of 2011 in every regtest chain.
	if len(chains.branches) > 0 && chains.branches[0].height > 0 {
		observed.blockTime = chains.branches[0].time
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed = &observed
}

func (s *sharedState) lastObservation() (observation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.observed == nil {
		return observation{}, false
	}
	return *s.observed, true
}

// keepOnly deletes the state of all nodes but the existing ones.
func (s *sharedState) keepOnly(existing map[nodeKey]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.nodes {
		if !existing[key] {
			delete(s.nodes, key)
		}
	}
}

// startProbe returns the state of a bitcoind, whether to probe it now, and whether to wait for its answer.
func (s *sharedState) startProbe(of process) (state *nodeState, start, wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state = s.nodes[of.nodeKey]
	if state == nil || state.process != of {
		state = &nodeState{process: of}
		s.nodes[of.nodeKey] = state
	}
	if state.inFlight {
		return state, false, false
	}
	state.inFlight, state.queued = true, true
	return state, true, !state.slow
}

// sendProbe marks that a probe has a slot and is being sent.
func (s *sharedState) sendProbe(state *nodeState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state.queued = false
}

// endProbe stores the result of a probe and returns whether it took longer than a pass waits.
func (s *sharedState) endProbe(state *nodeState, got *answer, err error, now time.Time) (slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state.inFlight = false
	if err != nil {
		var unreachable *bitcoind.UnreachableError
		known := errors.As(err, &unreachable)
		state.err = err
		state.slow = known && unreachable.Timeout()
		switch {
		case known && unreachable.QueueFull():
			state.aliveAt = now
		case !state.slow:
			state.aliveAt = time.Time{}
		}
		return state.slow
	}
	state.lastAnswer, state.err, state.missedAt, state.slow = got, nil, time.Time{}, now.Sub(got.at) > probeTimeout
	if state.slow {
		state.aliveAt = now
	}
	return state.slow
}

// setAlive stores that the HTTP server of a node that does not answer a call responds.
func (s *sharedState) setAlive(state *nodeState, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state.aliveAt = now
}

// answerOf fills in the node's answer, or why there is none; neither when no probe has been sent.
func (s *sharedState) answerOf(n *node, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[n.key()]
	if state == nil {
		return
	}
	n.answer, n.err = state.answerAt(now, n.pod.Status.PodIP)
	n.missed = n.answer != nil && !state.missedAt.IsZero()
	n.busy = n.answer == nil && !state.aliveAt.IsZero() && now.Sub(state.aliveAt) < aliveLifetime
	if n.busy {
		n.answer, n.err, state.busyAt = state.lastAnswer, errBusy, now
	}
	n.busyLately = !state.busyAt.IsZero() && now.Sub(state.busyAt) < busyReportTime
}

func (state *nodeState) answerAt(now time.Time, host string) (*answer, error) {
	waits := state.inFlight && !state.queued
	if (state.err != nil || waits) && state.missedAt.IsZero() {
		state.missedAt = now
	}
	if state.lastAnswer != nil && (state.queued && state.err == nil || now.Sub(state.lastAnswer.at) < answerLifetime || now.Sub(state.missedAt) < missLifetime) {
		return state.lastAnswer, nil
	}
	if state.err != nil {
		return nil, state.err
	}
	if waits {
		state.slow = true
		return nil, fmt.Errorf("%s: no answer within %s", host, probeTimeout)
	}
	return nil, nil
}

// startChange claims the right to change the node's connections, and done returns it. A batch continues in the node after its
// call has timed out, and a second one beside it would only occupy another of the node's RPC threads.
func (s *sharedState) startChange(of nodeKey) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of]
	if state == nil || state.changing {
		return nil, false
	}
	state.changing = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		state.changing = false
	}, true
}

// changing is the number of nodes that still carry out a batch of an earlier pass: its effects may not be visible yet, and how
// long the removed addresses may still be dialed is not known.
func (s *sharedState) changing() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, state := range s.nodes {
		if state.changing {
			count++
		}
	}
	return count
}

// settlesAt records that a node may dial removed addresses until then. The latest time counts.
func (s *sharedState) settlesAt(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.settledAt) {
		s.settledAt = until
	}
}

func (s *sharedState) allSettledAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settledAt
}

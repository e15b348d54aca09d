package controller

import v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"

// miningResults are the results of the attempts to mine.
type miningResults struct {
	// failures is the number of attempts since the last block, and blocks that of blocks since the last failure.
	failures, blocks int
	// failing is the failure that the condition reports; nil for none.
	failing *failingMiner
}

// failingMiner is a node that could not mine; the ordinal is -1 when it is not known.
type failingMiner struct {
	ordinal int
	miningFailure
}

func (f *failingMiner) asFailure() *miningFailure {
	if f == nil {
		return nil
	}
	return &f.miningFailure
}

// maxMinersInTurn bounds how many blocks end a failure.
const maxMinersInTurn = 10

// add adds the result of a node; nil for a block. Several nodes that fail for the same reason are one failure.
func (r *miningResults) add(ordinal, nodes int, failure *miningFailure) {
	if failure == nil {
		r.failures, r.blocks = 0, r.blocks+1
		if r.failing != nil && r.endsWith(ordinal, nodes) {
			r.failing = nil
		}
		return
	}
	r.failures, r.blocks = r.failures+1, 0
	if r.failing == nil || r.failing.ordinal == ordinal || r.failing.reason != failure.reason {
		r.failing = &failingMiner{ordinal, *failure}
	}
}

// endsWith reports whether a failure ends with a node's block. That of one node ends when it mines, or when all nodes, or ten, have
// mined and one more: a node that always fails changes the condition once, and not at each of its turns.
func (r *miningResults) endsWith(ordinal, nodes int) bool {
	return r.failing.reason != v1.ReasonMiningFailed || r.failing.ordinal == ordinal || r.blocks > min(nodes, maxMinersInTurn)
}

// startMining claims the right to mine the next block, endMining returns it with the result.
func (s *sharedState) startMining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mining {
		return false
	}
	s.mining = true
	return true
}

func (s *sharedState) endMining(ordinal, nodes int, failure *miningFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mining = false
	s.mined.add(ordinal, nodes, failure)
}

// abandonMining returns the claim of startMining without an attempt.
func (s *sharedState) abandonMining() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mining = false
}

// reportMining reports a failure without an attempt.
func (s *sharedState) reportMining(failure *miningFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mined.failing == nil || s.mined.failing.reason != failure.reason {
		s.mined.failing = &failingMiner{-1, *failure}
	}
}

func (s *sharedState) miningResults() miningResults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mined
}

// resetMining forgets the results, and continues with the failure that an earlier operator has reported; nil for none.
func (s *sharedState) resetMining(failing *failingMiner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mined = miningResults{failing: failing}
}

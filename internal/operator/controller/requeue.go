package controller

import (
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
)

const (
	// minBackoff and maxBackoff bound the time between two passes while something is missing.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 2 * time.Second
	// minPassGap lets the events of several pods meet in one pass. maxPassGap is the longest gap between two passes of a large
	// network, and maxFinalPassGap the longest when almost all of its nodes run.
	minPassGap      = 40 * time.Millisecond
	maxPassGap      = 2 * time.Second
	maxFinalPassGap = 500 * time.Millisecond
)

// requeueInputs decide when the next pass of a network starts.
type requeueInputs struct {
	// held is true when the API server does not carry out the write of an object, and ready when the network is as specified.
	held, ready bool
	// progress changes whenever the network comes a step nearer to its specification.
	progress string
	// Times until something is due, 0 for nothing.
	nextBlock, settling, syncRecheck, objectsRecheck, stalledRecheck, missRecheck time.Duration
}

// requeueAfter is the time until the next pass: the soonest of what is due. While something is missing, the time grows as long as
// nothing changes.
func requeueAfter(b *backoff.Backoff, in requeueInputs, pollInterval time.Duration) time.Duration {
	wait := pollInterval
	switch {
	case in.held:
		// The operator itself can change nothing.
		wait = min(wait, b.Next(in.progress, minBackoff, maxRetryInterval))
	case !in.ready:
		wait = min(wait, b.Next(in.progress, minBackoff, maxBackoff))
	}
	for _, due := range []time.Duration{in.nextBlock, in.settling, in.syncRecheck, in.objectsRecheck, in.stalledRecheck, in.missRecheck} {
		if due > 0 {
			wait = min(wait, due)
		}
	}
	return max(wait, time.Millisecond)
}

// progressOf describes how far a network has come, for the backoff.
func progressOf(generation int64, in *policyInputs) string {
	started, ready, answering := 0, 0, 0
	for i := range in.nodes {
		n := &in.nodes[i]
		if n.running() {
			started++
		}
		if n.podReady {
			ready++
		}
		if n.answer != nil {
			answering++
		}
	}
	return fmt.Sprint(generation, len(in.nodes), len(in.leaving)+len(in.leavingNodes), started, ready, answering, in.connections.existing, in.chains.lowest)
}

// lastPass is what the earliest time of the next pass depends on.
type lastPass struct {
	ended time.Time
	took  time.Duration
	pods  int
	ready bool
}

// gap returns the time until the next pass may start, given how many pods run now. The passes of a large network take long, and
// leave the machine time for others, above all for the nodes that are starting. When almost all of them run, also in the middle of
// the gap, the rest of the work is the operator's own and the gap is short.
func (p lastPass) gap(now time.Time, running int) time.Duration {
	gap := min(2*p.took, maxPassGap)
	if !p.ready && (p.pods-running)*10 <= p.pods {
		gap = min(p.took/2, maxFinalPassGap)
	}
	return max(p.ended.Add(max(gap, minPassGap)).Sub(now), 0)
}

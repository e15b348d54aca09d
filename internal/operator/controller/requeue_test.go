package controller

import (
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
)

func TestTheGapGrowsWithThePassAndIsShortAtTheEnd(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, test := range []struct {
		took, gap, last time.Duration
	}{
		{0, minPassGap, minPassGap},
		{10 * time.Millisecond, minPassGap, minPassGap},
		{100 * time.Millisecond, 200 * time.Millisecond, 50 * time.Millisecond},
		{900 * time.Millisecond, 1800 * time.Millisecond, 450 * time.Millisecond},
		{3 * time.Second, maxPassGap, maxFinalPassGap},
	} {
		for running, want := range map[int]time.Duration{0: test.gap, 9: test.last} {
			pass := lastPass{ended: start, took: test.took, pods: 10}
			if got := pass.gap(start, running); got != want {
				t.Errorf("after a pass of %s, %d of 10 nodes run: %s, want %s", test.took, running, got, want)
			}
			if got := pass.gap(start.Add(want+time.Millisecond), running); got != 0 {
				t.Errorf("after the gap: %s", got)
			}
		}
	}
	if got := (lastPass{}).gap(start, 0); got != 0 {
		t.Errorf("before the first pass: %s", got)
	}
}

func TestTheGapIsShortWhenAlmostAllNodesRun(t *testing.T) {
	for _, test := range []struct {
		nodes, running int
		ready, want    bool
	}{
		{50, 50, true, false}, {50, 50, false, true}, {50, 45, false, true}, {50, 44, false, false}, {50, 0, false, false},
		{3, 3, false, true}, {3, 2, false, false}, {0, 0, false, true}, {3, 5, false, true},
	} {
		ended := time.Unix(1000, 0)
		pass := lastPass{ended: ended, took: time.Second, pods: test.nodes, ready: test.ready}
		if got := pass.gap(ended, test.running) == maxFinalPassGap; got != test.want {
			t.Errorf("%d of %d nodes run, ready %v: %v", test.running, test.nodes, test.ready, got)
		}
	}
}

// The next pass comes soon after a removed node of a pod that stays has ended.
func TestTheEndOfARemovedNodeIsProgress(t *testing.T) {
	before, after := &policyInputs{leavingNodes: []string{"net-sts-0/2", "net-sts-0/3"}}, &policyInputs{leavingNodes: []string{"net-sts-0/3"}}
	if progressOf(1, before) == progressOf(1, after) {
		t.Error("it is none")
	}
}

func TestTheSoonestOfWhatIsDueWins(t *testing.T) {
	const poll = 5 * time.Second
	for name, test := range map[string]struct {
		in   requeueInputs
		want time.Duration
	}{
		"ready":                     {requeueInputs{ready: true}, poll},
		"not ready":                 {requeueInputs{}, minBackoff},
		"ready and mining":          {requeueInputs{ready: true, nextBlock: time.Second}, time.Second},
		"the next block is later":   {requeueInputs{ready: true, nextBlock: time.Minute}, poll},
		"in the grace period":       {requeueInputs{ready: true, nextBlock: time.Second, syncRecheck: 500 * time.Millisecond}, 500 * time.Millisecond},
		"settling":                  {requeueInputs{ready: true, settling: time.Second}, time.Second},
		"an object blocks others":   {requeueInputs{ready: true, objectsRecheck: 2 * time.Second}, 2 * time.Second},
		"a probe has failed once":   {requeueInputs{ready: true, missRecheck: time.Second}, time.Second},
		"a pod fails, in its grace": {requeueInputs{ready: true, stalledRecheck: time.Second}, time.Second},
		"a block is due at once":    {requeueInputs{ready: true, nextBlock: 1}, time.Millisecond},
		"rejected":                  {requeueInputs{held: true}, minBackoff},
		"… and a block is due":      {requeueInputs{held: true, nextBlock: 50 * time.Millisecond}, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if got := requeueAfter(&backoff.Backoff{}, test.in, poll); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestTheBackoffGrowsWithoutProgress(t *testing.T) {
	for held, longest := range map[bool]time.Duration{true: maxRetryInterval, false: maxBackoff} {
		b, in := &backoff.Backoff{}, requeueInputs{held: held, progress: "1"}
		first, last := requeueAfter(b, in, time.Minute), time.Duration(0)
		for range 30 {
			last = requeueAfter(b, in, time.Minute)
		}
		if first != minBackoff || last != longest {
			t.Errorf("writes held %v: from %s to %s, want %s to %s", held, first, last, minBackoff, longest)
		}
		in.progress = "2"
		if got := requeueAfter(b, in, time.Minute); got != minBackoff {
			t.Errorf("after progress: %s", got)
		}
	}
}

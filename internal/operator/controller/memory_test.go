package controller

import (
	"testing"
	"time"
)

func TestTheGapAfterALookGrowsWithItAndIsShortAtTheEnd(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, test := range []struct {
		took, gap, last time.Duration
	}{
		{0, shortestGap, shortestGap},
		{10 * time.Millisecond, shortestGap, shortestGap},
		{100 * time.Millisecond, 200 * time.Millisecond, 50 * time.Millisecond},
		{900 * time.Millisecond, 1800 * time.Millisecond, 450 * time.Millisecond},
		{3 * time.Second, longestGap, longestLastGap},
	} {
		for running, want := range map[int]time.Duration{0: test.gap, 9: test.last} {
			look := pastLook{ended: start, took: test.took, nodes: 10}
			if got := look.early(start, running); got != want {
				t.Errorf("after a look of %s, %d of 10 nodes run: %s, want %s", test.took, running, got, want)
			}
			if got := look.early(start.Add(want+time.Millisecond), running); got != 0 {
				t.Errorf("after the gap: %s", got)
			}
		}
	}
	if got := (pastLook{}).early(start, 0); got != 0 {
		t.Errorf("before the first look: %s", got)
	}
}

func TestTheLastLooksAreThoseThatHaveAlmostAllNodesRunning(t *testing.T) {
	for _, test := range []struct {
		nodes, running int
		settled, want  bool
	}{
		{50, 50, true, false}, {50, 50, false, true}, {50, 45, false, true}, {50, 44, false, false}, {50, 0, false, false},
		{3, 3, false, true}, {3, 2, false, false}, {0, 0, false, true}, {3, 5, false, true},
	} {
		ended := time.Unix(1000, 0)
		look := pastLook{ended: ended, took: time.Second, nodes: test.nodes, settled: test.settled}
		if got := look.early(ended, test.running) == longestLastGap; got != test.want {
			t.Errorf("%d of %d nodes run, settled %v: %v", test.running, test.nodes, test.settled, got)
		}
	}
}

package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/pkg/resources"
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
		m := &memory{}
		for last, want := range map[bool]time.Duration{false: test.gap, true: test.last} {
			m.looked(start, start.Add(test.took), last)
			if got := m.early(start.Add(test.took)); got != want {
				t.Errorf("after a look of %s, last %v: %s, want %s", test.took, last, got, want)
			}
		}
	}
}

func TestTheLastLooksAreThoseThatHaveAlmostAllNodesRunning(t *testing.T) {
	for _, test := range []struct {
		nodes, running int
		settled, want  bool
	}{
		{50, 50, true, false}, {50, 50, false, true}, {50, 45, false, true}, {50, 44, false, false}, {50, 0, false, false},
		{3, 3, false, true}, {3, 2, false, false}, {0, 0, false, true},
	} {
		l := &look{nodes: make([]node, test.nodes), settled: test.settled}
		for i := range test.running {
			l.nodes[i].pod = &corev1.Pod{Status: corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{
				{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}}}
		}
		if got := l.last(); got != test.want {
			t.Errorf("%d of %d nodes run, settled %v: %v", test.running, test.nodes, test.settled, got)
		}
	}
}

package controller

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
)

func TestBlocksAreDueEveryIntervalAndSkippedRatherThanHeapedUp(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	m := &miningMemory{}
	for _, step := range []struct {
		now  float64
		due  bool
		wait float64
	}{
		{0, false, 10}, // the first look only sets the clock
		{9.9, false, .1},
		{10, true, 10},
		{10.5, false, 9.5}, // not twice
		{20.3, true, 9.7},  // late, but the next is on time
		{55, true, 5},      // three were missed: one is made
		{55.1, false, 4.9},
	} {
		wait, due := m.next(at(step.now), 10*time.Second)
		if due != step.due || wait.Round(time.Millisecond) != time.Duration(step.wait*float64(time.Second)).Round(time.Millisecond) {
			t.Errorf("at %v s: due %v in %s, want %v in %v s", step.now, due, wait, step.due, step.wait)
		}
	}
	if wait, due := m.next(at(56), time.Second); due || wait != time.Second {
		t.Errorf("a new interval begins anew, got due %v in %s", due, wait)
	}
}

// A node that is behind the others mines no second chain; the parts of a partition each go on with their own.
func TestANodeThatIsBehindDoesNotMine(t *testing.T) {
	line := []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
	for name, test := range map[string]struct {
		chains  []string
		desired []topology.Edge
		fixed   *int32
		want    int
	}{
		"one that has just started":         {[]string{"a", "aaa", "aaa"}, line, nil, 1},
		"one that is behind another's peer": {[]string{"aa", "aa", "aaa"}, line, nil, 2},
		"the lower side of a partition":     {[]string{"a", "a", "aaa"}, line[:1], nil, 0},
		"one that does not answer":          {[]string{"a", "", "aaa"}, line, nil, 2},
		"the one that was asked for":        {[]string{"a", "aaa", "aaa"}, line, ptr.To(int32(0)), -1},
		"one alone":                         {[]string{"a"}, nil, nil, 0},
	} {
		nodes := onChains(test.chains...)
		for i := range nodes {
			nodes[i].podReady = true
		}
		if got := (&miningMemory{}).miner(time.Time{}, nodes, test.desired, test.fixed); got != test.want {
			t.Errorf("%s: %d mines, want %d", name, got, test.want)
		}
	}
}

// Who has the mining node forget a block wants it to go on from there.
func TestAMinerThatStaysBehindMinesAfterAWhile(t *testing.T) {
	start, at := time.Now(), ptr.To(int32(0))
	m := &miningMemory{}
	for _, step := range []struct {
		after  time.Duration
		chains []string
		want   int
	}{
		{0, []string{"aa", "aaaaa"}, -1},
		{longestHold - time.Second, []string{"aaa", "aaaaa"}, -1},
		{longestHold, []string{"aaa", "aaaaa"}, -1}, // it has come nearer
		{2 * longestHold, []string{"aaa", "aaaaa"}, 0},
		{2*longestHold + time.Second, []string{"aaab", "aaaaa"}, -1}, // once more
	} {
		nodes := onChains(step.chains...)
		nodes[0].podReady, nodes[1].podReady = true, true
		if got := m.miner(start.Add(step.after), nodes, []topology.Edge{{A: 0, B: 1}}, at); got != step.want {
			t.Errorf("after %s: %d mines, want %d", step.after, got, step.want)
		}
	}
}

func TestNodesMineInTurn(t *testing.T) {
	nodes := onChains("a", "a", "", "a")
	for i := range nodes {
		nodes[i].podReady = true
	}
	m := &miningMemory{}
	var got []int
	for range 6 {
		got = append(got, m.miner(time.Time{}, nodes, nil, nil))
	}
	for i, want := range []int{0, 1, 3, 0, 1, 3} {
		if got[i] != want {
			t.Fatalf("miners %v: a node that is not ready is passed over, the others take turns", got)
		}
	}
	if at := m.miner(time.Time{}, nodes, nil, ptr.To(int32(2))); at != -1 {
		t.Errorf("node 2 does not answer, and yet %d mines", at)
	}
	if at := m.miner(time.Time{}, nodes, nil, ptr.To(int32(3))); at != 3 {
		t.Errorf("%d mines in place of node 3", at)
	}
	if at := m.miner(time.Time{}, nil, nil, nil); at != -1 {
		t.Errorf("%d mines in a network without nodes", at)
	}
}

package controller

import (
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestBlocksAreDueEveryIntervalAndMissedBlocksAreSkipped(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	m := &miningSchedule{}
	for _, step := range []struct {
		now  float64
		due  bool
		wait float64
	}{
		{0, false, 10}, // the first pass only starts the interval
		{9.9, false, .1},
		{10, true, 10},
		{10.5, false, 9.5}, // not twice
		{20.3, true, 9.7},  // delayed, but the next is on time
		{55, true, 5},      // three were missed: one is mined
		{55.1, false, 4.9},
	} {
		wait, due := m.next(at(step.now), 10*time.Second)
		if due != step.due || wait.Round(time.Millisecond) != time.Duration(step.wait*float64(time.Second)).Round(time.Millisecond) {
			t.Errorf("at %v s: due %v in %s, want %v in %v s", step.now, due, wait, step.due, step.wait)
		}
	}
	if wait, due := m.next(at(56), time.Second); due || wait != time.Second {
		t.Errorf("a new interval starts again, got due %v in %s", due, wait)
	}
}

// A node that is behind the others starts no second chain; each side of a partition continues its own chain.
func TestANodeThatIsBehindDoesNotMine(t *testing.T) {
	line := []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
	for name, test := range map[string]struct {
		chains  []string
		desired []topology.Edge
		fixed   *int32
		want    int
	}{
		"one that has just started":             {[]string{"a", "aaa", "aaa"}, line, nil, 1},
		"one that is behind a peer of its peer": {[]string{"aa", "aa", "aaa"}, line, nil, 2},
		"the lower side of a partition":         {[]string{"a", "a", "aaa"}, line[:1], nil, 0},
		"one that does not answer":              {[]string{"a", "", "aaa"}, line, nil, 2},
		"the fixed one":                         {[]string{"a", "aaa", "aaa"}, line, ptr.To(int32(0)), -1},
		"a single node":                         {[]string{"a"}, nil, nil, 0},
	} {
		nodes := allPodsReady(onChains(test.chains...))
		if got := (&miningSchedule{}).miner(time.Time{}, nodes, test.desired, test.fixed); got != test.want {
			t.Errorf("%s: %d mines, want %d", name, got, test.want)
		}
	}
}

// A user who invalidates a block on the mining node wants it to mine from there.
func TestAFixedMinerThatStaysBehindMinesAfterTheTimeout(t *testing.T) {
	start, at := time.Now(), ptr.To(int32(0))
	m := &miningSchedule{}
	for _, step := range []struct {
		after  time.Duration
		chains []string
		want   int
	}{
		{0, []string{"aa", "aaaaa"}, -1},
		{minerSyncTimeout - time.Second, []string{"aaa", "aaaaa"}, -1},
		{minerSyncTimeout, []string{"aaa", "aaaaa"}, -1}, // it makes progress
		{2 * minerSyncTimeout, []string{"aaa", "aaaaa"}, 0},
		{2*minerSyncTimeout + time.Second, []string{"aaab", "aaaaa"}, -1}, // again
	} {
		nodes := allPodsReady(onChains(step.chains...))
		if got := m.miner(start.Add(step.after), nodes, []topology.Edge{{A: 0, B: 1}}, at); got != step.want {
			t.Errorf("after %s: %d mines, want %d", step.after, got, step.want)
		}
	}
}

func TestNodesMineInTurn(t *testing.T) {
	nodes := allPodsReady(onChains("a", "a", "", "a"))
	m := &miningSchedule{}
	var got []int
	for range 6 {
		got = append(got, m.miner(time.Time{}, nodes, nil, nil))
	}
	for i, want := range []int{0, 1, 3, 0, 1, 3} {
		if got[i] != want {
			t.Fatalf("miners %v: a node that is not ready is skipped, the others take turns", got)
		}
	}
	if at := m.miner(time.Time{}, nodes, nil, ptr.To(int32(2))); at != -1 {
		t.Errorf("node 2 does not answer, but %d mines", at)
	}
	if at := m.miner(time.Time{}, nodes, nil, ptr.To(int32(3))); at != 3 {
		t.Errorf("%d mines instead of node 3", at)
	}
	if at := m.miner(time.Time{}, nil, nil, nil); at != -1 {
		t.Errorf("%d mines in a network without nodes", at)
	}
}

// miningPasses runs a pass every second, and returns the round trips to node 0 and the requeues after each.
func miningPasses(t *testing.T, node nodeHandler, spec *v1.Mining, passes int) (trips, requeues []int) {
	t.Helper()
	fake := newFakeNodes()
	fake.answer(0, node)
	client := fake.client(t)
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Mining: spec})
	state := newNetworkState(network)
	nodes := allPodsReady(withAddresses(onChains("a")))
	for range passes {
		if wait := client.mine(t.Context(), network, state, nodes, nil, time.Now()); (wait > 0) != (spec != nil) {
			t.Errorf("the next block is due in %s", wait)
		}
		time.Sleep(time.Second)
		trips, requeues = append(trips, fake.calls()[0]), append(requeues, fake.requeues())
	}
	return trips, requeues
}

func TestMining(t *testing.T) {
	every := &v1.Mining{Interval: &metav1.Duration{Duration: 2 * time.Second}, Address: "bcrt1q"}
	mines := func(method string, params []any) (any, error) {
		if method != "generatetoaddress" || params[1] != "bcrt1q" {
			t.Errorf("%s %v", method, params)
		}
		return []string{"00"}, nil
	}
	for name, test := range map[string]struct {
		spec            *v1.Mining
		node            nodeHandler
		trips, requeues []int
	}{
		"a block every two seconds": {every, mines, []int{0, 0, 1, 1, 2, 2}, []int{0, 0, 1, 1, 2, 2}},
		"no mining":                 {nil, mines, []int{0, 0, 0}, []int{0, 0, 0}},
		"the default interval":      {&v1.Mining{Address: "bcrt1q"}, mines, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
		"a node that fails":         {every, func(string, []any) (any, error) { return nil, errFake }, []int{0, 0, 1, 1, 2, 2}, make([]int, 6)},
		"one call at a time, when slow": {
			&v1.Mining{Interval: &metav1.Duration{Duration: 3 * time.Second}}, nil,
			[]int{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2}, make([]int, 17),
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				trips, requeues := miningPasses(t, test.node, test.spec, len(test.trips))
				if !slices.Equal(trips, test.trips) || !slices.Equal(requeues, test.requeues) {
					t.Errorf("calls %v, want %v; passes started %v, want %v", trips, test.trips, requeues, test.requeues)
				}
			})
		})
	}
}

// After many quick blocks the time of a block is the median time plus one, and two sides of a partition that pay the same script
// mine the same block: there is no fork.
func TestEachNodeMinesToAScriptOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		var mu sync.Mutex
		scripts := map[any]int{}
		const nodes = 3
		for i := range nodes {
			fake.answer(i, func(method string, params []any) (any, error) {
				mu.Lock()
				defer mu.Unlock()
				if method != "generatetodescriptor" || params[0] != float64(1) {
					t.Errorf("%s %v", method, params)
				}
				scripts[params[1]]++
				return []string{"00"}, nil
			})
		}
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: nodes, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}})
		state := newNetworkState(network)
		list := allPodsReady(withAddresses(onChains("a", "a", "a")))
		for range 2*nodes + 1 {
			client.mine(t.Context(), network, state, list, nil, time.Now())
			time.Sleep(time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, script := range []string{"raw(6a020000)", "raw(6a020001)", "raw(6a020002)"} {
			if scripts[script] != 2 {
				t.Errorf("%d blocks to %s: %v", scripts[script], script, scripts)
			}
		}
	})
}

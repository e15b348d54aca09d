package controller

import (
	"slices"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// minerOf returns the node that mines a block that is due, -1 for none.
func (s *miningSchedule) minerOf(now time.Time, nodes []node, desired []topology.Edge, fixed *int32) int {
	sides := sidesOf(nodes, desired)
	blocks := s.nextBlocks(&v1.Mining{Node: fixed}, sides, now.Add(-time.Hour), 0)
	_, at, _ := s.chooseMiner(blocks, miningInputs{now: now, nodes: nodes, sides: sides})
	return at
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
		"one that is behind a peer of its peer": {[]string{"aaaaa", "aaaaa", "aaaaaa"}, line, nil, 2},
		"the lower side of a partition":         {[]string{"a", "a", "aaaaa"}, line[:1], nil, 0},
		"the higher side of a partition":        {[]string{"aa", "aa", "aaa"}, line[:1], nil, 2},
		"one that does not answer":              {[]string{"aaa", "", "aaa"}, line, nil, 0},
		"the one whose turn it is is away":      {[]string{"", "aaa", "aaa"}, line, nil, 1},
		"the fixed one":                         {[]string{"a", "aaa", "aaa"}, line, ptr.To(int32(0)), -1},
		"the fixed one, which does not answer":  {[]string{"", "aaa", "aaa"}, line, ptr.To(int32(0)), -1},
		"the fixed one, which does not exist":   {[]string{"aaa", "aaa", "aaa"}, line, ptr.To(int32(3)), -1},
		"the fixed one, whosever turn it is":    {[]string{"aaa", "aaa", "aaa"}, line, ptr.To(int32(2)), 2},
		"a single node":                         {[]string{"a"}, nil, nil, 0},
	} {
		nodes := allPodsReady(onChains(test.chains...))
		if got := (&miningSchedule{}).minerOf(time.Now(), nodes, test.desired, test.fixed); got != test.want {
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
		if got := m.minerOf(start.Add(step.after), nodes, []topology.Edge{{A: 0, B: 1}}, at); got != step.want {
			t.Errorf("after %s: %d mines, want %d", step.after, got, step.want)
		}
	}
}

func TestSidesAreTheNodesThatReachEachOther(t *testing.T) {
	nodes := onChains("a", "aaa", "", "aa", "bb", "")
	for i, at := range map[int]int64{1: 100, 3: 60, 4: 50} {
		nodes[i].answer.chain.Time = at
	}
	sides := sidesOf(nodes, []topology.Edge{{A: 2, B: 1}, {A: 0, B: 2}, {A: 4, B: 3}})
	want := []side{
		{members: []int{0, 1, 2}, answers: true, height: 3, hash: "aaa", time: time.Unix(100, 0)},
		{members: []int{3, 4}, answers: true, height: 2, hash: "bb", time: time.Unix(50, 0)},
		{members: []int{5}},
	}
	if !slices.EqualFunc(sides, want, func(a, b side) bool {
		return slices.Equal(a.members, b.members) && a.answers == b.answers && a.height == b.height && a.hash == b.hash && a.time.Equal(b.time)
	}) {
		t.Errorf("sides %+v, want %+v", sides, want)
	}
	if best := bestHeights(nodes, []topology.Edge{{A: 0, B: 1}}); !slices.Equal(best, []int64{3, 3, 0, 2, 2, 0}) {
		t.Errorf("best heights %v", best)
	}
}

func TestSidesAreJoinedWhileAConnectionBetweenThemExists(t *testing.T) {
	connected := func(edges ...topology.Edge) []topology.Node {
		nodes := make([]topology.Node, 4)
		for i := range nodes {
			nodes[i] = topology.Node{Ordinal: i, Address: address(i), Answered: true}
		}
		for _, e := range edges {
			nodes[e.A].Peers = append(nodes[e.A].Peers, topology.Peer{Address: address(e.B) + ":18444", Handshaked: true})
			nodes[e.B].Peers = append(nodes[e.B].Peers, topology.Peer{Address: address(e.A) + ":50000", Handshaked: true, Inbound: true})
		}
		return nodes
	}
	apart, whole := []topology.Edge{{A: 0, B: 1}, {A: 2, B: 3}}, lineOf(0, 3)
	for name, test := range map[string]struct {
		desired  []topology.Edge
		observed []topology.Node
		settling time.Duration
		want     bool
	}{
		"no partition":                    {whole, connected(whole...), time.Second, false},
		"one connection is left":          {apart, connected(whole...), 0, true},
		"a node may dial its former peer": {apart, connected(apart...), time.Second, true},
		"apart":                           {apart, connected(apart...), 0, false},
		"apart, and not connected yet":    {apart, connected(), 0, false},
	} {
		if got := sidesJoined(4, test.desired, test.observed, test.settling); got != test.want {
			t.Errorf("%s: joined %v", name, got)
		}
	}
}

package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func bigSpecs() []Spec {
	return []Spec{
		{Type: v1.TopologyMesh, Nodes: 3},
		{Type: v1.TopologyMesh, Nodes: 10},
		{Type: v1.TopologyMesh, Nodes: 17},
		{Type: v1.TopologyMesh, Nodes: 20},
		{Type: v1.TopologyMesh, Nodes: 50},
		{Type: v1.TopologyRing, Nodes: 12},
		{Type: v1.TopologyRing, Nodes: 100},
		{Type: v1.TopologyLine, Nodes: 60},
		{Type: v1.TopologyStar, Nodes: 12},
		{Type: v1.TopologyStar, Nodes: 60},
		{Type: v1.TopologyRandom, Nodes: 30, Degree: 4, Seed: 1},
		{Type: v1.TopologyRandom, Nodes: 100, Degree: 4, Seed: 1},
		{Type: v1.TopologyRandom, Nodes: 60, Degree: 13, Seed: 2},
		{Type: v1.TopologyMesh, Nodes: 30, Partitions: [][]int{{0, 5, 9, 12}, {1, 2, 3}}},
	}
}

// customEdges are the edges of the Custom networks; other types ignore them.
var customEdges = []Edge{{0, 1}, {4, 7}, {2, 9}, {9, 4}, {3, 11}, {12, 18}}

func TestNewNetworkIsCompleteAfterOneReconcile(t *testing.T) {
	for _, spec := range bigSpecs() {
		t.Run(fmt.Sprint(spec.Type, spec.Nodes), func(t *testing.T) {
			desired := Desired(spec)
			s := newSimulator(t, 7, spec.Nodes)
			entries := 0
			lists := listsOf(spec.Nodes, desired)
			for _, listed := range lists {
				entries += len(listed)
			}
			if calls := s.reconcile(desired); calls != len(desired)+entries {
				t.Errorf("%d calls, want one for each of %d edges and %d list entries", calls, len(desired), entries)
			}
			if got := s.edges(); !slices.Equal(got, desired) {
				t.Errorf("%d of %d edges after one reconcile", len(got), len(desired))
			}
			settle(t, s, desired, 2)
			// bitcoind makes a second connection where both list each other, and for no
			// other edge.
			double := 0
			for _, e := range desired {
				if slices.Contains(lists[e.A], e.B) && slices.Contains(lists[e.B], e.A) {
					double++
				}
			}
			if len(s.conns) > len(desired)+double {
				t.Errorf("%d connections for %d edges, of which %d are listed on both sides", len(s.conns), len(desired), double)
			}
		})
	}
}

// From any state the first reconcile does everything, and the second one has nothing to do.
// A third is needed when a node has dialled another one on its own in between.
func TestConvergesFromAnyState(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spec := randomSpec(rng, 20)
		spec.Nodes = max(spec.Nodes, 1)
		t.Run(fmt.Sprintf("seed %d: %s of %d", seed, spec.Type, spec.Nodes), func(t *testing.T) {
			s := newSimulator(t, seed, spec.Nodes)
			s.mess()
			users := userEntries(s)
			settle(t, s, Desired(spec), 3)
			if got := userEntries(s); !slices.Equal(got, users) {
				t.Errorf("the user's entries were %v and are %v", users, got)
			}
		})
	}
}

// A connection that is over but that a node still believes in keeps bitcoind from dialling,
// so that this takes as long as that.
func TestConvergesWithHalfOpenConnections(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		spec := randomSpec(rng, 20)
		spec.Nodes = max(spec.Nodes, 1)
		t.Run(fmt.Sprintf("seed %d: %s of %d", seed, spec.Type, spec.Nodes), func(t *testing.T) {
			s := newSimulator(t, seed, spec.Nodes)
			s.mess()
			s.halve()
			settle(t, s, Desired(spec), 40)
		})
	}
}

func TestBigNetworksConvergeFromAnyState(t *testing.T) {
	for _, spec := range bigSpecs() {
		t.Run(fmt.Sprint(spec.Type, spec.Nodes), func(t *testing.T) {
			s := newSimulator(t, uint64(spec.Nodes), spec.Nodes)
			s.mess()
			settle(t, s, Desired(spec), 3)
		})
	}
}

func TestConvergesThoughCallsFail(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		spec := randomSpec(rng, 20)
		spec.Nodes = max(spec.Nodes, 1)
		s := newSimulator(t, seed, spec.Nodes)
		s.mess()
		s.lost = 0.3
		settle(t, s, Desired(spec), 20)
	}
}

func TestOneShapeTurnsIntoAnother(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s := newSimulator(t, 5, 1)
	for range 150 {
		spec := randomSpec(rng, 20)
		spec.Nodes = max(spec.Nodes, 1)
		s.scale(spec.Nodes)
		settle(t, s, Desired(spec), 3)
	}
}

func TestScalingLeavesNothingBehind(t *testing.T) {
	for _, kind := range types {
		t.Run(string(kind), func(t *testing.T) {
			s := newSimulator(t, 1, 1)
			for _, n := range []int{3, 12, 5, 1, 3, 20, 19, 20, 21} {
				s.scale(n)
				settle(t, s, Desired(Spec{Type: kind, Nodes: n, Degree: 4, Edges: customEdges}), 3)
			}
		})
	}
}

func TestPartitionSplitsAndHeals(t *testing.T) {
	for _, kind := range types {
		t.Run(string(kind), func(t *testing.T) {
			whole := Spec{Type: kind, Nodes: 12, Degree: 5, Edges: customEdges}
			split := whole
			split.Partitions = [][]int{{0, 1, 2, 3, 4, 5}}
			s := newSimulator(t, 2, whole.Nodes)
			for range 5 {
				settle(t, s, Desired(whole), 3)
				settle(t, s, Desired(split), 3)
			}
		})
	}
}

func TestNodesThatComeBackAreConnectedAgain(t *testing.T) {
	for _, spec := range bigSpecs() {
		t.Run(fmt.Sprint(spec.Type, spec.Nodes), func(t *testing.T) {
			desired := Desired(spec)
			s := newSimulator(t, 9, spec.Nodes)
			settle(t, s, desired, 2)
			s.replace(s.nodes[1])
			settle(t, s, desired, 3)
			s.restart(s.nodes[2])
			settle(t, s, desired, 3)
			for _, node := range s.nodes {
				s.replace(node)
			}
			settle(t, s, desired, 3)
		})
	}
}

func TestASilentNodeDelaysNoOtherNode(t *testing.T) {
	for _, kind := range types {
		for _, perAddress := range []int{1, 5} {
			t.Run(fmt.Sprint(kind, perAddress), func(t *testing.T) { silentNode(t, kind, perAddress) })
		}
	}
}

func silentNode(t *testing.T, kind v1.TopologyType, perAddress int) {
	t.Helper()
	spec := Spec{Type: kind, Nodes: 14, Degree: 4, Edges: customEdges}
	desired := Desired(spec)
	s := newSimulator(t, 3, spec.Nodes)
	if perAddress > 1 {
		s = newPackedSimulator(t, 3, spec.Nodes, perAddress)
	}
	s.nodes[4].silent = true
	others := slices.DeleteFunc(slices.Clone(desired), func(e Edge) bool { return e.A == 4 || e.B == 4 })
	for range 6 {
		s.reconcile(desired)
		s.pass()
	}
	_, missing := Connected(desired, s.reports())
	if got := without(desired, others); !slices.Equal(missing, got) {
		t.Errorf("missing are %v, want those of the silent node, %v", missing, got)
	}
	if calls := s.reconcile(desired); calls != 0 {
		t.Errorf("%d calls for a node that does not answer", calls)
	}
	s.nodes[4].silent = false
	settle(t, s, desired, 3)
}

func TestNodesBehindAddressTranslationConnect(t *testing.T) {
	desired := Desired(Spec{Nodes: 12})
	s := newSimulator(t, 4, 12)
	for _, node := range s.nodes[:6] {
		node.hidden = s.newAddress()
	}
	settle(t, s, desired, 3)
}

func TestNodesThatCannotBeDialledConnectByTheirList(t *testing.T) {
	desired := Desired(Spec{Nodes: 5})
	s := newSimulator(t, 4, 5)
	s.nodes[1].unreachable = true
	settle(t, s, desired, 3)
}

// The lists alone bring back what they cover when every connection breaks.
func TestListsReconnectWithoutOperator(t *testing.T) {
	for _, spec := range bigSpecs() {
		t.Run(fmt.Sprint(spec.Type, spec.Nodes), func(t *testing.T) {
			desired := Desired(spec)
			s := newSimulator(t, 6, spec.Nodes)
			settle(t, s, desired, 2)
			s.conns = nil
			for range 40 {
				s.pass()
			}
			if got, want := len(s.edges()), covered(listsOf(spec.Nodes, desired), desired); got != want {
				t.Errorf("%d edges came back, want %d", got, want)
			}
			settle(t, s, desired, 3)
		})
	}
}

// A container that was restarted has no list; those of the others bring it back.
func TestRestartedNodeIsConnectedByTheListsOfOthers(t *testing.T) {
	for _, n := range []int{3, 10, 17, 30} {
		desired := Desired(Spec{Nodes: n})
		for _, i := range []int{0, n / 2, n - 1} {
			s := newSimulator(t, 8, n)
			settle(t, s, desired, 2)
			s.restart(s.nodes[i])
			for range 40 {
				s.pass()
			}
			if got, want := degrees(n, s.edges())[i], min(n-1, maxListed); got < want {
				t.Errorf("mesh of %d: node %d has %d connections, want %d", n, i, got, want)
			}
		}
	}
}

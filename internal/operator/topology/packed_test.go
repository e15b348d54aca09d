package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// eachPacked runs a test on random networks whose nodes share addresses.
func eachPacked(t *testing.T, seeds uint64, run func(*testing.T, *simulator, Spec)) {
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 11))
		spec := randomSpec(rng, 24)
		spec.Nodes = max(spec.Nodes, 1)
		perPod := 2 + rng.IntN(8)
		t.Run(fmt.Sprintf("seed %d: %s of %d, %d to an address", seed, spec.Type, spec.Nodes, perPod), func(t *testing.T) {
			run(t, newPackedSimulator(t, seed, spec.Nodes, perPod), spec)
		})
	}
}

func TestNodesThatShareAddressesConvergeFromAnyState(t *testing.T) {
	eachPacked(t, 100, func(t *testing.T, s *simulator, spec Spec) {
		s.mess()
		users := userEntries(s)
		settle(t, s, Desired(spec), 3)
		if got := userEntries(s); !slices.Equal(got, users) {
			t.Errorf("the user's entries were %v and are %v", users, got)
		}
	})
}

func TestNodesThatShareAddressesConvergeWithHalfOpenConnections(t *testing.T) {
	eachPacked(t, 40, func(t *testing.T, s *simulator, spec Spec) {
		s.mess()
		s.halve()
		settle(t, s, Desired(spec), 40)
	})
}

func TestNodesThatShareAddressesConvergeThoughCallsFail(t *testing.T) {
	eachPacked(t, 40, func(t *testing.T, s *simulator, spec Spec) {
		s.mess()
		s.lost = 0.3
		settle(t, s, Desired(spec), 20)
	})
}

func TestNodesThatShareAddressesAreScaledSplitAndReplaced(t *testing.T) {
	for _, perPod := range []int{2, 4, 7, 50} {
		t.Run(fmt.Sprintf("%d to an address", perPod), func(t *testing.T) {
			s := newPackedSimulator(t, uint64(perPod), 1, perPod)
			rng := rand.New(rand.NewPCG(uint64(perPod), 5))
			for range 6 {
				spec := randomSpec(rng, 24)
				spec.Nodes = max(spec.Nodes, 1)
				s.scale(spec.Nodes)
				settle(t, s, Desired(spec), 3)
				node := s.nodes[rng.IntN(spec.Nodes)]
				if rng.IntN(2) == 0 {
					s.restart(node)
				} else {
					s.replace(node)
				}
				settle(t, s, Desired(spec), 3)
			}
		})
	}
}

func TestANewNetworkOfNodesThatShareAddressesIsCompleteAfterOneReconcile(t *testing.T) {
	for _, spec := range bigSpecs() {
		t.Run(fmt.Sprint(spec.Type, spec.Nodes), func(t *testing.T) {
			desired := Desired(spec)
			s := newPackedSimulator(t, 7, spec.Nodes, 8)
			s.reconcile(desired)
			if got := s.edges(); !slices.Equal(got, desired) {
				t.Errorf("%d of %d edges after one reconcile", len(got), len(desired))
			}
			settle(t, s, desired, 2)
			// bitcoind makes a second connection where both list each other, and for no other edge.
			lists, double := listsOf(spec.Nodes, desired), 0
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

// The source addresses that the dialled nodes see are not those that the others report: no connection is known to both of its ends, until
// both nodes have dialled.
func TestNodesThatShareAddressesBehindAddressTranslationConnect(t *testing.T) {
	desired := Desired(Spec{Nodes: 12})
	s := newPackedSimulator(t, 4, 12, 3)
	for _, node := range s.nodes[:6] {
		node.hidden = s.newAddress()
	}
	settle(t, s, desired, 3)
}

func TestListsReconnectNodesThatShareAddressesWithoutOperator(t *testing.T) {
	spec := Spec{Type: v1.TopologyRandom, Nodes: 60, Degree: 4, Seed: 1}
	desired := Desired(spec)
	s := newPackedSimulator(t, 6, spec.Nodes, 12)
	settle(t, s, desired, 2)
	s.conns = nil
	for range 40 {
		s.pass()
	}
	if got, want := len(s.edges()), covered(listsOf(spec.Nodes, desired), desired); got != want {
		t.Errorf("%d edges came back, want %d", got, want)
	}
	settle(t, s, desired, 3)
}

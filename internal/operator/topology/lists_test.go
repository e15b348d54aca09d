package topology

import (
	"math/rand/v2"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// listsOf returns who should be on whose list, each sorted.
func listsOf(n int, desired []Edge) [][]int {
	v := newView(newNetwork(n), desired)
	lists := make([][]int, n)
	for i, l := range v.chooseLists() {
		lists[i] = slices.Clone(l.nodes())
		slices.Sort(lists[i])
	}
	return lists
}

// covered counts the edges that are on at least one list.
func covered(lists [][]int, desired []Edge) int {
	count := 0
	for _, e := range desired {
		if slices.Contains(lists[e.A], e.B) || slices.Contains(lists[e.B], e.A) {
			count++
		}
	}
	return count
}

func TestNodesWithUpToEightNeighboursListThemAll(t *testing.T) {
	for n := 2; n <= 9; n++ {
		for node, listed := range listsOf(n, Desired(Spec{Nodes: n})) {
			if len(listed) != n-1 {
				t.Errorf("mesh of %d: node %d lists %v", n, node, listed)
			}
		}
	}
}

func TestListsCoverWholeMeshUpToSeventeen(t *testing.T) {
	for n := 2; n <= 50; n++ {
		desired := Desired(Spec{Nodes: n})
		lists := listsOf(n, desired)
		if got, want := covered(lists, desired), min(len(desired), maxListed*n); got != want {
			t.Errorf("mesh of %d: %d edges are on a list, want %d", n, got, want)
		}
		by := make([]int, n)
		for _, listed := range lists {
			for _, j := range listed {
				by[j]++
			}
		}
		if want := min(n-1, maxListed); slices.Min(by) != want || slices.Max(by) != want {
			t.Errorf("mesh of %d: the nodes are listed %v times, each should be %d times", n, by, want)
		}
	}
}

func TestEveryLeafOfStarListsTheMiddle(t *testing.T) {
	lists := listsOf(40, Desired(Spec{Type: v1.TopologyStar, Nodes: 40}))
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(lists[0], want) {
		t.Errorf("the middle lists %v, want %v", lists[0], want)
	}
	for leaf := 1; leaf < 40; leaf++ {
		if !slices.Equal(lists[leaf], []int{0}) {
			t.Errorf("leaf %d lists %v", leaf, lists[leaf])
		}
	}
}

// graphs returns shapes with many nodes of more than eight neighbours.
func graphs(rng *rand.Rand) []Spec {
	var specs []Spec
	for _, n := range []int{10, 13, 17, 18, 25, 40} {
		for _, degree := range []int{9, 10, 12, 15, 16, 17, 20} {
			specs = append(specs, Spec{Type: v1.TopologyRandom, Nodes: n, Degree: degree, Seed: rng.Int64()})
		}
		for _, density := range []float64{0.2, 0.4, 0.6, 0.8} {
			spec := Spec{Type: v1.TopologyCustom, Nodes: n}
			for _, e := range mesh(n) {
				// A few nodes are in the middle of everything, the others are not.
				if rng.Float64() < density || e.A < 3 && rng.Float64() < 0.8 {
					spec.Edges = append(spec.Edges, e)
				}
			}
			specs = append(specs, spec)
		}
		clusters := Spec{Type: v1.TopologyCustom, Nodes: n}
		for _, e := range mesh(n) {
			if (e.A < n/2) == (e.B < n/2) || e.A == 0 {
				clusters.Edges = append(clusters.Edges, e)
			}
		}
		specs = append(specs, clusters)
	}
	return specs
}

func TestListsCoverAsManyEdgesAsPossible(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for range 20 {
		for _, spec := range graphs(rng) {
			desired := Desired(spec)
			lists := listsOf(spec.Nodes, desired)
			checkLists(t, spec, lists)
			if got, want := covered(lists, desired), mostCovered(spec.Nodes, desired); got != want {
				t.Fatalf("%s of %d, degree %d: %d of %d edges are on a list, %d could be",
					spec.Type, spec.Nodes, spec.Degree, got, len(desired), want)
			}
		}
	}
}

func checkLists(t *testing.T, spec Spec, lists [][]int) {
	t.Helper()
	desired := Desired(spec)
	for node, degree := range degrees(spec.Nodes, desired) {
		if want := min(degree, maxListed); len(lists[node]) != want {
			t.Fatalf("%+v: node %d lists %v, want %d entries", spec, node, lists[node], want)
		}
		for i, other := range lists[node] {
			if _, found := slices.BinarySearchFunc(desired, Edge{min(node, other), max(node, other)}, compareEdges); !found {
				t.Fatalf("%+v: node %d lists %d without an edge", spec, node, other)
			}
			if i > 0 && other == lists[node][i-1] {
				t.Fatalf("%+v: node %d lists %d twice", spec, node, other)
			}
		}
	}
}

// mostCovered finds how many edges can be on a list at best, in another way than the
// code: edge by edge, each trying to push others away from the lists of its ends.
func mostCovered(n int, desired []Edge) int {
	held := make([][]int, n) // the edges on each list
	var tried []bool
	var place func(edge int) bool
	place = func(edge int) bool {
		for _, node := range []int{desired[edge].A, desired[edge].B} {
			if tried[node] {
				continue
			}
			tried[node] = true
			if len(held[node]) < maxListed {
				held[node] = append(held[node], edge)
				return true
			}
			for slot, other := range held[node] {
				if place(other) {
					held[node][slot] = edge
					return true
				}
			}
		}
		return false
	}
	count := 0
	for edge := range desired {
		tried = make([]bool, n)
		if place(edge) {
			count++
		}
	}
	return count
}

func TestNewNodeChangesFewLists(t *testing.T) {
	cases := map[string]struct {
		spec Spec
		// lists is how many lists of old nodes may change, entries how many entries
		// of each may go.
		lists, entries int
	}{
		"mesh":             {Spec{Type: v1.TopologyMesh}, 8, 1},
		"star":             {Spec{Type: v1.TopologyStar}, 1, 0},
		"line":             {Spec{Type: v1.TopologyLine}, 1, 0},
		"ring":             {Spec{Type: v1.TopologyRing}, 2, 1},
		"random, degree 4": {Spec{Type: v1.TopologyRandom, Degree: 4, Seed: 1}, 4, 1},
		"random, degree 8": {Spec{Type: v1.TopologyRandom, Degree: 8, Seed: 1}, 8, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := c.spec
			spec.Nodes = 9
			before := listsOf(spec.Nodes, Desired(spec))
			for spec.Nodes = 10; spec.Nodes <= 60; spec.Nodes++ {
				after := listsOf(spec.Nodes, Desired(spec))
				changed := 0
				for node := range before {
					if !slices.Equal(before[node], after[node]) {
						changed++
					}
					gone := slices.DeleteFunc(slices.Clone(before[node]), func(j int) bool { return slices.Contains(after[node], j) })
					if len(gone) > c.entries {
						t.Errorf("the %d. node takes %v from node %d, which had %v", spec.Nodes, gone, node, before[node])
					}
				}
				if changed > c.lists {
					t.Errorf("the %d. node changes %d lists, at most %d are needed", spec.Nodes, changed, c.lists)
				}
				before = after
			}
		})
	}
}

// A dense random network cannot be listed by the simple rule alone, so one change may
// lead to others; few lists may change.
func TestNewNodeChangesFewListsOfDenseRandomNetwork(t *testing.T) {
	for _, degree := range []int{9, 12, 15, 16, 20} {
		worst, total, steps := 0, 0, 0
		for seed := range int64(5) {
			before := listsOf(degree+1, Desired(Spec{Type: v1.TopologyRandom, Nodes: degree + 1, Degree: degree, Seed: seed}))
			for n := degree + 2; n < 60; n++ {
				after := listsOf(n, Desired(Spec{Type: v1.TopologyRandom, Nodes: n, Degree: degree, Seed: seed}))
				changed := 0
				for node := range before {
					if !slices.Equal(before[node], after[node]) {
						changed++
					}
				}
				worst, total, steps = max(worst, changed), total+changed, steps+1
				before = after
			}
		}
		if worst > 3*degree || total > steps*3*degree/2 {
			t.Errorf("degree %d: a new node changes %.1f lists, %d at worst", degree, float64(total)/float64(steps), worst)
		}
	}
}

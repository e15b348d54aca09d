package topology

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestDesired(t *testing.T) {
	cases := map[string]struct {
		spec Spec
		want []Edge
	}{
		"a network of no nodes has no edges":           {Spec{Type: v1.TopologyMesh}, nil},
		"a negative number of nodes counts as none":    {Spec{Type: v1.TopologyMesh, Nodes: -3, Partitions: [][]int{{0}}}, nil},
		"one node in a mesh is alone":                  {Spec{Type: v1.TopologyMesh, Nodes: 1}, nil},
		"one node in a ring is alone":                  {Spec{Type: v1.TopologyRing, Nodes: 1}, nil},
		"one node in a line is alone":                  {Spec{Type: v1.TopologyLine, Nodes: 1}, nil},
		"one node in a star is alone":                  {Spec{Type: v1.TopologyStar, Nodes: 1}, nil},
		"one node at random is alone":                  {Spec{Type: v1.TopologyRandom, Nodes: 1, Degree: 4}, nil},
		"a mesh has all pairs":                         {Spec{Type: v1.TopologyMesh, Nodes: 4}, []Edge{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}},
		"no type means mesh":                           {Spec{Nodes: 3}, []Edge{{0, 1}, {0, 2}, {1, 2}}},
		"an unknown type means mesh":                   {Spec{Type: "Torus", Nodes: 3}, []Edge{{0, 1}, {0, 2}, {1, 2}}},
		"a ring of two is one edge":                    {Spec{Type: v1.TopologyRing, Nodes: 2}, []Edge{{0, 1}}},
		"a ring of three is closed":                    {Spec{Type: v1.TopologyRing, Nodes: 3}, []Edge{{0, 1}, {0, 2}, {1, 2}}},
		"a ring of five is closed":                     {Spec{Type: v1.TopologyRing, Nodes: 5}, []Edge{{0, 1}, {0, 4}, {1, 2}, {2, 3}, {3, 4}}},
		"a line is open":                               {Spec{Type: v1.TopologyLine, Nodes: 4}, []Edge{{0, 1}, {1, 2}, {2, 3}}},
		"node 0 is the middle of a star":               {Spec{Type: v1.TopologyStar, Nodes: 4}, []Edge{{0, 1}, {0, 2}, {0, 3}}},
		"a degree as large as the network is a mesh":   {Spec{Type: v1.TopologyRandom, Nodes: 3, Degree: 3}, []Edge{{0, 1}, {0, 2}, {1, 2}}},
		"degree 1 is a line":                           {Spec{Type: v1.TopologyRandom, Nodes: 4, Degree: 1}, []Edge{{0, 1}, {1, 2}, {2, 3}}},
		"a degree below 1 counts as 1":                 {Spec{Type: v1.TopologyRandom, Nodes: 3, Degree: -7}, []Edge{{0, 1}, {1, 2}}},
		"custom edges are turned, sorted and unique":   {Spec{Type: v1.TopologyCustom, Nodes: 4, Edges: []Edge{{3, 1}, {0, 2}, {1, 3}, {2, 0}}}, []Edge{{0, 2}, {1, 3}}},
		"custom edges to nowhere are left out":         {Spec{Type: v1.TopologyCustom, Nodes: 3, Edges: []Edge{{0, 3}, {-1, 1}, {1, 1}, {1, 2}}}, []Edge{{1, 2}}},
		"edges of other types are ignored":             {Spec{Type: v1.TopologyLine, Nodes: 2, Edges: []Edge{{0, 1}, {0, 1}}}, []Edge{{0, 1}}},
		"no edge crosses a partition":                  {Spec{Type: v1.TopologyMesh, Nodes: 4, Partitions: [][]int{{0, 1}, {2, 3}}}, []Edge{{0, 1}, {2, 3}}},
		"nodes in no set form one more set":            {Spec{Type: v1.TopologyMesh, Nodes: 5, Partitions: [][]int{{0, 4}}}, []Edge{{0, 4}, {1, 2}, {1, 3}, {2, 3}}},
		"a node in two sets belongs to the first":      {Spec{Type: v1.TopologyMesh, Nodes: 3, Partitions: [][]int{{0, 1}, {1, 2}}}, []Edge{{0, 1}}},
		"partitions of missing nodes are ignored":      {Spec{Type: v1.TopologyLine, Nodes: 3, Partitions: [][]int{{7, -1}, {}}}, []Edge{{0, 1}, {1, 2}}},
		"a set of one node leaves it alone":            {Spec{Type: v1.TopologyStar, Nodes: 3, Partitions: [][]int{{2}}}, []Edge{{0, 1}}},
		"a ring cut by a partition becomes two lines":  {Spec{Type: v1.TopologyRing, Nodes: 4, Partitions: [][]int{{0, 1}}}, []Edge{{0, 1}, {2, 3}}},
		"the middle of a star can be cut off for good": {Spec{Type: v1.TopologyStar, Nodes: 3, Partitions: [][]int{{0}}}, []Edge{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Desired(c.spec); !reflect.DeepEqual(got, c.want) {
				t.Errorf("Desired(%+v) = %v, want %v", c.spec, got, c.want)
			}
		})
	}
}

// The edges of a random network are part of what users rely on: if this fails, networks
// that exist would be rewired by an update of the operator.
func TestRandomKeepsItsEdgesForEver(t *testing.T) {
	cases := map[string]struct {
		spec Spec
		want string
	}{
		"degree 3, seed 1": {Spec{Type: v1.TopologyRandom, Nodes: 9, Degree: 3, Seed: 1}, "[{0 1} {0 3} {0 6} {1 2} {1 4} {2 6} {2 7} {3 5} {3 8} {4 5} {4 8} {5 7} {6 7}]"},
		"degree 4, seed 7": {Spec{Type: v1.TopologyRandom, Nodes: 8, Degree: 4, Seed: 7}, "[{0 1} {0 2} {0 4} {0 7} {1 3} {1 5} {1 6} {2 4} {2 6} {2 7} {3 4} {3 5} {3 7} {4 6} {5 6} {5 7}]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(Desired(c.spec)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// The first numbers of the published SplitMix64 for this state.
func TestSplitMixIsTheRealOne(t *testing.T) {
	s := splitMix{state: 1234567}
	for _, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} {
		if got := s.next(); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
}

func TestRandomIsRegularAndConnected(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5, 6, 7, 9, 10, 16, 17, 30, 31, 100, 101} {
		for degree := 1; degree <= min(n, 20); degree++ {
			for seed := range int64(5) {
				checkRandom(t, Spec{Type: v1.TopologyRandom, Nodes: n, Degree: degree, Seed: seed})
			}
		}
	}
	checkRandom(t, Spec{Type: v1.TopologyRandom, Nodes: 500, Degree: 4, Seed: -1})
	checkRandom(t, Spec{Type: v1.TopologyRandom, Nodes: 300, Degree: 297, Seed: 1})
}

func checkRandom(t *testing.T, spec Spec) {
	t.Helper()
	edges := Desired(spec)
	checkWellFormed(t, spec, edges)
	if !connectedGraph(spec.Nodes, edges) {
		t.Fatalf("%+v is not connected: %v", spec, edges)
	}
	want := min(spec.Degree, spec.Nodes-1)
	if want < 2 {
		return
	}
	short := 0
	for node, degree := range degrees(spec.Nodes, edges) {
		switch degree {
		case want:
		case want - 1:
			short++
		default:
			t.Fatalf("%+v: node %d has %d neighbours, want %d", spec, node, degree, want)
		}
	}
	if short != spec.Nodes*want%2 {
		t.Fatalf("%+v: %d nodes have a neighbour less than the others", spec, short)
	}
}

func TestRandomHardlyChangesWhenItGrows(t *testing.T) {
	for degree := 2; degree <= 12; degree++ {
		for seed := range int64(10) {
			before := Desired(Spec{Type: v1.TopologyRandom, Nodes: degree + 1, Degree: degree, Seed: seed})
			for n := degree + 2; n < degree+40; n++ {
				after := Desired(Spec{Type: v1.TopologyRandom, Nodes: n, Degree: degree, Seed: seed})
				if gone := len(without(before, after)); gone > degree/2 {
					t.Fatalf("degree %d, seed %d: node %d took %d edges from the others, at most %d are needed", degree, seed, n-1, gone, degree/2)
				}
				before = after
			}
		}
	}
}

func TestRandomDiffersBySeed(t *testing.T) {
	seen := map[string]int64{}
	for seed := int64(-50); seed < 50; seed++ {
		key := fmt.Sprint(Desired(Spec{Type: v1.TopologyRandom, Nodes: 30, Degree: 4, Seed: seed}))
		if other, double := seen[key]; double {
			t.Errorf("seeds %d and %d give the same network", other, seed)
		}
		seen[key] = seed
	}
}

// A random network is for experiments with propagation: its nodes must be near each
// other, unlike in a ring, where the farthest of 100 with degree 4 are 25 apart.
func TestRandomIsSmallWorld(t *testing.T) {
	for seed := range int64(20) {
		spec := Spec{Type: v1.TopologyRandom, Nodes: 100, Degree: 4, Seed: seed}
		distance := distances(spec.Nodes, Desired(spec), 0)
		if far := slices.Max(distance); far > 8 {
			t.Errorf("seed %d: a node is %d away from node 0", seed, far)
		}
	}
}

func TestDesiredIsWellFormedForAnySpec(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		spec := randomSpec(rng, 25)
		edges := Desired(spec)
		checkWellFormed(t, spec, edges)
		if again := Desired(spec); !slices.Equal(edges, again) {
			t.Fatalf("%+v gives %v and then %v", spec, edges, again)
		}
	}
}

// checkWellFormed checks what holds for every shape.
func checkWellFormed(t *testing.T, spec Spec, edges []Edge) {
	t.Helper()
	for i, e := range edges {
		if e.A < 0 || e.A >= e.B || e.B >= spec.Nodes {
			t.Fatalf("%+v: %v is no edge", spec, e)
		}
		if i > 0 && compareEdges(edges[i-1], e) >= 0 {
			t.Fatalf("%+v: %v and %v are not in order", spec, edges[i-1], e)
		}
		if setOf(spec, e.A) != setOf(spec, e.B) {
			t.Fatalf("%+v: %v crosses a partition", spec, e)
		}
	}
}

// setOf returns which set a node is in, -1 for none.
func setOf(spec Spec, node int) int {
	return slices.IndexFunc(spec.Partitions, func(set []int) bool { return slices.Contains(set, node) })
}

func randomSpec(rng *rand.Rand, maxNodes int) Spec {
	spec := Spec{
		Type:   types[rng.IntN(len(types))],
		Nodes:  rng.IntN(maxNodes + 1),
		Degree: rng.IntN(14),
		Seed:   rng.Int64(),
	}
	for range rng.IntN(3 * maxNodes) {
		spec.Edges = append(spec.Edges, Edge{rng.IntN(maxNodes+2) - 1, rng.IntN(maxNodes+2) - 1})
	}
	for range max(rng.IntN(6)-2, 0) {
		var set []int
		for range rng.IntN(maxNodes) {
			set = append(set, rng.IntN(maxNodes+2)-1)
		}
		spec.Partitions = append(spec.Partitions, set)
	}
	return spec
}

func degrees(n int, edges []Edge) []int {
	degrees := make([]int, n)
	for _, e := range edges {
		degrees[e.A]++
		degrees[e.B]++
	}
	return degrees
}

// distances returns how many edges every node is away from one of them, -1 for those
// that cannot be reached.
func distances(n int, edges []Edge, from int) []int {
	neighbours := make([][]int, n)
	for _, e := range edges {
		neighbours[e.A] = append(neighbours[e.A], e.B)
		neighbours[e.B] = append(neighbours[e.B], e.A)
	}
	distance := slices.Repeat([]int{-1}, n)
	distance[from] = 0
	queue := []int{from}
	for len(queue) > 0 {
		node := queue[0]
		queue = queue[1:]
		for _, next := range neighbours[node] {
			if distance[next] < 0 {
				distance[next] = distance[node] + 1
				queue = append(queue, next)
			}
		}
	}
	return distance
}

func connectedGraph(n int, edges []Edge) bool {
	return n == 0 || !slices.Contains(distances(n, edges, 0), -1)
}

// without returns the edges of one set that the other does not have.
func without(edges, other []Edge) []Edge {
	var left []Edge
	for _, e := range edges {
		if _, found := slices.BinarySearchFunc(other, e, compareEdges); !found {
			left = append(left, e)
		}
	}
	return left
}

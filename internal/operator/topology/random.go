package topology

import (
	"math/bits"
	"slices"
)

// random returns a connected graph of n nodes in which every node has degree neighbours.
// If n*degree is odd, no such graph exists, and one node has one neighbour less.
//
// The graph grows: it starts as a mesh of degree+1 nodes, and every further node is inserted
// into degree/2 edges that have no node in common. This changes the degree of no other node
// and keeps the graph connected. The graph of n+1 nodes differs from the graph of n nodes in
// at most degree/2 edges, so that scaling keeps nearly all connections. A new random regular
// graph for every n would replace nearly all of them.
//
// With an odd degree, every second new node is one neighbour short until the next node is
// added. Degree 1 would give pairs that are not connected with each other, and gives a line
// instead.
func random(n, degree int, seed int64) []Edge {
	switch {
	case degree >= n:
		return mesh(n)
	case degree <= 1:
		return line(n)
	}
	g := &growing{degree: degree, deficient: -1}
	for node := range n {
		g.grow(node, newSplitMix(seed, node))
	}
	return g.edges()
}

// growing is a random graph under construction.
type growing struct {
	degree     int
	neighbours [][]int
	// deficient is the node that is one neighbour short, or -1.
	deficient int
	// candidates are the nodes to draw from, in their order, and taken those that have been drawn. Each drawing restores them: new ones
	// for each node would take time and memory with the square of the nodes.
	candidates []int
	taken      []bool
}

func (g *growing) grow(node int, rng splitMix) {
	g.neighbours = append(g.neighbours, make([]int, 0, g.degree))
	g.candidates, g.taken = append(g.candidates, node), append(g.taken, false)
	if node <= g.degree {
		for other := range node {
			g.join(node, other)
		}
		return
	}
	g.splitEdges(node, rng)
	if g.degree%2 == 0 {
		return
	}
	if g.deficient < 0 {
		g.deficient = node
		return
	}
	g.join(node, g.deficient)
	g.deficient = -1
}

// splitEdges inserts the node into degree/2 edges that share no node with each other nor
// with the deficient node, which becomes a neighbour too.
//
// Every node that is not taken yet has such an edge: at most degree-2 of its degree
// neighbours are taken. One more may be the deficient node, but only when degree is odd,
// and then one less is taken.
func (g *growing) splitEdges(node int, rng splitMix) {
	candidates, taken := g.candidates[:node], g.taken
	if g.deficient >= 0 {
		taken[g.deficient] = true
	}
	var places []int
	free := make([]int, 0, g.degree)
	for split := 0; split < g.degree/2; {
		drawn := rng.below(len(candidates))
		a := candidates[drawn]
		places = append(places, drawn)
		candidates[drawn] = candidates[len(candidates)-1]
		candidates = candidates[:len(candidates)-1]
		if taken[a] {
			continue
		}
		free = free[:0]
		for _, b := range g.neighbours[a] {
			if !taken[b] {
				free = append(free, b)
			}
		}
		b := free[rng.below(len(free))]
		taken[a], taken[b] = true, true
		g.replace(a, b, node)
		g.replace(b, a, node)
		g.neighbours[node] = append(g.neighbours[node], a, b)
		split++
	}
	g.restore(node, places)
}

// restore makes all nodes candidates again, each at its own place, of which only those that were drawn from and the last ones have others.
func (g *growing) restore(node int, places []int) {
	for i := range places {
		last := node - 1 - i
		g.candidates[places[i]], g.candidates[last] = places[i], last
	}
	for _, taken := range g.neighbours[node] {
		g.taken[taken] = false
	}
	if g.deficient >= 0 {
		g.taken[g.deficient] = false
	}
}

func (g *growing) join(a, b int) {
	g.neighbours[a] = append(g.neighbours[a], b)
	g.neighbours[b] = append(g.neighbours[b], a)
}

func (g *growing) replace(of, old, by int) {
	g.neighbours[of][slices.Index(g.neighbours[of], old)] = by
}

func (g *growing) edges() []Edge {
	edges := make([]Edge, 0, len(g.neighbours)*g.degree/2)
	for a, neighbours := range g.neighbours {
		for _, b := range neighbours {
			if a < b {
				edges = append(edges, Edge{a, b})
			}
		}
	}
	slices.SortFunc(edges, compareEdges)
	return edges
}

// splitMix is the SplitMix64 generator. It is implemented here so that a network keeps its
// edges when the operator is built with another Go release.
type splitMix struct{ state uint64 }

// newSplitMix returns a separate sequence for each node of a network, so that the edges of
// one node do not depend on how many numbers were drawn before.
func newSplitMix(seed int64, node int) splitMix {
	s := splitMix{state: uint64(seed)}
	s.state = s.next() + uint64(node)
	s.state = s.next()
	return s
}

func (s *splitMix) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1. For an n that is no power of two the distribution
// is not perfectly uniform, which does not matter for numbers of this size.
func (s *splitMix) below(n int) int {
	high, _ := bits.Mul64(s.next(), uint64(n))
	return int(high)
}

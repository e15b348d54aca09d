package topology

import (
	"slices"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Desired returns the edges that should exist: those of the shape, without the ones
// between two partitions. They are sorted and unique, and the same Spec always gives
// the same edges.
func Desired(spec Spec) []Edge {
	edges := shape(spec)
	if len(spec.Partitions) == 0 {
		return edges
	}
	set := partitionOf(spec)
	return slices.DeleteFunc(edges, func(e Edge) bool { return set[e.A] != set[e.B] })
}

func shape(spec Spec) []Edge {
	switch spec.Type {
	case v1.TopologyRing:
		return ring(spec.Nodes)
	case v1.TopologyLine:
		return line(spec.Nodes)
	case v1.TopologyStar:
		return star(spec.Nodes)
	case v1.TopologyRandom:
		return random(spec.Nodes, spec.Degree, spec.Seed)
	case v1.TopologyCustom:
		return custom(spec.Nodes, spec.Edges)
	default:
		return mesh(spec.Nodes)
	}
}

// partitionOf maps every node to the number of its set, 0 for the nodes in no set.
func partitionOf(spec Spec) []int {
	set := make([]int, max(spec.Nodes, 0))
	for number, nodes := range spec.Partitions {
		for _, node := range nodes {
			if node >= 0 && node < len(set) && set[node] == 0 {
				set[node] = number + 1
			}
		}
	}
	return set
}

func mesh(n int) []Edge {
	if n < 2 {
		return nil
	}
	edges := make([]Edge, 0, n*(n-1)/2)
	for a := range n {
		for b := a + 1; b < n; b++ {
			edges = append(edges, Edge{a, b})
		}
	}
	return edges
}

func line(n int) []Edge {
	var edges []Edge
	for a := 0; a+1 < n; a++ {
		edges = append(edges, Edge{a, a + 1})
	}
	return edges
}

func ring(n int) []Edge {
	edges := line(n)
	if n > 2 {
		// Edges are sorted: this one follows {0,1}.
		edges = slices.Insert(edges, 1, Edge{0, n - 1})
	}
	return edges
}

func star(n int) []Edge {
	var edges []Edge
	for b := 1; b < n; b++ {
		edges = append(edges, Edge{0, b})
	}
	return edges
}

func custom(n int, given []Edge) []Edge {
	var edges []Edge
	for _, e := range given {
		e = Edge{min(e.A, e.B), max(e.A, e.B)}
		if e.A >= 0 && e.A < e.B && e.B < n {
			edges = append(edges, e)
		}
	}
	slices.SortFunc(edges, compareEdges)
	return slices.Compact(edges)
}

package topology

import "slices"

// Desired returns the edges that should exist: those of the shape, without the ones
// that cross from one partition to another. They are sorted, each is there once, and
// the same Spec always gives the same edges.
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
	case Ring:
		return ring(spec.Nodes)
	case Line:
		return line(spec.Nodes)
	case Star:
		return star(spec.Nodes)
	case Random:
		return random(spec.Nodes, spec.Degree, spec.Seed)
	case Custom:
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
		// Its place in the order is right behind {0,1}.
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

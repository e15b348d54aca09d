package controller

import (
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
)

// side are nodes that are or will be connected, directly or through others. Without a partition, all nodes are one side.
type side struct {
	// members are the indices of the nodes.
	members []int
	// answers is whether any of them answers.
	answers bool
	// height is that of the highest chain of a member, and hash and time those of its best block; of competing blocks, the oldest. The
	// time is zero when it is not known.
	height int64
	hash   string
	time   time.Time
}

// sidesOf are the sides of a network, by their first nodes.
func sidesOf(nodes []node, desired []topology.Edge) []side {
	var sides []side
	at := map[int]int{}
	for i, first := range firstOfSide(len(nodes), desired) {
		if first == i {
			at[first] = len(sides)
			sides = append(sides, side{})
		}
		sides[at[first]].add(i, &nodes[i])
	}
	return sides
}

func (s *side) add(i int, n *node) {
	s.members = append(s.members, i)
	a := n.answer
	if a == nil {
		return
	}
	var blockTime time.Time
	if a.chain.Time != 0 {
		blockTime = time.Unix(a.chain.Time, 0)
	}
	if !s.answers || a.chain.Blocks > s.height || a.chain.Blocks == s.height && blockTime.Before(s.time) {
		s.answers, s.height, s.hash, s.time = true, a.chain.Blocks, a.chain.BestBlockHash, blockTime
	}
}

// firstOfSide returns, for each node, the first node of its side.
func firstOfSide(nodes int, desired []topology.Edge) []int {
	parent := make([]int, nodes)
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, e := range desired {
		a, b := root(e.A), root(e.B)
		parent[max(a, b)] = min(a, b)
	}
	for i := range parent {
		parent[i] = root(i)
	}
	return parent
}

// bestHeights are, for each node, the height of the highest chain of its side.
func bestHeights(nodes []node, desired []topology.Edge) []int64 {
	return heightsOf(sidesOf(nodes, desired), len(nodes))
}

func heightsOf(sides []side, nodes int) []int64 {
	best := make([]int64, nodes)
	for i := range sides {
		for _, n := range sides[i].members {
			best[n] = sides[i].height
		}
	}
	return best
}

// sidesJoined reports whether a block that is mined now may reach another side: a connection between two sides exists, or a node still
// dials an address that was removed from its addnode list.
func sidesJoined(nodes int, desired []topology.Edge, observed []topology.Node, settling time.Duration) bool {
	first := firstOfSide(nodes, desired)
	if !slices.ContainsFunc(first, func(i int) bool { return i > 0 }) {
		return false
	}
	return settling > 0 || slices.ContainsFunc(topology.Observe(observed), func(e topology.Edge) bool {
		return max(e.A, e.B) < nodes && first[e.A] != first[e.B]
	})
}

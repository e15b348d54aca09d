package controller

import "github.com/christianb93/bitcoin-controller/internal/operator/topology"

// servedByPruned is the number of blocks below its tip that a pruned node gives to other nodes, in bitcoind NODE_NETWORK_LIMITED_MIN_BLOCKS.
const servedByPruned = 288

// cutOff returns the names of the nodes that are behind and stay so, since every node that has the blocks that they miss is pruned,
// or behind a pruned one.
func cutOff(nodes []node, desired []topology.Edge) []string {
	neighbours := make([][]int, len(nodes))
	for _, e := range desired {
		neighbours[e.A] = append(neighbours[e.A], e.B)
		neighbours[e.B] = append(neighbours[e.B], e.A)
	}
	best := bestHeights(nodes, desired)
	var names []string
	for i := range nodes {
		if a := nodes[i].answer; a != nil && best[i]-a.chain.Blocks > servedByPruned && !hasSource(nodes, neighbours, i) {
			names = append(names, nodes[i].name())
		}
	}
	return names
}

// hasSource reports whether a node gets its next blocks from a neighbour, or from one farther away through nodes that are behind
// like itself.
func hasSource(nodes []node, neighbours [][]int, start int) bool {
	height := nodes[start].answer.chain.Blocks
	seen := map[int]bool{start: true}
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		for _, i := range neighbours[queue[0]] {
			a := nodes[i].answer
			if seen[i] || a == nil {
				continue
			}
			seen[i] = true
			switch ahead := a.chain.Blocks - height; {
			case ahead <= 0:
				queue = append(queue, i)
			case !a.chain.Pruned || ahead <= servedByPruned:
				return true
			}
		}
	}
	return false
}

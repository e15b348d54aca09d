package topology

// Observe returns the edges that exist, desired or not, sorted: those whose two nodes
// both report a connection with each other on which version messages were exchanged.
// Two connections between the same nodes, as bitcoind makes them when both list each
// other, are one edge. Peers that are no node of the network do not matter.
func Observe(nodes []Node) []Edge {
	v := newView(nodes)
	var edges []Edge
	for i := range v.nodes {
		for j := i + 1; j < len(v.nodes); j++ {
			if v.connected(i, j) {
				edges = append(edges, Edge{v.nodes[i].Ordinal, v.nodes[j].Ordinal})
			}
		}
	}
	return edges
}

// Connected tells how many of the desired edges exist and which do not. It expects the
// edges as Desired returns them.
func Connected(desired []Edge, nodes []Node) (have int, missing []Edge) {
	v := newView(nodes)
	for _, e := range desired {
		i, j := v.find(e.A), v.find(e.B)
		if i >= 0 && j >= 0 && v.connected(i, j) {
			have++
		} else {
			missing = append(missing, e)
		}
	}
	return have, missing
}

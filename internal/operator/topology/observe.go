package topology

// Observe returns the existing edges, desired or not, sorted. An edge exists when both its
// nodes report a connection with each other on which version messages were exchanged. Two
// connections between the same nodes, which bitcoind opens when both list each other, are
// one edge. Peers outside the network are ignored.
func Observe(nodes []Node) []Edge {
	v := newView(nodes, nil)
	var edges []Edge
	for i := range v.nodes {
		from, to := v.row(i)
		for k := from; k < to; k++ {
			if j := v.node(i, k); i < j && v.connected(i, k) {
				edges = append(edges, Edge{v.nodes[i].Ordinal, v.nodes[j].Ordinal})
			}
		}
	}
	return edges
}

// Connected returns the number of desired edges that exist, and those that do not. It
// expects the edges as Desired returns them.
func Connected(desired []Edge, nodes []Node) (have int, missing []Edge) {
	v := newView(nodes, desired)
	for _, e := range desired {
		i, j := v.find(e.A), v.find(e.B)
		if i < 0 || j < 0 {
			missing = append(missing, e)
			continue
		}
		if k := v.place(i, j); k >= 0 && v.connected(i, k) {
			have++
		} else {
			missing = append(missing, e)
		}
	}
	return have, missing
}

// The peers that Identify has no ordinal for.
const (
	// ForeignPeer is no node of the network.
	ForeignPeer = -1
	// UnknownPeer has an address that nodes share, and none of them reports the connection.
	UnknownPeer = -2
)

// Identify returns, for each node and each of its peers, the ordinal of the node at the other end. Peers of nodes that did not answer are
// not identified.
func Identify(nodes []Node) [][]int {
	v := newView(nodes, nil)
	places := make(map[*Node]int, len(nodes))
	for i, node := range v.nodes {
		places[node] = i
	}
	ordinals := make([][]int, len(nodes))
	for n := range nodes {
		i, known := places[&nodes[n]]
		if !known {
			continue
		}
		for p := range v.peersOf(i) {
			ordinal := UnknownPeer
			switch who := v.peer(i, p); who.kind {
			case nodePeer:
				ordinal = v.nodes[who.node].Ordinal
			case foreignPeer:
				ordinal = ForeignPeer
			}
			ordinals[n] = append(ordinals[n], ordinal)
		}
	}
	return ordinals
}

package topology

import (
	"cmp"
	"net/netip"
	"slices"
)

// view is the observed state of a network in one reconcile. Nodes are indexed by their
// position in the order of ordinals.
type view struct {
	nodes []*Node
	identities
	// live are the nodes that answered at an address that no other node has, and callable those of them that are not busy.
	live, callable []bool
	// named are the nodes that have dialled a name.
	named []bool
	// peers are the nodes that the peers of each live node are, if nodes share addresses; see the method peer.
	peers [][]peerNode
	*pairs
}

// newView indexes the nodes and marks the desired edges. Of two nodes with the same ordinal the first counts. Desired edges that name an
// unknown node are left out.
func newView(nodes []Node, desired []Edge) *view {
	v := &view{nodes: byOrdinal(nodes)}
	n := len(v.nodes)
	v.listeners, v.texts = make([]netip.AddrPort, n), make([]string, n)
	v.live, v.callable = make([]bool, n), make([]bool, n)
	v.named = make([]bool, n)
	v.assignAddresses()
	v.identifyPeers()
	v.readEdges(desired)
	v.readOtherSides()
	if v.members != nil {
		v.suspect()
	}
	return v
}

func byOrdinal(nodes []Node) []*Node {
	sorted := make([]*Node, len(nodes))
	for i := range nodes {
		sorted[i] = &nodes[i]
	}
	slices.SortStableFunc(sorted, func(a, b *Node) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	return slices.CompactFunc(sorted, func(a, b *Node) bool { return a.Ordinal == b.Ordinal })
}

// readEdges reads the desired edges and those that the nodes report.
func (v *view) readEdges(desired []Edge) {
	n, edges := len(v.nodes), len(desired)
	for i := range v.nodes {
		edges += len(v.peersOf(i))
	}
	if v.pairs = newFullPairs(n, edges); v.full {
		for _, e := range desired {
			if i, j := v.find(e.A), v.find(e.B); i >= 0 && j >= 0 && i != j {
				v.want(i, v.place(i, j))
			}
		}
		v.readPeers()
		return
	}
	list := make([]pair, 0, len(desired))
	for _, e := range desired {
		if i, j := v.find(e.A), v.find(e.B); i >= 0 && j >= 0 && i != j {
			list = append(list, pair{int32(min(i, j)), int32(max(i, j)), true}) //nolint:gosec // indices
		}
	}
	v.pairs = newPairs(n, list)
	if more := v.readPeers(); len(more) > 0 {
		v.pairs = newPairs(n, append(list, more...))
		v.readPeers()
	}
}

// readPeers adds the facts that the nodes report. It returns the pairs of nodes that are missing.
func (v *view) readPeers() (missing []pair) {
	// at are the places of the nodes in the row of the current one, those below its first place are of earlier rows.
	at := make([]int32, len(v.nodes))
	for i := range at {
		at[i] = -1
	}
	for i := range v.nodes {
		from, to := v.row(i)
		if !v.full {
			for k := from; k < to; k++ {
				at[v.other[k]] = int32(k) //nolint:gosec // a place
			}
		}
		peers := v.peersOf(i)
		for p := range peers {
			who := v.peer(i, p)
			j := int(who.node)
			if j < 0 || j == i {
				continue
			}
			k := from + j
			if !v.full {
				k = int(at[j])
			}
			if k < from {
				missing = append(missing, pair{a: int32(min(i, j)), b: int32(max(i, j))}) //nolint:gosec // indices
				continue
			}
			if who.kind == nodePeer {
				v.facts[k] |= factsOf(&peers[p])
			}
		}
	}
	return missing
}

func factsOf(peer *Peer) relation {
	facts := reported
	if !peer.Inbound {
		facts |= dialled
	}
	if peer.Handshaked {
		facts |= handshaked
	}
	return facts
}

// readOtherSides replaces what busy nodes reported earlier by what the nodes at the other end report now. Between two busy nodes
// nothing later is known.
func (v *view) readOtherSides() {
	for i := range v.nodes {
		if !v.live[i] || v.callable[i] {
			continue
		}
		from, to := v.row(i)
		for k := from; k < to; k++ {
			if !v.callable[v.node(i, k)] {
				continue
			}
			there := v.facts[v.reverse(i, k)]
			v.facts[k] = v.facts[k]&wanted | there&(reported|handshaked)
			if there&(reported|dialled) == reported {
				v.facts[k] |= dialled
			}
		}
	}
}

// find returns the index of the node with this ordinal, or -1.
func (v *view) find(ordinal int) int {
	// Nearly always the nodes are just 0 to n-1.
	if ordinal >= 0 && ordinal < len(v.nodes) && v.nodes[ordinal].Ordinal == ordinal {
		return ordinal
	}
	place, found := slices.BinarySearchFunc(v.nodes, ordinal, func(node *Node, ordinal int) int {
		return cmp.Compare(node.Ordinal, ordinal)
	})
	if !found {
		return -1
	}
	return place
}

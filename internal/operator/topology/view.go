package topology

import (
	"cmp"
	"net/netip"
	"slices"
)

// relation is a set of facts about node j from the view of node i.
type relation uint8

const (
	// wanted: the edge between them is desired.
	wanted relation = 1 << iota
	// listed: j belongs on the addnode list of i.
	listed
	// reported: i reports a connection with j.
	reported
	// dialled: i opened one of these connections.
	dialled
	// handshaked: j has sent its version message on one of these connections.
	handshaked
	// toDial: i is to dial j now.
	toDial
	// unlisting: i is to remove j from its list now.
	unlisting
)

// view is the observed state of a network in one reconcile. Nodes are indexed by their
// position in the order of ordinals. A network has some hundred nodes at most: for that
// size a full matrix is smaller and much faster than maps of edges.
type view struct {
	nodes []*Node
	// addrs are the addresses of the nodes, not valid for a node without one, and texts
	// the same as they are written into calls.
	addrs []netip.Addr
	texts []string
	// owner maps an address, as in texts, to the one node that has it.
	owner map[string]int
	// live are the nodes that answered at an address that no other node has, and callable those of them that are not busy.
	live, callable []bool
	// named are the nodes that have dialled a name.
	named []bool
	// degree is the number of wanted edges of each node.
	degree []int
	cells  []relation
}

// newView indexes the nodes. Of two nodes with the same ordinal the first counts.
func newView(nodes []Node) *view {
	v := &view{nodes: byOrdinal(nodes)}
	n := len(v.nodes)
	v.addrs = make([]netip.Addr, n)
	v.live, v.callable = make([]bool, n), make([]bool, n)
	v.named = make([]bool, n)
	v.degree = make([]int, n)
	v.texts = make([]string, n)
	v.cells = make([]relation, n*n)
	v.assignAddresses()
	busy := false
	for i := range v.nodes {
		if v.live[i] {
			v.readPeers(i)
			v.callable[i] = !v.nodes[i].Busy
			busy = busy || v.nodes[i].Busy
		}
	}
	if busy {
		v.readOtherSides()
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

// assignAddresses maps each address to one node. Kubernetes may report an old address of
// a deleted pod that another pod has already. When several nodes have the same address, it
// belongs to the only one of them that answered, and the others have none. Otherwise it
// belongs to none of them in this reconcile: these nodes get no action, and the entries of
// other nodes with this address stay.
func (v *view) assignAddresses() {
	type claim struct{ last, answered, claims int }
	claims := make(map[string]claim, len(v.nodes))
	for i, node := range v.nodes {
		addr, ok := parseIP(node.Address)
		if !ok {
			continue
		}
		v.addrs[i], v.texts[i] = addr, canonical(addr, node.Address)
		c := claims[v.texts[i]]
		c.claims++
		if node.Answered {
			c.answered++
		}
		if node.Answered || c.claims == 1 {
			c.last = i
		}
		claims[v.texts[i]] = c
	}
	v.owner = make(map[string]int, len(claims))
	for i, node := range v.nodes {
		c := claims[v.texts[i]]
		switch {
		case !v.addrs[i].IsValid():
		case c.claims > 1 && c.answered != 1:
		case c.last != i:
			v.addrs[i] = netip.Addr{}
		default:
			v.owner[v.texts[i]] = i
			v.live[i] = node.Answered
		}
	}
}

// ownerOf returns the index of the node that has an address, or -1. isIP is false when
// the address is a name.
func (v *view) ownerOf(address string) (i int, isIP bool) {
	host, _, ok := splitHost(address)
	if !ok {
		return -1, false
	}
	// Nearly every address is that of a node, in its canonical form. A mesh of 500 nodes
	// reports a quarter of a million addresses, so that parsing all would be slow.
	if i, known := v.owner[host]; known {
		return i, true
	}
	addr, ok := parseIP(host)
	if !ok {
		return -1, false
	}
	if i, known := v.owner[addr.String()]; known {
		return i, true
	}
	return -1, true
}

func (v *view) readPeers(i int) {
	row := v.row(i)
	for p := range v.nodes[i].Peers {
		peer := &v.nodes[i].Peers[p]
		j, isIP := v.ownerOf(peer.Address)
		if !isIP && !peer.Inbound {
			v.named[i] = true
		}
		if j < 0 || j == i {
			continue
		}
		row[j] |= reported
		if !peer.Inbound {
			row[j] |= dialled
		}
		if peer.Handshaked {
			row[j] |= handshaked
		}
	}
}

// readOtherSides replaces what busy nodes reported earlier by what the nodes at the other end report now. Between two busy nodes
// nothing later is known.
func (v *view) readOtherSides() {
	for i := range v.nodes {
		if !v.live[i] || v.callable[i] {
			continue
		}
		row := v.row(i)
		for j := range v.nodes {
			if !v.callable[j] {
				continue
			}
			there := v.row(j)[i]
			row[j] = there & (reported | handshaked)
			if there&(reported|dialled) == reported {
				row[j] |= dialled
			}
		}
	}
}

// want marks the desired edges. Those that name an unknown node are left out.
func (v *view) want(desired []Edge) {
	for _, e := range desired {
		i, j := v.find(e.A), v.find(e.B)
		if i < 0 || j < 0 || i == j || v.is(i, j, wanted) {
			continue
		}
		v.row(i)[j] |= wanted
		v.row(j)[i] |= wanted
		v.degree[i]++
		v.degree[j]++
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

func (v *view) row(i int) []relation {
	n := len(v.nodes)
	return v.cells[i*n : (i+1)*n]
}

func (v *view) is(i, j int, what relation) bool {
	return v.cells[i*len(v.nodes)+j]&what != 0
}

// connected reports whether an edge exists: both nodes report it, whichever of them
// dialled, and have exchanged version messages. A connection that only one side reports
// may be closed on the other side, or about to be rejected by it.
func (v *view) connected(i, j int) bool {
	return v.is(i, j, handshaked) && v.is(j, i, handshaked)
}

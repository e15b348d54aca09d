package topology

import "net/netip"

// peerKind is what is known of a peer.
type peerKind uint8

const (
	// foreignPeer is no node of the network.
	foreignPeer peerKind = iota
	// nodePeer is a node.
	nodePeer
	// unknownPeer has the address of nodes, and which of them it is, if any, is not known.
	unknownPeer
	// namedPeer is an unknown one that may have dialled by a name, so that it does not report with whom it is connected.
	namedPeer
)

// peerNode is who a peer is. node is -1 when it is not known.
type peerNode struct {
	kind peerKind
	node int32
}

// ends are the addresses and ports at the two ends of a connection: where it was dialled from, and what was dialled.
type ends struct{ from, to netip.AddrPort }

// ambiguous is the claim of two nodes on one connection: one of the two reports is old.
const ambiguous = -1

// claims are the connections that nodes of shared addresses report to have dialled.
type claims struct {
	// byEnds maps a connection with a node to the one that has dialled it.
	byEnds map[ends]int32
	// byName are the addresses and ports from which a name was dialled, so that the other end is not known.
	byName map[netip.AddrPort]bool
}

// identifyPeers determines the nodes at the other ends of all connections, if nodes share addresses. Otherwise the address of a peer is
// enough.
func (v *view) identifyPeers() {
	if v.members == nil {
		return
	}
	v.peers = make([][]peerNode, len(v.nodes))
	for i, node := range v.nodes {
		if !v.live[i] {
			continue
		}
		v.peers[i] = make([]peerNode, len(node.Peers))
		for p := range node.Peers {
			v.peers[i][p] = v.identify(i, &node.Peers[p])
		}
	}
	v.identifyDiallers()
}

// peer returns who a peer of a live node is.
func (v *view) peer(i, p int) peerNode {
	if v.peers != nil {
		return v.peers[i][p]
	}
	return v.identify(i, &v.nodes[i].Peers[p])
}

// peersOf are the peers of a node that are known.
func (v *view) peersOf(i int) []Peer {
	if !v.live[i] {
		return nil
	}
	return v.nodes[i].Peers
}

// identify returns who a peer is by its address. Inbound peers from shared addresses stay unknown.
func (v *view) identify(i int, peer *Peer) peerNode {
	if v.members != nil {
		return v.identifyShared(i, peer)
	}
	j, isIP := v.ownerOf(peer.Address)
	if !isIP && !peer.Inbound {
		v.named[i] = true
	}
	return knownPeer(j)
}

// identifyShared is identify for a network in which nodes share addresses.
func (v *view) identifyShared(i int, peer *Peer) peerNode {
	end := parseEndpoint(peer.Address)
	if !end.addr.IsValid() && !peer.Inbound {
		if end = parseEndpoint(v.nodes[i].Resolved[peer.Address]); !v.shared(end.addr) {
			v.named[i] = true
			return peerNode{foreignPeer, -1}
		}
	}
	if !v.shared(end.addr) {
		j, _ := v.ownerOf(peer.Address)
		return knownPeer(j)
	}
	at := end.dials()
	j, known := v.ports[at]
	switch {
	case peer.Inbound:
		return peerNode{unknownPeer, -1}
	case known:
		return knownPeer(j)
	case isNodePort(at.Port()):
		// A node that has been removed from this address, or that two nodes claim to be.
		return peerNode{unknownPeer, -1}
	}
	return peerNode{foreignPeer, -1}
}

func knownPeer(j int) peerNode {
	if j < 0 {
		return peerNode{foreignPeer, -1}
	}
	return peerNode{nodePeer, int32(j)} //nolint:gosec // an index
}

// identifyDiallers finds the nodes that have dialled the unknown inbound peers. What a busy node reported earlier counts where no other
// node reports otherwise now.
func (v *view) identifyDiallers() {
	now := v.readClaims(func(i int) bool { return v.callable[i] })
	earlier := v.readClaims(func(i int) bool { return v.live[i] && !v.callable[i] })
	for j, node := range v.nodes {
		for p := range v.peers[j] {
			who, peer := &v.peers[j][p], &node.Peers[p]
			from, ok := parseAddrPort(peer.Address)
			if who.kind != unknownPeer || !peer.Inbound || !ok {
				continue
			}
			to, _ := parseAddrPort(peer.Bind)
			for _, c := range []claims{now, earlier} {
				if i, known := c.byEnds[ends{from, to}]; known && i != ambiguous && to == v.listeners[j] && who.kind == unknownPeer {
					*who = peerNode{nodePeer, i}
				}
			}
			if who.kind == unknownPeer && now.byName[from] {
				who.kind = namedPeer
			}
		}
	}
}

// readClaims returns the connections that some of the nodes report to have dialled from shared addresses.
func (v *view) readClaims(of func(i int) bool) claims {
	c := claims{map[ends]int32{}, map[netip.AddrPort]bool{}}
	for i, node := range v.nodes {
		if !node.Shared || !of(i) {
			continue
		}
		for p, peer := range node.Peers {
			from, ok := parseAddrPort(peer.Bind)
			switch who := v.peers[i][p]; {
			case peer.Inbound || !ok:
			case who.kind == nodePeer:
				c.add(ends{from, v.listeners[who.node]}, i)
			case !parseEndpoint(peer.Address).addr.IsValid():
				c.byName[from] = true
			}
		}
	}
	return c
}

func (c *claims) add(key ends, i int) {
	if other, known := c.byEnds[key]; known && int(other) != i {
		c.byEnds[key] = ambiguous
		return
	}
	c.byEnds[key] = int32(i) //nolint:gosec // an index
}

// parseAddrPort parses an address and port as bitcoind reports it.
func parseAddrPort(text string) (netip.AddrPort, bool) {
	end := parseEndpoint(text)
	at := end.dials()
	return at, at.IsValid() && end.port != ""
}

// suspect marks the nodes that may be the unknown peers of each node: wanted neighbours with the address of the peer.
func (v *view) suspect() {
	for i, node := range v.nodes {
		for p, who := range v.peers[i] {
			if who.kind != unknownPeer || !node.Peers[p].Inbound || !v.callable[i] {
				continue
			}
			from := parseEndpoint(node.Peers[p].Address).addr
			first, end := v.row(i)
			for k := first; k < end; k++ {
				if v.facts[k]&wanted != 0 && v.listeners[v.node(i, k)].Addr() == from {
					v.facts[k] |= suspected
				}
			}
		}
	}
}

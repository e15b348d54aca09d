package topology

import (
	"net/netip"
	"slices"
)

// appendForeign closes the connections of removed entries for deleted nodes: the address may belong to a pod of another network
// by now, and two networks that are connected share one chain.
func (v *view) appendForeign(actions []Action, i int, gone []netip.AddrPort) []Action {
	for p := range v.nodes[i].Peers {
		peer := &v.nodes[i].Peers[p]
		// bitcoind reports what was dialled: an address without port.
		if at := parseEndpoint(peer.Address).dials(); !peer.Inbound && at.IsValid() && slices.Contains(gone, at) {
			actions = append(actions, v.disconnect(i, p, -1))
		}
	}
	return actions
}

// appendDisconnects closes the connections with nodes that the topology does not connect with this one. It also closes those that a node
// that shares its address has dialled by a name: nobody knows which node it is, and bitcoind does not dial that node again.
func (v *view) appendDisconnects(actions []Action, i int) []Action {
	for p := range v.peersOf(i) {
		who := v.peer(i, p)
		j := int(who.node)
		switch {
		case who.kind == namedPeer, who.kind == unknownPeer && v.isUnwanted(i, p):
		case j < 0 || j == i || v.isExcused(i, j):
			continue
		}
		actions = append(actions, v.disconnect(i, p, j))
	}
	return actions
}

// isExcused reports whether a connection stays. While either node has the other on its list, bitcoind would soon dial it again. The
// connection is closed in the next reconcile, when the entries are removed. bitcoind's copy of the list may still restore it, see
// SettlingTime.
func (v *view) isExcused(i, j int) bool {
	k := v.place(i, j)
	return k < 0 || v.facts[k]&(wanted|unlisting) != 0 || v.facts[v.reverse(i, k)]&unlisting != 0
}

// isUnwanted reports whether an unknown peer can only be a node that the topology does not connect with this one: some nodes at its
// address cannot be asked whether they have dialled, and the wanted ones at this address are connected.
func (v *view) isUnwanted(i, p int) bool {
	peer := &v.nodes[i].Peers[p]
	at := parseEndpoint(peer.Address).addr
	silent := v.members[at].silent
	if at == v.listeners[i].Addr() && !v.callable[i] {
		silent--
	}
	if !peer.Inbound || silent == 0 {
		return false
	}
	from, to := v.row(i)
	for k := from; k < to; k++ {
		j := v.node(i, k)
		if v.facts[k]&wanted != 0 && v.listeners[j].Addr() == at && (!v.callable[j] || !v.connected(i, k)) {
			return false
		}
	}
	return true
}

func (v *view) disconnect(i, p, j int) Action {
	peer := &v.nodes[i].Peers[p]
	action := v.action(i, Disconnect, peer.Address, j)
	action.PeerID = peer.ID
	return action
}

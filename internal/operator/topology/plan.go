package topology

import "slices"

// Plan returns the calls that bring what is to what should be; none when it is so
// already. It wants to know of every node of the network, also of those that have no
// address or did not answer: nobody calls or dials these, but what belongs to them stays.
//
// The calls are grouped by node. Those for one node must be made in the order given,
// those for different nodes in any order and at the same time: Remove, Disconnect,
// OneTry and Add. A connection that is not wanted is ended only when neither end lists
// the other any more, at a later look than the Remove, since bitcoind dials what it lists.
// OneTry comes before Add because bitcoind dials what is on its list and not connected,
// and would do so at the same time. A call may fail: bitcoind says that something was
// listed, not listed or not connected if somebody else was faster, and whatever is still
// missing is planned again at the next look.
//
// The lists, see chooseLists, are the safety net for times when the operator is away:
// bitcoind goes through them only every two seconds. Therefore each missing edge is
// dialled at once as well, by one of its nodes.
//
// The operator owns the list entries that are nothing but an IP address, and removes those
// that do not belong. Entries with a port or a name are the user's and stay. So do
// connections with peers that are no node of the network, but for what such a removed entry
// has dialled; connections between nodes that should not be connected are ended by both.
func Plan(desired []Edge, nodes []Node) []Action {
	v := newView(nodes)
	v.want(desired)
	lists := v.chooseLists()
	var actions []Action
	if dials := v.chooseDials(); dials > 0 {
		actions = make([]Action, 0, dials+maxListed*len(v.nodes))
	}
	removals, present := v.chooseRemovals(lists)
	for i := range v.nodes {
		if v.live[i] {
			actions = v.appendNode(actions, i, removals[i], &lists[i], &present[i])
		}
	}
	return actions
}

// chooseRemovals returns for each node the entries that are to go, and which nodes those that stay lead to.
func (v *view) chooseRemovals(lists []list) (removals [][]string, present []list) {
	removals, present = make([][]string, len(v.nodes)), make([]list, len(v.nodes))
	for i := range v.nodes {
		if !v.live[i] {
			continue
		}
		for _, entry := range v.nodes[i].Added {
			if v.keep(entry, &lists[i], &present[i]) {
				continue
			}
			removals[i] = append(removals[i], entry)
			if j, _ := v.ownerOf(entry); j >= 0 {
				v.row(i)[j] |= unlisting
			}
		}
	}
	return removals, present
}

// appendNode adds the calls for one node.
func (v *view) appendNode(actions []Action, i int, removals []string, l, present *list) []Action {
	var gone []endpoint
	for _, entry := range removals {
		j, _ := v.ownerOf(entry)
		actions = append(actions, v.action(i, Remove, entry, j))
		if j < 0 {
			gone = append(gone, parseEndpoint(entry))
		}
	}
	if len(gone) > 0 {
		actions = v.appendStrangers(actions, i, gone)
	}
	var unwanted, dials bool
	for _, r := range v.row(i) {
		unwanted = unwanted || r&(reported|wanted) == reported
		dials = dials || r&toDial != 0
	}
	if unwanted {
		actions = v.appendDisconnects(actions, i)
	}
	if dials {
		for j, r := range v.row(i) {
			if r&toDial != 0 {
				actions = append(actions, v.action(i, OneTry, v.texts[j], j))
			}
		}
	}
	for _, j := range l.nodes() {
		if v.live[j] && !present.has(j) {
			actions = append(actions, v.action(i, Add, v.texts[j], j))
		}
	}
	return actions
}

// keep tells whether an entry stays on the list, and notes which node it leads to.
// Since release 26 bitcoind refuses an entry that leads to the same address and port as
// one it has. So a user's entry for a node with its port does what ours would do, and a
// second address of the operator's for the same node is one too many.
func (v *view) keep(entry string, l, present *list) bool {
	end := parseEndpoint(entry)
	for _, j := range l.nodes() {
		if !end.reaches(v.addrs[j]) {
			continue
		}
		if end.bare && present.has(j) {
			return false
		}
		if !present.has(j) {
			present.add(j)
		}
		return true
	}
	return !end.bare
}

// appendStrangers ends what entries of the operator's have made for nodes that are gone: another pod has such an address by
// now, of another network perhaps, and two networks that are connected have one chain.
func (v *view) appendStrangers(actions []Action, i int, gone []endpoint) []Action {
	for _, peer := range v.nodes[i].Peers {
		end := parseEndpoint(peer.Address)
		if peer.Inbound || end.port != p2pPort || !slices.ContainsFunc(gone, func(e endpoint) bool { return e.addr == end.addr }) {
			continue
		}
		action := v.action(i, Disconnect, peer.Address, -1)
		action.PeerID = peer.ID
		actions = append(actions, action)
	}
	return actions
}

func (v *view) appendDisconnects(actions []Action, i int) []Action {
	for _, peer := range v.nodes[i].Peers {
		j, _ := v.ownerOf(peer.Address)
		// While either end still has the other on its list, bitcoind would soon dial it again. The connection is ended at the
		// next look, when the entries are gone; a copy of the list may still bring it back, see Lingering.
		if j < 0 || j == i || v.is(i, j, wanted) || v.is(i, j, unlisting) || v.is(j, i, unlisting) {
			continue
		}
		action := v.action(i, Disconnect, peer.Address, j)
		action.PeerID = peer.ID
		actions = append(actions, action)
	}
	return actions
}

func (v *view) action(i int, kind ActionKind, target string, j int) Action {
	action := Action{Node: v.nodes[i].Ordinal, Kind: kind, Target: target, Peer: -1}
	if j >= 0 {
		action.Peer = v.nodes[j].Ordinal
	}
	return action
}

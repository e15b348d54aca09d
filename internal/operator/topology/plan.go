package topology

import "net/netip"

// Plan returns the calls that lead from the observed to the desired state, none if they are
// the same. It needs every node of the network, including those without address and those
// that did not answer: these are neither called nor dialled, but entries for them stay.
//
// The calls are grouped by node. The calls to one node must be sent in the given order
// (Remove, Disconnect, OneTry, Add); different nodes can be called in any order and
// concurrently. An unwanted connection is closed only when neither node lists the other any
// more, in a later reconcile than the Remove, because bitcoind dials what it lists. OneTry
// precedes Add because bitcoind dials unconnected entries of its list, and would do so at
// the same time. A call may fail, for instance when an entry has already been added or
// removed; what is still missing is planned again in the next reconcile.
//
// The lists (see chooseLists) keep the network connected while the operator is not running.
// bitcoind goes through its list only every two seconds. Therefore one node of each missing
// edge also dials the other immediately.
//
// The operator owns the list entries that are an IP address without port, or where nodes share
// addresses one with the port of a node, and that nobody added by hand, and removes those that are not desired. Other entries belong to users. They stay,
// unless they lead to a node of the network that the topology does not connect with this one.
// Connections with peers outside the network stay too, except those that a removed entry has
// dialled. Unwanted connections between nodes of the network are closed from both sides.
//
// A busy node cannot carry out its calls. Of these the plan has only the removals of entries
// that lead to nodes it should not be connected with, since the state is not the desired one
// until they are removed.
func Plan(desired []Edge, nodes []Node) []Action {
	v := newView(nodes, desired)
	lists := v.chooseLists()
	var actions []Action
	if dials := v.chooseDials(); dials > 0 {
		actions = make([]Action, 0, dials+maxListed*len(v.nodes))
	}
	removals, present := v.chooseRemovals(lists)
	for i := range v.nodes {
		switch {
		case v.callable[i]:
			actions = v.appendNode(actions, i, removals[i], &lists[i], &present[i])
		case v.live[i]:
			actions = v.appendUnwanted(actions, i, removals[i])
		}
	}
	return actions
}

// appendUnwanted adds the removals that a busy node owes.
func (v *view) appendUnwanted(actions []Action, i int, removals []string) []Action {
	for _, entry := range removals {
		if j := v.targetOf(i, entry); j >= 0 && !v.is(i, j, wanted) {
			actions = append(actions, v.remove(i, entry, j))
		}
	}
	return actions
}

// chooseRemovals returns for each node the entries to remove, and the nodes that the remaining entries lead to.
func (v *view) chooseRemovals(lists []list) (removals [][]string, present []list) {
	removals, present = make([][]string, len(v.nodes)), make([]list, len(v.nodes))
	for i := range v.nodes {
		if !v.live[i] {
			continue
		}
		for _, entry := range v.nodes[i].Added {
			if v.keep(i, entry, &lists[i], &present[i]) {
				continue
			}
			removals[i] = append(removals[i], entry)
			if j := v.targetOf(i, entry); j >= 0 && v.callable[i] {
				v.mark(i, j, unlisting)
			}
		}
	}
	return removals, present
}

// appendNode adds the calls for one node.
func (v *view) appendNode(actions []Action, i int, removals []string, l, present *list) []Action {
	var gone []netip.AddrPort
	for _, entry := range removals {
		j := v.targetOf(i, entry)
		actions = append(actions, v.remove(i, entry, j))
		if j < 0 {
			gone = append(gone, parseEndpoint(entry).dials())
		}
	}
	if len(gone) > 0 {
		actions = v.appendForeign(actions, i, gone)
	}
	from, to := v.row(i)
	unwanted := v.members != nil
	for k := from; k < to && !unwanted; k++ {
		unwanted = v.facts[k]&(reported|wanted) == reported
	}
	if unwanted {
		actions = v.appendDisconnects(actions, i)
	}
	for k := from; k < to; k++ {
		if v.facts[k]&toDial != 0 {
			j := v.node(i, k)
			actions = append(actions, v.action(i, OneTry, v.texts[j], j))
		}
	}
	for _, j := range l.nodes() {
		if v.live[j] && !present.has(j) {
			actions = append(actions, v.action(i, Add, v.texts[j], j))
		}
	}
	return actions
}

// keep reports whether an entry stays on the list, and adds the node that it leads to to
// present. Since release 26 bitcoind rejects an entry with the same address and port as an
// existing one. So a user's entry with the port of a node replaces the operator's entry,
// and a second entry of the operator for the same node is removed.
func (v *view) keep(i int, entry string, l, present *list) bool {
	end := parseEndpoint(entry)
	for _, j := range l.nodes() {
		if !end.reaches(v.listeners[j]) {
			continue
		}
		if v.isOperators(end) && present.has(j) {
			return false
		}
		if !present.has(j) {
			present.add(j)
		}
		return true
	}
	if j := v.targetOf(i, entry); j >= 0 && !v.is(i, j, wanted) {
		return false
	}
	return !v.isOperators(end) || v.nodes[i].ByHand[entry]
}

func (v *view) remove(i int, entry string, j int) Action {
	action := v.action(i, Remove, entry, j)
	action.ByHand = v.nodes[i].ByHand[entry]
	return action
}

func (v *view) action(i int, kind ActionKind, target string, j int) Action {
	action := Action{Node: v.nodes[i].Ordinal, Kind: kind, Target: target, Peer: -1}
	if j >= 0 {
		action.Peer = v.nodes[j].Ordinal
	}
	return action
}

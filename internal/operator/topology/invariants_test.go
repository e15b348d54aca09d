package topology

import (
	"slices"
	"testing"
)

// checkActions checks what must hold for the answer to any report, however odd.
func checkActions(t *testing.T, nodes []Node, actions []Action) {
	t.Helper()
	place := map[ActionKind]int{Remove: 0, Disconnect: 1, OneTry: 2, Add: 3}
	for i, action := range actions {
		if _, known := place[action.Kind]; !known {
			t.Fatalf("%v: no such call", action)
		}
		node := nodeOf(nodes, action.Node)
		if node == nil || !node.Answered {
			t.Fatalf("%v: the node is not known or did not answer", action)
		}
		if i > 0 {
			before := actions[i-1]
			if before.Node > action.Node || before.Node == action.Node && place[before.Kind] > place[action.Kind] {
				t.Fatalf("%v comes before %v", before, action)
			}
		}
		if node.Busy && (action.Kind != Remove || action.Peer == -1 && nodeOf(nodes, -1) == nil) {
			t.Fatalf("%v: the node is busy", action)
		}
		peer := nodeOf(nodes, action.Peer)
		if action.Peer != -1 && peer == nil {
			t.Fatalf("%v: node %d is not known", action, action.Peer)
		}
		switch action.Kind {
		case Remove:
			own := newView(nodes, nil).isOperators(parseEndpoint(action.Target)) && !node.ByHand[action.Target]
			if !slices.Contains(node.Added, action.Target) || !own && action.Peer == -1 {
				t.Fatalf("%v: it is not on the list of %+v, or the user's", action, *node)
			}
		case Disconnect:
			if !slices.ContainsFunc(node.Peers, func(p Peer) bool { return p.ID == action.PeerID && p.Address == action.Target }) {
				t.Fatalf("%v: no such connection in %+v", action, *node)
			}
			removed := func(a Action) bool {
				return a.Node == action.Node && a.Kind == Remove && parseEndpoint(a.Target).addr == parseEndpoint(action.Target).addr
			}
			if action.Peer == -1 && !slices.ContainsFunc(actions, removed) && !isUnknownInbound(nodes, *node, action) {
				t.Fatalf("%v: nobody knows with whom, and it is not for an entry that goes", action)
			}
		case OneTry, Add:
			if peer == nil || peer == node || !peer.Answered {
				t.Fatalf("%v: no node has this address", action)
			}
			if _, text := listener(peer); text != action.Target {
				t.Fatalf("%v: the address of node %d is %s", action, action.Peer, text)
			}
		}
	}
	checkNoneTwice(t, actions)
}

func checkNoneTwice(t *testing.T, actions []Action) {
	t.Helper()
	type pair struct{ a, b int }
	dialled := map[pair]bool{}
	seen := map[Action]bool{}
	for _, action := range actions {
		if action.Kind == OneTry || action.Kind == Add {
			if seen[action] {
				t.Fatalf("%v is planned twice", action)
			}
			seen[action] = true
		}
		if action.Kind == OneTry {
			p := pair{min(action.Node, action.Peer), max(action.Node, action.Peer)}
			if dialled[p] {
				t.Fatalf("nodes %d and %d are both to dial", p.a, p.b)
			}
			dialled[p] = true
		}
	}
}

// nodeOf returns the first node with the ordinal.
func nodeOf(nodes []Node, ordinal int) *Node {
	i := slices.IndexFunc(nodes, func(node Node) bool { return node.Ordinal == ordinal })
	if i < 0 {
		return nil
	}
	return &nodes[i]
}

// isUnknownInbound reports whether a connection that is closed comes from an address which nodes share: which of them has dialled it may
// be unknown for ever.
func isUnknownInbound(nodes []Node, node Node, action Action) bool {
	from := parseEndpoint(action.Target).addr
	inbound := slices.ContainsFunc(node.Peers, func(p Peer) bool { return p.ID == action.PeerID && p.Inbound })
	return inbound && slices.ContainsFunc(nodes, func(other Node) bool {
		addr, _ := parseIP(other.Address)
		return other.Shared && addr == from
	})
}

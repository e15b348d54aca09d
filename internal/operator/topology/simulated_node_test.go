package topology

import (
	"fmt"
	"slices"
	"strings"
)

// resolve returns the node that bitcoind reaches when it dials a target, nil if none.
func (s *simulator) resolve(target string) *simNode {
	for _, node := range s.nodes {
		if node.up && (parseEndpoint(target).reaches(node.addr) || strings.HasPrefix(target, node.name())) {
			return node
		}
	}
	return nil
}

func (n *simNode) name() string { return fmt.Sprintf("net-sts-%d.", n.ordinal) }

// isConnected reports whether bitcoind counts a target as connected: it compares with the
// addresses that it dialled, because inbound connections have another port.
func (s *simulator) isConnected(node *simNode, target string) bool {
	return slices.ContainsFunc(s.conns, func(c *simConn) bool {
		return c.from == node && c.fromOpen && (c.target == target || parseEndpoint(target).reaches(c.toAddr))
	})
}

func (s *simulator) dial(from *simNode, target string, byList bool) {
	to := s.resolve(target)
	if s.isConnected(from, target) || to == nil || to == from || to.unreachable {
		return
	}
	c := &simConn{
		from: from, fromAddr: from.addr, fromID: from.nextID, fromOpen: true,
		to: to, toAddr: to.addr, toID: to.nextID, toOpen: true,
		target: target, byList: byList,
	}
	if from.hidden.IsValid() {
		c.fromAddr = from.hidden
	}
	from.nextID++
	to.nextID++
	if s.rng.IntN(3) > 0 {
		c.fromShook, c.toShook = true, s.rng.IntN(3) > 0
	}
	s.conns = append(s.conns, c)
}

// call sends one call, or loses it.
func (s *simulator) call(action Action) {
	node := s.nodes[action.Node]
	if s.rng.Float64() < s.lost || !node.up || node.silent {
		return
	}
	same := func(e *simEntry) bool { return e.text == action.Target }
	switch action.Kind {
	case Add:
		equal := func(e *simEntry) bool {
			return e.text == action.Target || parseEndpoint(e.text).reaches(parseEndpoint(action.Target).addr)
		}
		if !slices.ContainsFunc(node.entries, equal) {
			node.entries = append(node.entries, &simEntry{text: action.Target, lastTry: -1000})
		}
	case Remove:
		node.entries = slices.DeleteFunc(node.entries, same)
	case OneTry:
		s.dial(node, action.Target, false)
	case Disconnect:
		for _, c := range s.conns {
			if c.from == node && c.fromID == action.PeerID || c.to == node && c.toID == action.PeerID {
				c.fromOpen, c.toOpen = false, false
			}
		}
		s.sweep()
	}
}

// walk lets a node go through its list, as bitcoind does every two seconds.
func (s *simulator) walk(node *simNode) {
	if !node.up || node.silent || s.slow {
		return
	}
	live := 0
	for _, c := range s.conns {
		if c.from == node && c.fromOpen && c.byList {
			live++
		}
	}
	for _, entry := range node.entries {
		if live >= maxListed {
			return
		}
		if s.isConnected(node, entry.text) || s.seconds-entry.lastTry < 60 {
			continue
		}
		entry.lastTry = s.seconds
		before := len(s.conns)
		s.dial(node, entry.text, true)
		live += len(s.conns) - before
	}
}

func (s *simulator) peersOf(node *simNode) []Peer {
	var peers []Peer
	for _, c := range s.conns {
		switch {
		case c.from == node && c.fromOpen:
			peers = append(peers, Peer{ID: c.fromID, Address: c.target, Handshaked: c.fromShook})
		case c.to == node && c.toOpen:
			peers = append(peers, Peer{ID: c.toID, Address: fmt.Sprintf("%v:%d", c.fromAddr, 32768+s.rng.IntN(20000)), Inbound: true, Handshaked: c.toShook})
		}
	}
	// A user's wallet, which is no node of the network.
	return append(peers, Peer{ID: 1 << 40, Address: "192.168.5.5:40000", Inbound: true, Handshaked: true})
}

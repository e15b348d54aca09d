package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// resolve returns the node that bitcoind reaches when it dials a target, nil if none.
func (s *simulator) resolve(target string) *simNode {
	for _, node := range s.nodes {
		if node.up && (parseEndpoint(target).reaches(node.listener()) || strings.HasPrefix(target, node.name())) {
			return node
		}
	}
	return nil
}

// listener is where a node accepts connections, and target what the operator dials.
func (n *simNode) listener() netip.AddrPort { return netip.AddrPortFrom(n.addr, n.port) }

func (n *simNode) target() string {
	if n.shared {
		return n.listener().String()
	}
	return n.addr.String()
}

// ephemeralPort is where a connection from an address to a node is dialled from. As with the kernel, connections with other nodes have the
// same port.
func (n *simNode) ephemeralPort(from netip.Addr) netip.AddrPort {
	if n.diallers == nil {
		n.diallers = map[netip.Addr]uint16{}
	}
	n.diallers[from]++
	return netip.AddrPortFrom(from, 40000+n.diallers[from])
}

func (n *simNode) name() string { return fmt.Sprintf("net-sts-%d.", n.ordinal) }

// isConnected reports whether bitcoind counts a target as connected: it compares with the
// addresses that it dialled, because inbound connections have another port.
func (s *simulator) isConnected(node *simNode, target string) bool {
	return slices.ContainsFunc(s.conns, func(c *simConn) bool {
		return c.from == node && c.fromOpen && (c.target == target || parseEndpoint(target).reaches(c.toAt))
	})
}

func (s *simulator) dial(from *simNode, target string, byList bool) {
	to := s.resolve(target)
	if s.isConnected(from, target) || to == nil || to == from || to.unreachable {
		return
	}
	c := &simConn{
		from: from, fromID: from.nextID, fromOpen: true,
		to: to, toAt: to.listener(), toID: to.nextID, toOpen: true,
		target: target, byList: byList,
	}
	c.bind = to.ephemeralPort(from.addr)
	c.source = c.bind
	if from.hidden.IsValid() {
		c.source = to.ephemeralPort(from.hidden)
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
			return e.text == action.Target || parseEndpoint(e.text).reaches(parseEndpoint(action.Target).dials())
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
		if action.PeerID == guestID {
			node.guest = false
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

// guestID is the id of the connections from programs in the network namespace of a pod.
const guestID = 1<<40 + 1

func (s *simulator) peersOf(node *simNode) []Peer {
	var peers []Peer
	for _, c := range s.conns {
		switch {
		case c.from == node && c.fromOpen:
			peers = append(peers, Peer{ID: c.fromID, Address: c.target, Bind: c.bind.String(), Handshaked: c.fromShook})
		case c.to == node && c.toOpen:
			peers = append(peers, Peer{ID: c.toID, Address: c.source.String(), Bind: c.toAt.String(), Inbound: true, Handshaked: c.toShook})
		}
	}
	if node.guest {
		peers = append(peers, Peer{ID: guestID, Address: node.addr.String() + ":33333", Bind: node.listener().String(), Inbound: true, Handshaked: true})
	}
	// A user's wallet, which is no node of the network.
	return append(peers, Peer{ID: 1 << 40, Address: "192.168.5.5:40000", Inbound: true, Handshaked: true})
}

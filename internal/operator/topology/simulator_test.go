package topology

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// simulator is a network of nodes that behave as bitcoind does as far as connections go:
// what a call does, what a node dials by itself, and what it then reports. Time passes in
// steps of two seconds, as often as bitcoind goes through its addnode list.
type simulator struct {
	t     *testing.T
	rng   *rand.Rand
	nodes []*simNode
	conns []*simConn
	// seconds since the start.
	seconds int
	// lost is the share of calls that fail, from 0 to 1.
	lost float64
	// slow nodes go through their lists step by step, see tick, and not in no time.
	slow bool
	// addresses counts those given out, as none is used twice.
	addresses int
	// perPod is how many nodes share an address.
	perPod int
}

type simNode struct {
	ordinal int
	addr    netip.Addr
	port    uint16
	shared  bool
	// diallers counts the connections from each address so far.
	diallers map[netip.Addr]uint16
	// guest is whether another program at the address of the node is connected with it.
	guest bool
	// up nodes accept connections; silent ones are up but do not answer calls.
	up, silent bool
	// hidden is the address that others see when this node dials them through address
	// translation; not valid without.
	hidden netip.Addr
	// unreachable nodes can dial but not be dialled.
	unreachable bool
	entries     []*simEntry
	nextID      int64
}

type simEntry struct {
	text string
	// lastTry in seconds; a long time ago for a new entry.
	lastTry int
}

// simConn is one connection. Each side may believe in it longer than the other.
type simConn struct {
	from, to     *simNode
	fromID, toID int64
	// bind is where it was dialled from, source the same as the other side sees it, and toAt what was dialled.
	bind, source, toAt netip.AddrPort
	// target is what was dialled, and what the dialling node reports.
	target string
	// byList connections hold one of the eight places.
	byList             bool
	fromOpen, toOpen   bool
	fromShook, toShook bool
}

func newSimulator(t *testing.T, seed uint64, nodes int) *simulator {
	return newPackedSimulator(t, seed, nodes, 1)
}

// newPackedSimulator returns a network in which so many nodes share an address.
func newPackedSimulator(t *testing.T, seed uint64, nodes, perPod int) *simulator {
	s := &simulator{t: t, rng: rand.New(rand.NewPCG(seed, 0)), perPod: perPod}
	s.scale(nodes)
	return s
}

// scale starts or stops nodes at the end, as a StatefulSet does.
func (s *simulator) scale(nodes int) {
	for len(s.nodes) > nodes {
		s.stop(s.nodes[len(s.nodes)-1])
		s.nodes = s.nodes[:len(s.nodes)-1]
	}
	for len(s.nodes) < nodes {
		i := len(s.nodes)
		node := &simNode{ordinal: i, port: uint16(v1.PortInSlot(v1.P2PPort, int32(i%s.perPod))), shared: s.perPod > 1}
		addr := netip.Addr{}
		for _, other := range s.nodes[i-i%s.perPod:] {
			if other.up {
				addr = other.addr
			}
		}
		if !addr.IsValid() {
			addr = s.newAddress()
		}
		s.nodes = append(s.nodes, node)
		s.start(node, addr)
	}
}

// pod are the nodes that share the address of one.
func (s *simulator) pod(node *simNode) []*simNode {
	first := node.ordinal - node.ordinal%s.perPod
	return s.nodes[first:min(first+s.perPod, len(s.nodes))]
}

func (s *simulator) newAddress() netip.Addr {
	s.addresses++
	return netip.AddrFrom4([4]byte{10, 244, byte(s.addresses >> 8), byte(s.addresses)})
}

func (s *simulator) start(node *simNode, addr netip.Addr) {
	node.addr, node.up, node.silent, node.entries = addr, true, false, nil
	node.guest = node.shared && s.rng.IntN(4) == 0
}

// stop stops a node. Most of its peers close their connections at once, others keep them
// half-open for a while.
func (s *simulator) stop(node *simNode) {
	node.up, node.addr = false, netip.Addr{}
	for _, c := range s.conns {
		if c.from == node {
			c.fromOpen, c.toOpen = false, c.toOpen && s.rng.IntN(4) == 0
		}
		if c.to == node {
			c.toOpen, c.fromOpen = false, c.fromOpen && s.rng.IntN(4) == 0
		}
	}
	s.sweep()
}

// restart is what happens when a container ends: all that bitcoind had in memory is gone.
func (s *simulator) restart(node *simNode) {
	addr := node.addr
	s.stop(node)
	s.start(node, addr)
}

// replace is what happens when a pod is deleted: it comes back with another address.
func (s *simulator) replace(node *simNode) {
	addr := s.newAddress()
	for _, member := range s.pod(node) {
		s.stop(member)
	}
	for _, member := range s.pod(node) {
		s.start(member, addr)
	}
}

func (s *simulator) sweep() {
	s.conns = slices.DeleteFunc(s.conns, func(c *simConn) bool { return !c.fromOpen && !c.toOpen })
}

// pass lets two seconds go by.
func (s *simulator) pass() {
	s.seconds += 2
	for _, i := range s.rng.Perm(len(s.nodes)) {
		s.walk(s.nodes[i])
	}
	for _, c := range s.conns {
		if c.fromOpen != c.toOpen && s.rng.IntN(4) == 0 {
			c.fromOpen, c.toOpen = false, false
		}
		if c.fromOpen && c.toOpen && !c.from.silent && !c.to.silent {
			c.fromShook, c.toShook = true, true
		}
	}
	s.sweep()
}

// reports returns what the nodes report. They are not read at exactly the same moment: now and
// then one of them dials in between.
func (s *simulator) reports() []Node {
	reports := make([]Node, 0, len(s.nodes))
	for _, i := range s.rng.Perm(len(s.nodes)) {
		node := s.nodes[i]
		report := Node{Ordinal: node.ordinal, Port: int(node.port), Shared: node.shared, Answered: node.up && !node.silent}
		if node.addr.IsValid() {
			report.Address = node.addr.String()
		}
		if report.Answered {
			for _, entry := range node.entries {
				report.Added = append(report.Added, entry.text)
			}
			report.Peers = s.peersOf(node)
		}
		reports = append(reports, report)
		if s.rng.IntN(2*len(s.nodes)) == 0 {
			s.walk(s.nodes[s.rng.IntN(len(s.nodes))])
		}
	}
	return reports
}

// halfOpen reports whether a connection is closed on one side only.
func (s *simulator) halfOpen() bool {
	return slices.ContainsFunc(s.conns, func(c *simConn) bool { return c.fromOpen != c.toOpen })
}

// edges are the pairs of nodes with a connection, as it really is.
func (s *simulator) edges() []Edge {
	var edges []Edge
	for _, c := range s.conns {
		if c.fromOpen && c.toOpen {
			edges = append(edges, Edge{min(c.from.ordinal, c.to.ordinal), max(c.from.ordinal, c.to.ordinal)})
		}
	}
	slices.SortFunc(edges, compareEdges)
	return slices.Compact(edges)
}

// reconcile sends the calls to one node in order. The nodes are called in any order and
// concurrently, and go through their lists meanwhile. It returns the number of calls.
func (s *simulator) reconcile(desired []Edge) int {
	s.t.Helper()
	reports := s.reports()
	actions := Plan(desired, reports)
	checkActions(s.t, reports, actions)
	byNode := make([][]Action, len(s.nodes))
	for _, action := range actions {
		byNode[action.Node] = append(byNode[action.Node], action)
	}
	for left := len(actions); left > 0; {
		i := s.rng.IntN(len(byNode))
		if len(byNode[i]) > 0 {
			s.call(byNode[i][0])
			byNode[i] = byNode[i][1:]
			left--
			if s.rng.IntN(4) == 0 {
				s.walk(s.nodes[i])
			}
		}
	}
	return len(actions)
}

// mess brings the network into any state that could come to be: entries for nodes, for
// old addresses and of the user, connections nobody wants, and double ones.
func (s *simulator) mess() {
	for _, node := range s.nodes {
		for range s.rng.IntN(14) {
			text := (&simNode{addr: s.newAddress(), port: node.port, shared: node.shared}).target()
			switch s.rng.IntN(4) {
			case 0:
				text = fmt.Sprintf("btcd-%d.example:18444", s.rng.IntN(3))
			case 1, 2:
				text = s.nodes[s.rng.IntN(len(s.nodes))].target()
			}
			if !slices.ContainsFunc(node.entries, func(e *simEntry) bool { return e.text == text }) {
				node.entries = append(node.entries, &simEntry{text: text, lastTry: s.seconds - s.rng.IntN(120)})
			}
		}
		for range s.rng.IntN(10) {
			other := s.nodes[s.rng.IntN(len(s.nodes))]
			target := other.target()
			switch s.rng.IntN(8) {
			case 0:
				target = other.listener().String()
			case 1:
				target = other.name() + "net-svc"
			}
			s.dial(node, target, s.rng.IntN(2) == 0)
		}
	}
}

// halve closes some connections on one side only.
func (s *simulator) halve() {
	for _, c := range s.conns {
		c.fromOpen, c.toOpen = s.rng.IntN(8) > 0, s.rng.IntN(8) > 0
	}
	s.sweep()
}

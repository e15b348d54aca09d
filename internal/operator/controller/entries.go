package controller

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// bitcoind does not report who added an entry to its addnode list. The operator adds IP addresses without port, and knows which ones
// it has added since bitcoind started; what else is listed was added by a person.

const (
	// entryDelay is how long an entry that was sent to a node and is not listed may still appear.
	entryDelay = 2 * time.Minute
	// addressLifetime is how long a former address of a node may still be reported by others: a node whose machine is lost closes no
	// connection, and bitcoind detects it after 20 minutes.
	addressLifetime = 30 * time.Minute
	// clockMargin is by how much the clocks of the machines may differ.
	clockMargin = time.Minute
)

// entryLog is what is known of the addnode list of one bitcoind process.
type entryLog struct {
	// own are the entries that the operator added; nil before the list was read first.
	own map[string]ownEntry
	// byHand are the listed entries that it did not add, each with whether its removal has been planned.
	byHand map[string]bool
}

// ownEntry is when the operator added an entry last, and whether it has removed it since.
type ownEntry struct {
	sent    time.Time
	removed bool
}

// read updates the log from a list that was read at a time. adopt decides on an entry that is in the first list.
func (l *entryLog) read(added []bitcoind.AddedNode, at time.Time, adopt func(bitcoind.AddedNode) bool) {
	first := l.own == nil
	if first {
		l.own = map[string]ownEntry{}
	}
	listed := make(map[string]bool, len(added))
	byHand := map[string]bool{}
	for _, entry := range added {
		name := entry.AddedNode
		listed[name] = true
		if first && adopt(entry) {
			l.own[name] = ownEntry{sent: at}
		}
		if _, own := l.own[name]; !own {
			byHand[name] = l.byHand[name]
		}
	}
	l.byHand = byHand
	maps.DeleteFunc(l.own, func(name string, own ownEntry) bool {
		return !listed[name] && (own.removed || at.Sub(own.sent) > entryDelay)
	})
}

// readLists updates what is known of the addnode lists and of the addresses of the nodes. leading is since when this process is the only
// operator.
func (s *sharedState) readLists(network *v1.BitcoinNetwork, nodes []node, leading, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addressesAt = now
	for i := range nodes {
		s.addresses[nodes[i].ip()] = knownAddress{now, now}
	}
	for i := range network.Status.Nodes {
		n := &network.Status.Nodes[i]
		if _, known := s.addresses[n.IP]; !known {
			s.addresses[n.IP] = knownAddress{now.Add(-time.Second), addressedUntil(n, nodes, now)}
		}
	}
	delete(s.addresses, "")
	maps.DeleteFunc(s.addresses, func(_ string, a knownAddress) bool { return now.Sub(a.seen) > addressLifetime })
	for i := range nodes {
		n := &nodes[i]
		if n.answer == nil || n.busy {
			continue
		}
		state := s.nodes[n.key()]
		if state == nil {
			continue
		}
		started, _ := n.startedAt()
		fresh := !leading.IsZero() && started.After(leading.Add(clockMargin))
		state.entries.read(n.answer.added, n.answer.at, func(entry bitcoind.AddedNode) bool {
			// An earlier operator may have added it, for a node that has ended by now.
			host := n.hostOfEntry(entry.AddedNode)
			return !fresh && net.ParseIP(host) != nil && (!n.shared && !entry.Connected || s.isOwn(host))
		})
	}
}

// addressedUntil is until when a node can have had the address that an earlier operator has written to the status: until its pod of now was created,
// if that has another one.
func addressedUntil(before *v1.NodeStatus, nodes []node, now time.Time) time.Time {
	for i := range nodes {
		if n := &nodes[i]; n.pod != nil && n.ordinal == int(before.Ordinal) && n.ip() != before.IP {
			return n.pod.CreationTimestamp.Time
		}
	}
	return now
}

// hostOfEntry is the address in an entry as the operator adds it, "" for another one. Between nodes that share an address it has the port
// of a node, as the entries of people often have, so that an unknown address is theirs.
func (n *node) hostOfEntry(entry string) string {
	if !n.shared {
		return entry
	}
	host, port, err := net.SplitHostPort(entry)
	if number, bad := strconv.ParseInt(port, 10, 32); err != nil || bad != nil || v1.SlotOfPort(v1.P2PPort, int32(number)) < 0 {
		return ""
	}
	return host
}

// isOwnAddress reports whether a node of the network has an address, or had it a short time ago.
func (s *sharedState) isOwnAddress(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isOwn(host)
}

func (s *sharedState) isOwn(host string) bool {
	_, own := s.addresses[host]
	return own
}

// formerConnections are the ends of connections that nodes have opened from addresses which no node has any more: a node whose machine is lost
// closes none. bitcoind detects that after 20 minutes, and an operator that starts meanwhile would take such a peer for one from outside of the
// network. Connections from after the address was a node's may be those of another pod that has it now: by the clock of the node, which may be
// another one, and therefore once for each address. Those that could not be closed are planned again.
func (s *sharedState) formerConnections(nodes []node) []topology.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	former := map[string]time.Time{}
	for host, a := range s.addresses {
		if a.seen.Before(s.addressesAt) {
			former[host] = a.until
		}
	}
	if len(former) == 0 {
		return nil
	}
	var ends []topology.Action
	for i := range nodes {
		if nodes[i].answer == nil || nodes[i].busy { // it may have no pod
			continue
		}
		if state := s.nodes[nodes[i].key()]; state != nil && !state.changing {
			ends = append(ends, state.endsOf(former, i, nodes[i].answer.peers)...)
		}
	}
	return ends
}

// endsOf are those of one node, whose answers of before the end still have the connections.
func (state *nodeState) endsOf(former map[string]time.Time, ordinal int, peers []bitcoind.PeerInfo) (ends []topology.Action) {
	for _, peer := range peers {
		if !peer.Inbound {
			continue
		}
		host, _, err := net.SplitHostPort(peer.Addr)
		if last, is := former[host]; err == nil && is && !state.closed[host] && peer.ConnectedAt <= last.Unix() {
			ends = append(ends, topology.Action{Node: ordinal, Kind: topology.Disconnect, Target: peer.Addr, PeerID: peer.ID, Peer: -1})
		}
	}
	return ends
}

// endsClosed records the former addresses of which a process has closed all planned ends, of those of all nodes.
func (s *sharedState) endsClosed(of process, planned, closed []topology.Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of.nodeKey]
	if state == nil || state.process != of || len(closed) == 0 {
		return
	}
	all := map[string]bool{}
	for _, end := range planned {
		if end.Node != closed[0].Node {
			continue
		}
		host := hostOf(end.Target)
		before, known := all[host]
		all[host] = (before || !known) && slices.Contains(closed, end)
	}
	maps.DeleteFunc(all, func(_ string, closed bool) bool { return !closed })
	if state.closed == nil {
		state.closed = map[string]bool{}
	}
	maps.Copy(state.closed, all)
}

// entriesSent records the entries that the operator adds to a node's list or removes from it.
func (s *sharedState) entriesSent(of nodeKey, actions []topology.Action, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of]
	if state == nil || state.entries.own == nil {
		return
	}
	own := state.entries.own
	for _, action := range actions {
		switch action.Kind {
		case topology.Add:
			own[action.Target] = ownEntry{sent: now}
		case topology.Remove:
			if entry, known := own[action.Target]; known {
				own[action.Target] = ownEntry{sent: entry.sent, removed: true}
			}
		}
	}
}

// entriesByHand are the entries that a person added to a node's list, without the former addresses of nodes: what they lead to is
// nobody's intention.
func (s *sharedState) entriesByHand(n *node) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	byHand := map[string]bool{}
	if state := s.nodes[n.key()]; state != nil {
		for name := range state.entries.byHand {
			if a, own := s.addresses[n.hostOfEntry(name)]; !own || a.seen.Equal(s.addressesAt) {
				byHand[name] = true
			}
		}
	}
	return byHand
}

// newByHand returns the removals of entries that a person added, without those that an earlier pass has planned.
func (s *sharedState) newByHand(nodes []node, actions []topology.Action) (planned []topology.Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, action := range actions {
		if action.Kind != topology.Remove || !action.ByHand {
			continue
		}
		state := s.nodes[nodes[action.Node].key()]
		if state != nil && !state.entries.byHand[action.Target] {
			state.entries.byHand[action.Target] = true
			planned = append(planned, action)
		}
	}
	return planned
}

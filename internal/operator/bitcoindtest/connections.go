package bitcoindtest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// connection is one connection, dialed by from, with an id at each end.
type connection struct {
	from, to     *Node
	fromID, toID int64
	// target is what was dialed, verbatim, and source the address and port that it was dialed from.
	target, source string
}

// firstEphemeralPort is the lowest of those that the kernel gives to outgoing connections, and ephemeralPorts their number.
const firstEphemeralPort, ephemeralPorts = 40000, 20000

// listenerOf is the address and port that the node in a slot of an address accepts connections on.
func listenerOf(address string, slot int) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(address)
	return netip.AddrPortFrom(addr, uint16(v1.PortInSlot(v1.P2PPort, int32(slot)))), err //nolint:gosec // a slot is at most 250
}

// resolve returns the address and port that bitcoind dials for the argument of addnode, with its default port if that has none.
func resolve(target string) (netip.AddrPort, bool) {
	if addr, err := netip.ParseAddr(target); err == nil {
		return netip.AddrPortFrom(addr, v1.P2PPort), true
	}
	at, err := netip.ParseAddrPort(target)
	return at, err == nil
}

// connect two nodes, unless one has dialed the other already.
func (n *Nodes) connect(from, to *Node, target string) {
	if from == to || from.dialed(to) != nil {
		return
	}
	n.lastPeer += 2
	c := &connection{
		from: from, to: to, fromID: n.lastPeer, toID: n.lastPeer + 1, target: target,
		source: netip.AddrPortFrom(from.listener.Addr(), to.ephemeralPort(from.Address)).String(),
	}
	from.connections, to.connections = append(from.connections, c), append(to.connections, c)
	from.exchangeBlocks()
	to.exchangeBlocks()
}

// ephemeralPort is the port of the next connection from an address. As with the real kernel, connections to different nodes may have the
// same one.
func (node *Node) ephemeralPort(address string) uint16 {
	port := firstEphemeralPort + node.dialledFrom[address]%ephemeralPorts
	node.dialledFrom[address]++
	return uint16(port) //nolint:gosec // below 60000
}

// dialed is the connection that a node has dialed to another one, nil for none.
func (node *Node) dialed(to *Node) *connection {
	i := slices.IndexFunc(node.connections, func(c *connection) bool { return c.from == node && c.to == to })
	if i < 0 {
		return nil
	}
	return node.connections[i]
}

// close a connection at both ends.
func (c *connection) close() {
	same := func(other *connection) bool { return other == c }
	c.from.connections, c.to.connections = slices.DeleteFunc(c.from.connections, same), slices.DeleteFunc(c.to.connections, same)
}

// peers of a node, as getpeerinfo has them: an outbound peer with what was dialed, an inbound one with the address and port that it has
// dialed from.
func (node *Node) peers() []bitcoind.PeerInfo {
	peers := make([]bitcoind.PeerInfo, 0)
	for _, c := range node.connections {
		peer := bitcoind.PeerInfo{ID: c.fromID, Addr: c.target, AddrBind: c.source, Version: 70016, ConnectionType: "manual"}
		if node == c.to {
			peer = bitcoind.PeerInfo{
				ID: c.toID, Addr: c.source, AddrBind: c.to.listener.String(), Inbound: true, Version: 70016, ConnectionType: "inbound",
			}
		}
		peers = append(peers, peer)
	}
	return append(peers, node.foreign...)
}

// addedNodes are the entries of the addnode list, as getaddednodeinfo has them.
func (node *Node) addedNodes() []bitcoind.AddedNode {
	list := make([]bitcoind.AddedNode, len(node.added))
	for i, entry := range node.added {
		list[i].AddedNode = entry
		at, _ := resolve(entry)
		to := node.nodes.byListener[at]
		if to == nil || node.dialed(to) == nil {
			continue
		}
		list[i].Connected = true
		list[i].Addresses = append(list[i].Addresses, bitcoind.AddedAddress{Address: fmt.Sprint(at)})
	}
	return list
}

// addNode is the call addnode. Since release 26 bitcoind rejects an entry with the same address and port as another one.
func (node *Node) addNode(target, command string) error {
	at, isIP := resolve(target)
	same := func(entry string) bool {
		other, ok := resolve(entry)
		return entry == target || isIP && ok && other == at
	}
	switch {
	case command == "remove" && !slices.Contains(node.added, target):
		return &bitcoind.RPCError{Code: bitcoind.CodeNodeNotAdded, Message: "Error: Node could not be removed. It has not been added previously."}
	case command == "remove":
		node.added = slices.DeleteFunc(node.added, func(entry string) bool { return entry == target })
		return nil
	case command == "add" && slices.ContainsFunc(node.added, same):
		return &bitcoind.RPCError{Code: bitcoind.CodeNodeAlreadyAdded, Message: "Error: Node already added"}
	case command == "add":
		node.added = append(node.added, target)
	}
	if to := node.nodes.byListener[at]; to != nil {
		node.nodes.connect(node, to, target)
	}
	return nil
}

func (node *Node) disconnect(id int64) error {
	before := len(node.connections) + len(node.foreign)
	for _, c := range slices.Clone(node.connections) {
		if c.from == node && c.fromID == id || c.to == node && c.toID == id {
			c.close()
		}
	}
	node.foreign = slices.DeleteFunc(node.foreign, func(p bitcoind.PeerInfo) bool { return p.ID == id })
	if len(node.connections)+len(node.foreign) == before {
		return &bitcoind.RPCError{Code: bitcoind.CodeNodeNotConnected, Message: "Node not found in connected nodes"}
	}
	return nil
}

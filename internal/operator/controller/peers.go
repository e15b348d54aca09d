package controller

import (
	"net"
	"strconv"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// peerNodes finds the nodes at the other ends of connections.
type peerNodes struct {
	// hosts are the nodes that have an address of their own, by that address.
	hosts map[string]int
	// dialled are the nodes that share an address, by address and port.
	dialled map[string]int
	// dialling are the nodes that have opened a connection, by both of its ends: the kernel may give one port to connections with
	// different targets.
	dialling map[ends]int
}

// ends of a connection: addresses with ports.
type ends struct{ from, to string }

func peersOf(nodes []node) peerNodes {
	p := peerNodes{hosts: map[string]int{}, dialled: map[string]int{}, dialling: map[ends]int{}}
	for i := range nodes {
		n := &nodes[i]
		if n.ip() == "" {
			continue
		}
		if !n.shared {
			p.hosts[n.ip()] = i
			continue
		}
		p.dialled[n.listener()] = i
		if n.answer == nil {
			continue
		}
		for j := range n.answer.peers {
			if peer := &n.answer.peers[j]; !peer.Inbound && peer.AddrBind != "" {
				p.dialling[ends{peer.AddrBind, peer.Addr}] = i
			}
		}
	}
	return p
}

// listener is where the node accepts connections.
func (n *node) listener() string { return net.JoinHostPort(n.ip(), strconv.Itoa(n.port(v1.P2PPort))) }

// nodeOf is the index of the node that a peer of a node is; false for another peer, and for one that cannot be identified.
func (p peerNodes) nodeOf(n *node, peer *bitcoind.PeerInfo) (i int, found bool) {
	if i, found = p.hosts[hostOf(peer.Addr)]; found {
		return i, true
	}
	if peer.Inbound {
		i, found = p.dialling[ends{peer.Addr, n.listener()}]
	} else {
		i, found = p.dialled[peer.Addr]
	}
	return i, found
}

// count counts the different peers of a node that answers, by their addresses without ports where they are no nodes: two connections with one peer
// count once.
func (p peerNodes) count(n *node) int32 {
	peers := n.answer.peers
	hosts, nodes := make(map[string]bool, len(peers)), map[int]bool{}
	for i := range peers {
		peer := &peers[i]
		if peer.Version == 0 {
			continue
		}
		if node, isNode := p.nodeOf(n, peer); isNode {
			nodes[node] = true
		} else {
			hosts[hostOf(peer.Addr)] = true
		}
	}
	return int32(len(hosts) + len(nodes)) //nolint:gosec // bounded by maxconnections
}

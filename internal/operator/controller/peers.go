package controller

import (
	"net"
	"strconv"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// peerNodes are, for each node and each of its peers, the index of the node at the other end.
type peerNodes [][]int

func peersOf(nodes []node) peerNodes {
	list := make([]topology.Node, len(nodes))
	for i := range nodes {
		list[i] = topologyNode(&nodes[i])
		list[i].Ordinal = i
	}
	return topology.Identify(list)
}

// listener is where the node accepts connections.
func (n *node) listener() string { return net.JoinHostPort(n.ip(), strconv.Itoa(n.port(v1.P2PPort))) }

// nodeOf is the index of the node that a peer of a node is; false for another peer, and for one that cannot be identified.
func (p peerNodes) nodeOf(i, peer int) (node int, found bool) {
	if i >= len(p) || peer >= len(p[i]) || p[i][peer] < 0 {
		return -1, false
	}
	return p[i][peer], true
}

// count counts the different peers of a node that answers, by their addresses without ports where they are no nodes: two connections with one peer
// count once.
func (p peerNodes) count(i int, n *node) int32 {
	peers := n.answer.peers
	hosts, nodes := make(map[string]bool, len(peers)), map[int]bool{}
	for j := range peers {
		if peers[j].Version == 0 {
			continue
		}
		if node, isNode := p.nodeOf(i, j); isNode {
			nodes[node] = true
		} else {
			hosts[hostOf(peers[j].Addr)] = true
		}
	}
	return int32(len(hosts) + len(nodes)) //nolint:gosec // bounded by maxconnections
}

package controller

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// busyNodes are the names of the nodes whose RPC threads are or were taken a short time ago.
func (in *policyInputs) busyNodes() (names []string) {
	for i := range in.nodes {
		if n := &in.nodes[i]; n.busyLately && n.answer != nil {
			names = append(names, n.name())
		}
	}
	return names
}

// nodesOffNetwork reports nodes that a person has taken off the P2P network: they reject all connections.
func nodesOffNetwork(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		if n := &in.nodes[i]; n.answer != nil && n.answer.info.NetworkActive != nil && !*n.answer.info.NetworkActive {
			names = append(names, n.name())
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	_, count := connectionsExist(in)
	return v1.ReasonNetworkInactive, count + "; nodes are off the P2P network after setnetworkactive false: " + phrase.JoinSome(names), true
}

// partitionBridged reports peers outside the network through which blocks cross a partition.
func partitionBridged(in *policyInputs) (reason, message string, violated bool) {
	if len(in.connections.bridges) == 0 {
		return "", "", false
	}
	names := make([]string, len(in.connections.bridges))
	for i, bridge := range in.connections.bridges {
		names[i] = describe(bridge)
	}
	return v1.ReasonPartitionBridged, "peers that are no nodes of the network connect its partitions: " + phrase.JoinSome(names), true
}

// describe names a foreign peer and the nodes that are connected with it.
func describe(peer topology.Foreign) string {
	nodes := make([]string, len(peer.Nodes))
	for i, node := range peer.Nodes {
		nodes[i] = strconv.Itoa(node)
	}
	word := "nodes"
	if len(nodes) == 1 {
		word = "node"
	}
	return fmt.Sprintf("%s (%s, peer of %s %s)", phrase.Quote(peer.Address), phrase.Quote(peer.Agent), word, strings.Join(nodes, ", "))
}

// Package topology plans the connections between the bitcoind nodes of a network:
// Desired returns the edges that should exist, Observe the edges that exist, and Plan
// the calls that lead from one to the other within the limits of bitcoind.
//
// The package is pure: it has no client, no clock and no state. Its only input is what
// the nodes report, and the same reports always give the same plan. A call that fails
// is planned again in the next reconcile.
//
// A new shape is a constant of v1.TopologyType, its validation in pkg/apis, and a case
// in the function shape.
package topology

import (
	"fmt"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Spec specifies the connections of a network. Nodes are numbered from 0 to Nodes-1.
type Spec struct {
	// Type is the shape. An unknown type counts as Mesh, the default.
	Type  v1.TopologyType
	Nodes int
	// Degree is the number of neighbours of a node in a Random network. Less than 1
	// counts as 1 (a line), Nodes or more gives a mesh.
	Degree int
	// Seed selects one of the Random networks. The same seed gives the same network
	// in every release of the operator.
	Seed int64
	// Edges of a Custom network, in any order and direction. Edges that name a node
	// which does not exist, or connect a node with itself, are left out.
	Edges []Edge
	// Partitions are sets of nodes without edges between them. Nodes in no set form
	// another set. A node in two sets belongs to the first.
	Partitions [][]int
}

// Edge is an undirected connection of two nodes, by ordinal. Edges that this package
// returns have A < B.
type Edge struct{ A, B int }

// compareEdges orders edges by their first and then by their second node.
func compareEdges(x, y Edge) int {
	if x.A != y.A {
		return x.A - y.A
	}
	return x.B - y.B
}

// Node is the observed state of one node in this reconcile.
type Node struct {
	Ordinal int
	// Address is the IP address of the node, without port; empty as long as it has none.
	Address string
	// Port is the P2P port of the node, 0 for the default one. It counts for a Shared node only.
	Port int
	// Shared is true when other nodes of the network may have the same Address, so that only the port identifies it.
	Shared bool
	// Answered is true when Added and Peers are the node's own answers. A node that did
	// not answer gets no action, and none of its edges count as existing.
	Answered bool
	// Busy is true when Added and Peers are from an earlier answer, because all RPC threads of the node are taken. It is not
	// called. Its connections with nodes that are not busy are what these report, and they dial it.
	Busy bool
	// Added are the entries of getaddednodeinfo, verbatim.
	Added []string
	// ByHand are those entries of Added that a person added.
	ByHand map[string]bool
	// Resolved are the addresses of entries of Added that are names, as far as they are connected.
	Resolved map[string]string
	// Peers are the entries of getpeerinfo.
	Peers []Peer
}

// Peer is one live connection as a node reports it.
type Peer struct {
	// ID is the "id" of getpeerinfo, which disconnectnode accepts as nodeid.
	ID int64
	// Address is the "addr" of getpeerinfo, verbatim: an IP address, with or without
	// port, or the name that was dialled.
	Address string
	// Bind is the "addrbind" of getpeerinfo, verbatim: the address and port of the connection at this node. For connections with
	// Shared nodes, those that were dialled from this node need it.
	Bind    string
	Inbound bool
	// Handshaked is true when the version message of the peer has arrived ("version" > 0).
	Handshaked bool
	// Agent is the user agent of the peer, and ServesBlocks whether it offers blocks to others.
	Agent        string
	ServesBlocks bool
}

// ActionKind is the kind of a call. Add, Remove and OneTry are the commands of
// bitcoind's addnode call.
type ActionKind string

// The calls that Plan returns.
const (
	// Remove removes Target from the addnode list: addnode Target remove.
	Remove ActionKind = "remove"
	// Disconnect ends the live connection PeerID: disconnectnode "" PeerID.
	Disconnect ActionKind = "disconnect"
	// OneTry dials Target once, immediately: addnode Target onetry.
	OneTry ActionKind = "onetry"
	// Add adds Target to the addnode list: addnode Target add.
	Add ActionKind = "add"
)

// Action is one call to one node.
type Action struct {
	// Node is the ordinal of the node that gets the call.
	Node int
	Kind ActionKind
	// Target is the argument of addnode. For a Disconnect it is the address that the
	// node reported, for the log.
	Target string
	// PeerID is the connection to end; only for a Disconnect.
	PeerID int64
	// Peer is the ordinal of the node at the other end, -1 when no node has the address.
	Peer int
	// ByHand is true for the removal of an entry that a person added.
	ByHand bool
}

// String formats the action for logs and tests, such as "node 2: onetry 10.0.0.1".
func (a Action) String() string {
	text := fmt.Sprintf("node %d: %s %s", a.Node, a.Kind, a.Target)
	if a.Kind == Disconnect {
		text += fmt.Sprintf(" (connection %d)", a.PeerID)
	}
	return text
}

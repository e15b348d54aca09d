// Package topology decides which bitcoind nodes of a network are connected to
// each other: Desired says which edges should exist, Observe which ones do, and
// Plan which calls bring one to the other within the limits of bitcoind.
//
// The package is pure: no client, no clock, no state. Everything it needs to know
// is what the nodes report, and the same report always gives the same answer, so
// that a call that failed or was lost is simply planned again at the next look.
package topology

import "fmt"

// Type is the shape of a network.
type Type string

// The shapes that can be asked for. Anything else is taken as Mesh, the default.
const (
	// Mesh joins every pair of nodes.
	Mesh Type = "Mesh"
	// Ring joins every node to the next one and the last to the first.
	Ring Type = "Ring"
	// Line joins every node to the next one.
	Line Type = "Line"
	// Star joins node 0 to every other node.
	Star Type = "Star"
	// Random is a connected graph in which every node has Spec.Degree neighbours.
	Random Type = "Random"
	// Custom has the edges of Spec.Edges.
	Custom Type = "Custom"
)

// Spec is a network as it was asked for. Nodes are numbered from 0 to Nodes-1.
type Spec struct {
	Type  Type
	Nodes int
	// Degree is the number of neighbours of a node of a Random network. Less than 1
	// counts as 1 (a line), Nodes or more gives a mesh.
	Degree int
	// Seed selects one of the Random networks. The same seed gives the same network,
	// with every release of this program.
	Seed int64
	// Edges of a Custom network, in any order and direction. Edges that name a node
	// which does not exist, or join a node to itself, are left out.
	Edges []Edge
	// Partitions are sets of nodes; no edge crosses from one to another. Nodes in no
	// set form one more set. A node in two sets belongs to the first.
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

// Node is what is known of one node at this look.
type Node struct {
	Ordinal int
	// Address is the IP address of the node, without port; empty as long as it has none.
	Address string
	// Answered tells that Added and Peers are the node's own answers. A node that did
	// not answer gets no action, and none of its edges count as existing.
	Answered bool
	// Added are the entries of getaddednodeinfo, verbatim.
	Added []string
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
	Inbound bool
	// Handshaked tells that the other side's version message has come ("version" > 0).
	Handshaked bool
}

// ActionKind is what a node is to be told. Add, Remove and OneTry are the command
// words of bitcoind's addnode call.
type ActionKind string

// The calls that Plan asks for.
const (
	// Remove takes Target off the list: addnode Target remove.
	Remove ActionKind = "remove"
	// Disconnect ends the live connection PeerID: disconnectnode "" PeerID.
	Disconnect ActionKind = "disconnect"
	// OneTry dials Target once and at once: addnode Target onetry.
	OneTry ActionKind = "onetry"
	// Add puts Target on the list: addnode Target add.
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
}

// String is the action for logs and tests, such as "node 2: onetry 10.0.0.1".
func (a Action) String() string {
	text := fmt.Sprintf("node %d: %s %s", a.Node, a.Kind, a.Target)
	if a.Kind == Disconnect {
		text += fmt.Sprintf(" (connection %d)", a.PeerID)
	}
	return text
}

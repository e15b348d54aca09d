// Package bitcoindtest simulates bitcoinds for tests and measurements. Its nodes listen on addresses of the loopback interface, answer
// the operator's RPC calls, know of each other's connections and pass blocks on. A node does what bitcoind does as far as the operator
// can see it; a test replaces the answer to a method, lets a node hang, or keeps its blocks to itself.
package bitcoindtest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Nodes are simulated bitcoinds that can connect with each other.
type Nodes struct {
	// Now is the nodes' clock; nil for time.Now.
	Now func() time.Time
	// Authorize accepts the credential of a request to a node; nil accepts all.
	Authorize func(node *Node, user, password string) bool

	mu        sync.Mutex
	byAddress map[string]*Node
	lastPeer  int64
}

// Node is one simulated bitcoind.
type Node struct {
	// Address that the node listens on.
	Address string

	nodes  *Nodes
	server *http.Server
	// ended is closed when the node stops.
	ended chan struct{}
	// The fields below are guarded by nodes.mu.
	connections []*connection
	chain       []Block
	added       []string
	foreign     []bitcoind.PeerInfo
	handlers    map[string]Handler
	calls       map[string]int
	// hanging is closed when the node answers again; nil when it does not hang.
	hanging chan struct{}
	// occupied is closed when the node has free RPC threads again; nil when it has some.
	occupied chan struct{}
	// status of every response; 0 for 200.
	status int
	// alone nodes neither get blocks of their peers nor pass theirs on.
	alone bool
}

// connection is one connection, dialed by from, with an id at each end.
type connection struct {
	from, to     *Node
	fromID, toID int64
}

// New returns simulated nodes, none of which runs.
func New() *Nodes { return &Nodes{byAddress: map[string]*Node{}} }

// Start starts a node that has these blocks on the RPC port of a loopback address.
func (n *Nodes) Start(address string, chain []Block) (*Node, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(v1.RPCPort)))
	if err != nil {
		return nil, err
	}
	node := &Node{
		Address: address, nodes: n, ended: make(chan struct{}), chain: slices.Clone(chain),
		handlers: map[string]Handler{}, calls: map[string]int{},
	}
	node.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(node.serve)}
	n.mu.Lock()
	n.byAddress[address] = node
	// Those that have the address in their addnode list dial it sooner or later.
	for _, other := range n.sorted() {
		if slices.ContainsFunc(other.added, func(entry string) bool { return hostOf(entry) == address }) {
			n.connect(other, node)
		}
	}
	n.mu.Unlock()
	go node.server.Serve(listener) //nolint:errcheck // it ends with Stop
	return node, nil
}

// StartAnywhere starts a node on a loopback address that is free, also while other processes simulate nodes.
func (n *Nodes) StartAnywhere(chain []Block) (node *Node, err error) {
	for range 100 {
		address := fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // an address
		if node, err = n.Start(address, chain); err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return node, err
		}
	}
	return nil, err
}

// Stop stops the node at an address, if one runs there, and returns its blocks.
func (n *Nodes) Stop(address string) []Block {
	n.mu.Lock()
	defer n.mu.Unlock()
	node := n.byAddress[address]
	if node == nil {
		return nil
	}
	delete(n.byAddress, address)
	close(node.ended)
	node.server.Close() //nolint:errcheck // no caller is left
	for _, c := range slices.Clone(node.connections) {
		c.close()
	}
	return node.chain
}

// At returns the node that runs at an address; nil for none.
func (n *Nodes) At(address string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byAddress[address]
}

// sorted are the running nodes by address.
func (n *Nodes) sorted() []*Node {
	list := make([]*Node, 0, len(n.byAddress))
	for _, node := range n.byAddress {
		list = append(list, node)
	}
	slices.SortFunc(list, func(a, b *Node) int { return cmp.Compare(a.Address, b.Address) })
	return list
}

// connect two nodes, unless one has dialed the other already.
func (n *Nodes) connect(from, to *Node) {
	if from == to || slices.ContainsFunc(from.connections, func(c *connection) bool { return c.from == from && c.to == to }) {
		return
	}
	n.lastPeer += 2
	c := &connection{from: from, to: to, fromID: n.lastPeer, toID: n.lastPeer + 1}
	from.connections, to.connections = append(from.connections, c), append(to.connections, c)
	from.exchangeBlocks()
	to.exchangeBlocks()
}

// close a connection at both ends.
func (c *connection) close() {
	same := func(other *connection) bool { return other == c }
	c.from.connections, c.to.connections = slices.DeleteFunc(c.from.connections, same), slices.DeleteFunc(c.to.connections, same)
}

// exchangeBlocks passes the blocks of a node on to all nodes that it can reach and that have a shorter chain. As in bitcoind, a chain of
// the same length replaces none.
func (node *Node) exchangeBlocks() {
	for waiting := []*Node{node}; len(waiting) > 0; waiting = waiting[1:] {
		ahead := waiting[0]
		for _, c := range ahead.connections {
			other := c.from
			if other == ahead {
				other = c.to
			}
			if !ahead.alone && !other.alone && len(other.chain) < len(ahead.chain) {
				other.chain = slices.Clone(ahead.chain)
				waiting = append(waiting, other)
			}
		}
	}
}

// peers of a node, as getpeerinfo has them.
func (node *Node) peers() []bitcoind.PeerInfo {
	peers := make([]bitcoind.PeerInfo, 0)
	for _, c := range node.connections {
		switch node {
		case c.from:
			peers = append(peers, bitcoind.PeerInfo{ID: c.fromID, Addr: fmt.Sprintf("%s:%d", c.to.Address, v1.P2PPort), Version: 70016, ConnectionType: "manual"})
		case c.to:
			peers = append(peers, bitcoind.PeerInfo{ID: c.toID, Addr: c.from.Address + ":40000", Inbound: true, Version: 70016, ConnectionType: "inbound"})
		}
	}
	return append(peers, node.foreign...)
}

// hostOf an address with or without a port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

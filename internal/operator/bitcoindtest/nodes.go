// Package bitcoindtest simulates bitcoinds for tests and measurements. Its nodes listen on addresses of the loopback interface, answer
// the operator's RPC calls, know of each other's connections and pass blocks on. A node does what bitcoind does as far as the operator
// can see it; a test replaces the answer to a method, lets a node hang, or keeps its blocks to itself.
package bitcoindtest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
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

	mu sync.Mutex
	// byListener are the running nodes by the address and port that they accept connections on.
	byListener map[netip.AddrPort]*Node
	lastPeer   int64
}

// Node is one simulated bitcoind.
type Node struct {
	// Address that the node listens on.
	Address string
	// Slot is the place of the node among those that share its address, which decides on its ports.
	Slot int

	listener netip.AddrPort
	nodes    *Nodes
	server   *http.Server
	// ended is closed when the node stops.
	ended chan struct{}
	// The fields below are guarded by nodes.mu.
	connections []*connection
	chain       []Block
	added       []string
	foreign     []bitcoind.PeerInfo
	handlers    map[string]Handler
	calls       map[string]int
	// dialledFrom counts the connections from each address so far, see ephemeralPort.
	dialledFrom map[string]int
	// hanging is closed when the node answers again; nil when it does not hang.
	hanging chan struct{}
	// occupied is closed when the node has free RPC threads again; nil when it has some.
	occupied chan struct{}
	// status of every response; 0 for 200.
	status int
	// alone nodes neither get blocks of their peers nor pass theirs on.
	alone bool
}

// New returns simulated nodes, none of which runs.
func New() *Nodes { return &Nodes{byListener: map[netip.AddrPort]*Node{}} }

// Start starts a node that has these blocks on the ports of a loopback address that it has alone.
func (n *Nodes) Start(address string, chain []Block) (*Node, error) {
	return n.StartSlot(address, 0, chain)
}

// StartSlot starts a node that has these blocks on the ports of its slot of a loopback address.
func (n *Nodes) StartSlot(address string, slot int, chain []Block) (*Node, error) {
	at, err := listenerOf(address, slot)
	if err != nil {
		return nil, err
	}
	rpc := v1.PortInSlot(v1.RPCPort, int32(slot)) //nolint:gosec // at most 250
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(rpc)))
	if err != nil {
		return nil, err
	}
	node := &Node{
		Address: address, Slot: slot, listener: at, nodes: n, ended: make(chan struct{}), chain: slices.Clone(chain),
		handlers: map[string]Handler{}, calls: map[string]int{}, dialledFrom: map[string]int{},
	}
	node.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(node.serve)}
	n.mu.Lock()
	n.byListener[at] = node
	// Those that have the address in their addnode list dial it sooner or later.
	for _, other := range n.sorted() {
		for _, entry := range other.added {
			if target, ok := resolve(entry); ok && target == at {
				n.connect(other, node, entry)
			}
		}
	}
	n.mu.Unlock()
	go node.server.Serve(listener) //nolint:errcheck // it ends with Stop
	return node, nil
}

// StartAnywhere starts a node on a loopback address that is free, also while other processes simulate nodes.
func (n *Nodes) StartAnywhere(chain []Block) (node *Node, err error) {
	_, err = anywhere(func(address string) (err error) {
		node, err = n.Start(address, chain)
		return err
	})
	return node, err
}

// anywhere calls a function that listens on a loopback address until one is free, and returns that.
func anywhere(listen func(address string) error) (address string, err error) {
	for range 100 {
		address = fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // an address
		if err = listen(address); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return address, err
}

// Stop stops the node at an address, if one runs there, and returns its blocks.
func (n *Nodes) Stop(address string) []Block { return n.StopSlot(address, 0) }

// StopSlot is Stop for one of the nodes that share an address.
func (n *Nodes) StopSlot(address string, slot int) []Block {
	n.mu.Lock()
	defer n.mu.Unlock()
	node := n.at(address, slot)
	if node == nil {
		return nil
	}
	delete(n.byListener, node.listener)
	close(node.ended)
	node.server.Close() //nolint:errcheck // no caller is left
	for _, c := range slices.Clone(node.connections) {
		c.close()
	}
	return node.chain
}

// At returns the node that runs at an address; nil for none.
func (n *Nodes) At(address string) *Node { return n.AtSlot(address, 0) }

// AtSlot is At for one of the nodes that share an address.
func (n *Nodes) AtSlot(address string, slot int) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at(address, slot)
}

func (n *Nodes) at(address string, slot int) *Node {
	at, err := listenerOf(address, slot)
	if err != nil {
		return nil
	}
	return n.byListener[at]
}

// sorted are the running nodes by address and port.
func (n *Nodes) sorted() []*Node {
	list := slices.Collect(maps.Values(n.byListener))
	slices.SortFunc(list, func(a, b *Node) int { return a.listener.Compare(b.listener) })
	return list
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

package bitcoindtest

import (
	"slices"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

// Handle replaces the node's answer to a method; nil restores it. The handler may call node.Call for the original answer.
func (node *Node) Handle(method string, handle Handler) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.handlers[method] = handle
}

// Hang makes the node accept requests and not answer them, until resume is called.
func (node *Node) Hang() (resume func()) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	waiting := make(chan struct{})
	node.hanging = waiting
	return func() {
		node.nodes.mu.Lock()
		defer node.nodes.mu.Unlock()
		if node.hanging == waiting {
			node.hanging = nil
			close(waiting)
		}
	}
}

// Occupy takes all RPC threads of the node with calls that wait, until free is called: the node carries out no call, but its HTTP server
// responds to paths without a handler.
func (node *Node) Occupy() (free func()) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.occupied = make(chan struct{})
	return sync.OnceFunc(func() {
		node.nodes.mu.Lock()
		defer node.nodes.mu.Unlock()
		close(node.occupied)
		node.occupied = nil
	})
}

// AddByHand adds an entry to the node's addnode list as a person does. It is dialed like those of the operator.
func (node *Node) AddByHand(entry string) error {
	_, err := node.Call("addnode", entry, "add")
	return err
}

// Added are the entries of the node's addnode list.
func (node *Node) Added() []string {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	return slices.Clone(node.added)
}

// Respond makes the node answer every request with this HTTP status, such as 503 when its work queue is full; 0 restores its answers.
func (node *Node) Respond(status int) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.status = status
}

// SetAlone makes the node keep its blocks to itself and take none from its peers, although it stays connected.
func (node *Node) SetAlone(alone bool) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.alone = alone
	node.exchangeBlocks()
	for _, c := range node.connections {
		c.from.exchangeBlocks()
		c.to.exchangeBlocks()
	}
}

// Connect adds a peer that is no simulated node. Its id must be above 1 << 40.
func (node *Node) Connect(peer bitcoind.PeerInfo) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.foreign = append(node.foreign, peer)
}

// Chain returns the node's blocks.
func (node *Node) Chain() []Block {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	return slices.Clone(node.chain)
}

// SetChain replaces the node's blocks, as invalidateblock or a lost volume does. Its peers keep theirs.
func (node *Node) SetChain(chain []Block) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	node.chain = slices.Clone(chain)
}

// Calls is how often the operator has called a method.
func (node *Node) Calls(method string) int {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	return node.calls[method]
}

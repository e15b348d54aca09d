// Package live hears from the nodes themselves: their blocks, as peers of them, and the sizes of their mempools, by a bounded number of calls.
// It calls no node while nobody watches.
package live

import (
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Chains keeps the best blocks of all nodes, by what the operator reports and by what the nodes announce.
type Chains struct {
	store *state.Store
	mu    sync.Mutex
	known map[string]*chainOf
}

type chainOf struct {
	*view.Tips
	competing int32
}

// Arrival is the moment in which a node announced a block.
type Arrival struct {
	Network string `json:"network"`
	Node    int    `json:"node"`
	Hash    string `json:"hash"`
	Height  int64  `json:"height"`
	// Time in milliseconds since 1970.
	Time int64 `json:"time"`
}

// NewChains returns a Chains without a network.
func NewChains(store *state.Store) *Chains {
	return &Chains{store: store, known: map[string]*chainOf{}}
}

// Report takes over the status of a network.
func (c *Chains) Report(network *v1.BitcoinNetwork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chain := c.of(network.Name)
	chain.competing = network.Status.ChainTips
	chain.Report(network.Status.Nodes, time.Now())
	c.publish(network.Name, chain)
}

// Announce takes over a block that a node announced; previous is the one before, if it is known.
func (c *Chains) Announce(network string, node int, hash, previous string, initial bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chain, now := c.of(network), time.Now()
	if !chain.Announce(node, hash, previous, now) {
		return
	}
	c.publish(network, chain)
	if !initial {
		c.store.Moment(Arrival{network, node, hash, chain.Height(hash), now.UnixMilli()})
	}
}

// Learn takes over a block that is not the best one of a node.
func (c *Chains) Learn(network, hash, previous string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of(network).Learn(hash, previous)
}

// Best is the best block that is known of a node, empty for none.
func (c *Chains) Best(network string, node int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of(network).Best(node)
}

// Hears sets whether a node announces its blocks to the plugin.
func (c *Chains) Hears(network string, node int, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chain := c.of(network)
	chain.Hears(node, heard)
	c.publish(network, chain)
}

// Forget drops a network that was deleted.
func (c *Chains) Forget(network string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, network)
	c.store.Replace(view.TipsPrefix(network), nil)
	c.store.Replace(view.MempoolsPrefix(network), nil)
}

// Bytes is about what the blocks of all networks need in memory.
func (c *Chains) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, chain := range c.known {
		total += chain.Bytes()
	}
	return total
}

func (c *Chains) of(network string) *chainOf {
	if c.known[network] == nil {
		c.known[network] = &chainOf{Tips: view.NewTips()}
	}
	return c.known[network]
}

func (c *Chains) publish(network string, chain *chainOf) {
	values := map[string]any{}
	for ordinal, tip := range chain.Nodes(chain.competing) {
		values[view.TipKey(network, ordinal)] = tip
	}
	c.store.Replace(view.TipsPrefix(network), values)
}

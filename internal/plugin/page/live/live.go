package live

import (
	"context"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Nodes hears from the nodes of the networks that pages show.
type Nodes struct {
	Cluster *cluster.Client
	Store   *state.Store
	Chains  *Chains
	// Network returns a network as it was last seen.
	Network func(name string) (*v1.BitcoinNetwork, error)
	// Missing is called with a right that the caller's account lacks.
	Missing func(string)
	// Interval is the time between two calls of getmempoolinfo.
	Interval time.Duration

	mu     sync.Mutex
	viewed map[string]*viewed
}

type viewed struct {
	pages   int
	visible map[int]bool
}

// View is called when a page begins to show a network; the returned function ends it.
func (n *Nodes) View(network string) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.viewed == nil {
		n.viewed = map[string]*viewed{}
	}
	if n.viewed[network] == nil {
		n.viewed[network] = &viewed{}
	}
	n.viewed[network].pages++
	return sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.viewed[network].pages--; n.viewed[network].pages == 0 {
			delete(n.viewed, network)
		}
	})
}

// Visible sets which nodes of a network are on the screen: their mempools come first.
func (n *Nodes) Visible(network string, ordinals []int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if shown := n.viewed[network]; shown != nil {
		shown.visible = map[int]bool{}
		for _, ordinal := range ordinals {
			shown.visible[int(ordinal)] = true
		}
	}
}

// shown are the networks that pages show, with their visible nodes.
func (n *Nodes) shown() map[string]map[int]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make(map[string]map[int]bool, len(n.viewed))
	for name, v := range n.viewed {
		list[name] = v.visible
	}
	return list
}

// Run hears from the nodes until the context ends.
func (n *Nodes) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { n.mempools(ctx) })
	running.Go(func() { n.listen(ctx) })
	running.Wait()
}

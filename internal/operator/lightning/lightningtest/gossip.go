package lightningtest

import (
	"maps"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// Gossip lets the node learn of the channels of others, or not.
func (l *LND) Gossip(on bool) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.deaf = !on
}

// Graph has the short ids of the channels that the node can find a route over.
func (l *LND) Graph() []string {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	return slices.Sorted(maps.Keys(l.graph))
}

// Prune removes a channel from all graphs, as after a reorganisation of its funding transaction: both ends keep its short id and report it
// as active.
func (n *Network) Prune(point string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.channels {
		if c.point == point {
			c.pruned = true
		}
	}
}

// listen lets the node learn what its peers know, after its answer: what happened to a channel reaches others one hop at a time.
func (l *LND) listen() {
	if l.deaf {
		return
	}
	for key := range l.peers {
		maps.Copy(l.graph, l.net.nodes[key].graph)
	}
	exist := map[string]bool{}
	for _, c := range l.net.channels {
		if c.closedAt < 0 && !c.pruned {
			exist[c.idAt(c.from)], exist[c.idAt(c.to)] = true, true
		}
	}
	maps.DeleteFunc(l.graph, func(id string, _ bool) bool { return !exist[id] })
}

// know adds the node's own channels to its graph.
func (l *LND) know(channels []api.Channel) {
	for _, c := range channels {
		if c.Announced && c.Policies == 2 {
			l.graph[c.ShortID] = true
		}
	}
}

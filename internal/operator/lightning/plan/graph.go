package plan

import (
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// unknownTo are the nodes that cannot find a route over all active channels yet, with those channels. Channels become known from peer to
// peer, so that a node is expected to know those that other channels connect it with, and a node without channels none. Private ones are
// only for their ends.
func (p *planner) unknownTo() (nodes []string) {
	part := p.parts()
	for i := range p.Nodes[:min(p.Wanted, len(p.Nodes))] {
		n := &p.Nodes[i]
		known := map[string]bool{}
		if n.State != nil {
			for _, id := range n.State.Graph {
				known[id] = true
			}
		}
		var unknown []string
		for j := range p.channels {
			c := &p.channels[j]
			if c.state != v1.LightningChannelActive || c.Private || part(c.From) != part(n.Ordinal) {
				continue
			}
			if known[c.actual.ShortID] {
				p.plan.Known++
			} else {
				unknown = append(unknown, c.String())
			}
		}
		if len(unknown) > 0 {
			nodes = append(nodes, fmt.Sprintf("%s (%s)", nodeName(n.Ordinal), phrase.JoinSome(unknown)))
		}
	}
	return nodes
}

// parts returns the same number for nodes that channels connect, also over others.
func (p *planner) parts() func(node int) int {
	above := map[int]int{}
	find := func(node int) int {
		for {
			next, ok := above[node]
			if !ok {
				return node
			}
			node = next
		}
	}
	for i := range p.channels {
		if a, b := find(p.channels[i].From), find(p.channels[i].To); a != b {
			above[max(a, b)] = min(a, b)
		}
	}
	return find
}

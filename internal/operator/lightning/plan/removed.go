package plan

import (
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// keepRemoved decides how many nodes must run: a removed node runs until its channels are being closed, together with the other end, so
// that the coins of both are not delayed. In a network that is scaled to 0 all stay as they are.
func (p *planner) keepRemoved() {
	p.plan.Keep = p.Wanted
	if p.Wanted == 0 {
		return
	}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.Ordinal < p.Wanted || !p.hasChannels(n.Ordinal) {
			continue
		}
		// Twice: a forced close needs some time too.
		left := 2*p.CloseTimeout - p.since(key("leaving", n.Ordinal))
		if left <= 0 {
			continue
		}
		p.recheck(left)
		p.plan.Keep = max(p.plan.Keep, n.Ordinal+1)
	}
}

// hasChannels reports whether a removed node has channels of the operator that are not closed by a transaction in a block.
func (p *planner) hasChannels(ordinal int) bool {
	ends := func(a actual) bool {
		return (a.from == ordinal || a.to == ordinal) && (isLive(a.Channel) || a.State == api.WaitingClose)
	}
	return slices.ContainsFunc(p.unwanted, ends) || slices.ContainsFunc(p.closing, ends)
}

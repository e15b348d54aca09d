package plan

import (
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
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
		if n.Ordinal < p.Wanted || !n.Exists || !p.mayHaveChannels(n) {
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

// mayHaveChannels reports whether a removed node has channels of the operator that are not closed by a transaction in a block, or whether
// that is unknown, since it, a node that may have opened one or the other end of one does not report its channels.
func (p *planner) mayHaveChannels(removed *Node) bool {
	if !removed.listsChannels() || slices.ContainsFunc(p.Nodes[:min(p.Wanted, len(p.Nodes))], func(n Node) bool { return !n.listsChannels() }) {
		return true
	}
	isEnd := func(from, to int) bool { return from == removed.Ordinal || to == removed.Ordinal }
	if slices.ContainsFunc(p.unknown, func(c v1.LightningChannelStatus) bool { return isEnd(int(c.From), int(c.To)) }) {
		return true
	}
	ends := func(a actual) bool { return isEnd(a.from, a.to) && isUnsettled(a.Channel) }
	return slices.ContainsFunc(slices.Concat(p.unwanted, p.closing, p.lost), ends) || slices.ContainsFunc(removed.State.Channels, p.isLost)
}

// isLost reports whether a channel was opened by another node of the network that does not have it any more.
func (p *planner) isLost(c api.Channel) bool {
	return !c.Initiator && isUnsettled(c) && slices.ContainsFunc(p.Nodes, func(n Node) bool {
		return n.pubKey() != "" && n.pubKey() == c.RemotePubKey && n.listsChannels() && !has(n.State.Channels, c.Point)
	})
}

// isUnsettled reports whether a channel is not closed by a transaction in a block.
func isUnsettled(c api.Channel) bool { return isLive(c) || c.State == api.WaitingClose }

func (n *Node) listsChannels() bool { return n.State != nil && n.State.Channels != nil }

package plan

import (
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// findLost finds the channels of the last status that their opener has no trace of, since it has lost its wallet or is gone. Only the
// other end has them then, and only the status has that the operator opened them: a row stays until the other end does not list the
// channel any more.
func (p *planner) findLost() {
	known := map[string]bool{}
	for i := range p.channels {
		if a := p.channels[i].actual; a != nil {
			known[a.Point] = true
		}
	}
	for _, a := range slices.Concat(p.unwanted, p.closing) {
		known[a.Point] = true
	}
	for _, before := range p.Previous {
		if before.Point == "" || known[before.Point] {
			continue
		}
		known[before.Point] = true
		from, to := p.node(int(before.From)), p.node(int(before.To))
		switch {
		case from != nil && !from.listsChannels():
			if !p.hasRow(&before) {
				p.keepRow(before, v1.LightningChannelClosing, nodeName(from.Ordinal)+" does not answer")
			}
		case to == nil || from != nil && has(from.State.Channels, before.Point):
		case !to.listsChannels():
			p.keepRow(before, v1.LightningChannelForceClosing, p.lostBy(int(before.From), "")+fmt.Sprintf(", and %s does not answer", nodeName(to.Ordinal)))
		default:
			m := memo{from: int(before.From), to: int(before.To), index: int(before.Index)}
			at := slices.IndexFunc(to.State.Channels, func(c api.Channel) bool { return c.Point == before.Point })
			if at >= 0 && stays(&before, to.State.Channels[at], from) {
				p.lost = append(p.lost, actual{memo: m, Channel: to.State.Channels[at], at: to.Ordinal})
			}
		}
	}
}

// stays reports whether the row of a channel without a trace at its opener stays. One that is closed is known for longer at one end than at
// the other, but the closing transaction of a lost one waits for blocks.
func stays(before *v1.LightningChannelStatus, other api.Channel, from *Node) bool {
	return isLive(other) || from == nil || from.pubKey() != other.RemotePubKey || before.State == v1.LightningChannelForceClosing && isUnsettled(other)
}

// lostBy is why a node has no trace of a channel that it opened with a key.
func (p *planner) lostBy(opener int, key string) string {
	switch from := p.node(opener); {
	case from == nil:
		return nodeName(opener) + ", which opened the channel, is removed"
	case key != "" && from.pubKey() != "" && from.pubKey() != key:
		return nodeName(opener) + " has lost the channel with its wallet"
	}
	return nodeName(opener) + " does not have the channel any more"
}

// hasRow reports whether a channel whose opener does not answer is a desired one, whose row has its point.
func (p *planner) hasRow(c *v1.LightningChannelStatus) bool {
	return !isClosing(c) && slices.ContainsFunc(p.Desired, func(d Channel) bool { return d.From == int(c.From) && d.To == int(c.To) && d.Index == int(c.Index) })
}

func isClosing(c *v1.LightningChannelStatus) bool {
	return c.State == v1.LightningChannelClosing || c.State == v1.LightningChannelForceClosing
}

// keepRow keeps a row whose channel nobody reports at present.
func (p *planner) keepRow(c v1.LightningChannelStatus, state v1.LightningChannelState, message string) {
	if !isClosing(&c) {
		c.State = state
	}
	c.Message = message
	p.unknown = append(p.unknown, c)
}

// closeLost closes the lost channels that are open: the other end would not do so by itself.
func (p *planner) closeLost() {
	if p.Wanted == 0 {
		return
	}
	for i, a := range p.lost {
		if a.State == api.PendingOpen && p.inVain(a.Point) {
			p.lost[i].message = p.abandonAt(p.node(a.at), a.Point, name(a.from, a.to, a.index))
		}
		if a.State != api.Open {
			continue
		}
		if left := otherAfter - p.observed(channelMark(markLost, a.from, a.to, a.Point)); left > 0 {
			p.recheck(left)
			continue
		}
		p.close(Close{Node: a.at, Point: a.Point, Force: true, Channel: name(a.from, a.to, a.index), Cause: p.lostBy(a.from, a.RemotePubKey)})
	}
}

// closingNames are the channels that are to be closed, and of which no closing transaction is in a block.
func (p *planner) closingNames() (names []string) {
	for _, a := range slices.Concat(p.unwanted, p.closing, p.lost) {
		// The coins of a closed channel may be delayed for long; the channel is gone.
		if isUnsettled(a.Channel) {
			text := name(a.from, a.to, a.index)
			if hindrance := p.hindrance(&a); hindrance != "" {
				text += " (" + hindrance + ")"
			}
			names = append(names, text)
		}
	}
	for i := range p.unknown {
		c := &p.unknown[i]
		names = append(names, fmt.Sprintf("%s (%s)", name(int(c.From), int(c.To), int(c.Index)), c.Message))
	}
	return names
}

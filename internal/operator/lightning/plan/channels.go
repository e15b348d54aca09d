package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// evaluateChannels decides the state of each desired channel, and closes those that can never be used again.
func (p *planner) evaluateChannels() {
	for i := range p.channels {
		c := &p.channels[i]
		from, to := p.node(c.From), p.node(c.To)
		if c.actual != nil {
			c.other = to.channel(c.actual.Point)
		}
		c.state, c.message = p.stateOf(c, from, to)
		if c.state == v1.LightningChannelStale {
			c.message = withMore(c.message, p.closeFailure(c.actual.Channel))
		}
		if c.state == v1.LightningChannelActive {
			p.plan.Active++
		}
	}
}

func (p *planner) stateOf(c *channel, from, to *Node) (v1.LightningChannelState, string) {
	a := c.actual
	switch {
	case from == nil || to == nil || from.State == nil || from.State.Channels == nil:
		return p.unobserved(c)
	case a == nil:
		return v1.LightningChannelMissing, ""
	case a.State == api.PendingOpen && p.inVain(a.Point):
		return v1.LightningChannelOpening, p.abandon(*a)
	case a.State == api.PendingOpen:
		return v1.LightningChannelOpening, ""
	case to.pubKey() != "" && to.pubKey() != a.RemotePubKey:
		return p.withOtherKey(c)
	case c.other == nil && to.listsChannels():
		return p.withoutOther(c, from, to)
	case c.other != nil && !isLive(*c.other):
		return v1.LightningChannelInactive, withMore(nodeName(c.To)+" is closing it", p.hindrance(&actual{Channel: *c.other, at: c.To}))
	case !a.Active:
		return v1.LightningChannelInactive, nodeName(c.From) + " reports it as inactive"
	case to.State == nil || to.State.Channels == nil:
		return v1.LightningChannelInactive, nodeName(c.To) + " does not answer"
	case c.other == nil || c.other.State == api.PendingOpen:
		return v1.LightningChannelPending, nodeName(c.To) + " does not report it as open yet"
	case !c.other.Active:
		return v1.LightningChannelInactive, nodeName(c.To) + " reports it as inactive"
	case c.other.ShortID != a.ShortID:
		return p.stale(c, from, to)
	case pruned(a.Channel, from) && pruned(*c.other, to):
		return p.prune(c)
	default:
		return announced(a.Channel, *c.other)
	}
}

// otherAfter is how long a node must have another key, or have no trace of a channel, before a channel is closed by force for it: that
// cannot be undone.
const otherAfter = 3 * time.Second

// withOtherKey is a channel whose other end is a node that does not exist any more.
func (p *planner) withOtherKey(c *channel) (v1.LightningChannelState, string) {
	message := fmt.Sprintf("%s has another key than the other end of the channel, since it has lost its wallet", nodeName(c.To))
	if left := otherAfter - p.observed(channelMark(markOther, c.From, c.To, c.actual.Point)); left > 0 {
		p.recheck(left)
	} else {
		p.close(Close{Node: c.From, Point: c.actual.Point, Force: true, Channel: c.String(), Cause: message})
	}
	return v1.LightningChannelStale, message
}

// announced decides whether both ends have an open channel in their graphs.
func announced(a, other api.Channel) (v1.LightningChannelState, string) {
	switch {
	case a.ShortID == "":
		return v1.LightningChannelPending, "it has no short channel id yet"
	case a.Policies < 2 || other.Policies < 2:
		return v1.LightningChannelPending, "not both ends know the policies of both directions"
	case !a.Private && (!a.Announced || !other.Announced):
		return v1.LightningChannelPending, "it is not announced yet"
	}
	return v1.LightningChannelActive, ""
}

// unobserved is the state of a channel whose opener does not answer.
func (p *planner) unobserved(c *channel) (v1.LightningChannelState, string) {
	message := nodeName(c.From) + " does not answer"
	if before := p.previous(c.Channel); before != nil && before.Point != "" {
		return v1.LightningChannelInactive, message
	}
	return v1.LightningChannelMissing, message
}

// previous status of a desired channel.
func (p *planner) previous(c Channel) *v1.LightningChannelStatus {
	at := slices.IndexFunc(p.Previous, func(s v1.LightningChannelStatus) bool {
		return int(s.From) == c.From && int(s.To) == c.To && int(s.Index) == c.Index && s.State != v1.LightningChannelClosing && s.State != v1.LightningChannelForceClosing
	})
	if at < 0 {
		return nil
	}
	return &p.Previous[at]
}

// channel is how a node reports one; nil if it does not.
func (n *Node) channel(point string) *api.Channel {
	if n == nil || n.State == nil {
		return nil
	}
	if at := slices.IndexFunc(n.State.Channels, func(c api.Channel) bool { return c.Point == point }); at >= 0 {
		return &n.State.Channels[at]
	}
	return nil
}

func has(channels []api.Channel, point string) bool {
	return slices.ContainsFunc(channels, func(c api.Channel) bool { return c.Point == point })
}

// closeUnwanted closes the channels that are not desired: together with the other end, and by force when that takes too long. A network
// that is scaled to 0 keeps its channels.
func (p *planner) closeUnwanted() {
	if p.Wanted == 0 {
		return
	}
	for i, a := range p.unwanted {
		if a.State == api.PendingOpen && p.inVain(a.Point) {
			p.unwanted[i].message = p.abandon(a)
			continue
		}
		mark := channelMark(markClosing, a.from, a.to, a.Point)
		// The time starts with the first attempt, which is impossible before the channel is open.
		if _, tried := p.Since[mark]; !tried && (a.State != api.Open || !p.node(a.at).answers()) {
			continue
		}
		waited := p.since(mark)
		if a.State != api.Open {
			continue
		}
		force := waited >= p.CloseTimeout
		cause := "it is not desired any more"
		if force {
			cause += fmt.Sprintf(", and the other end has not closed it within %s", p.CloseTimeout)
		} else {
			p.recheck(p.CloseTimeout - waited)
		}
		p.close(Close{Node: a.from, Point: a.Point, Force: force, Channel: name(a.from, a.to, a.index), Cause: cause})
	}
}

func (p *planner) close(c Close) {
	if n := p.node(c.Node); n == nil || !n.answers() {
		return
	}
	if p.MayTry(c.Key()) {
		p.plan.Close = append(p.plan.Close, c)
	}
}

func forced(force bool) string {
	if force {
		return " by force"
	}
	return ""
}

// Key of the action. That of a forced close is another one: it must not wait for the retries of the other.
func (c Close) Key() string {
	switch {
	case c.Abandon:
		return keyAbandon(c.Node, c.Point)
	case c.Publish:
		return keyPublish(c.Node, c.Point)
	}
	return KeyClose(c.Point + forced(c.Force))
}

// connect connects the ends of channels that are not active.
func (p *planner) connect() {
	for i := range p.channels {
		c := &p.channels[i]
		from, to := p.node(c.From), p.node(c.To)
		if c.state == v1.LightningChannelActive || from == nil || to == nil || !from.answers() || to.pubKey() == "" || p.connected(from, to) {
			continue
		}
		connect := Connect{Node: c.From, To: c.To, Peer: api.Peer{PubKey: to.pubKey(), Host: to.Address}}
		if !slices.Contains(p.plan.Connect, connect) && p.MayTry(connect.Key()) {
			p.plan.Connect = append(p.plan.Connect, connect)
		}
	}
}

func (p *planner) connected(from, to *Node) bool {
	return from.State != nil && slices.Contains(from.State.Peers, to.pubKey())
}

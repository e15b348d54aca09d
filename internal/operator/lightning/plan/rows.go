package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// maxChannelMessage is the limit of the status.
	maxChannelMessage = 1024
	// maxClosedRows are the rows of channels that are closed and whose coins are delayed. Nothing depends on them.
	maxClosedRows = 100
)

func (p *planner) reportChannels() {
	for i := range p.channels {
		p.plan.Channels = append(p.plan.Channels, p.rowOf(&p.channels[i]))
	}
	closed := 0
	for _, a := range slices.Concat(p.unwanted, p.closing, p.lost) {
		if !isUnsettled(a.Channel) {
			if closed++; closed > maxClosedRows {
				continue
			}
		}
		p.plan.Channels = append(p.plan.Channels, p.closingRow(&a))
	}
	p.plan.Channels = append(p.plan.Channels, p.unknown...)
	slices.SortStableFunc(p.plan.Channels, func(a, b v1.LightningChannelStatus) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Point, b.Point))
	})
}

// rowOf a desired channel.
func (p *planner) rowOf(c *channel) v1.LightningChannelStatus {
	row := statusOf(c.From, c.To, c.Index, c.state)
	row.Capacity, row.Private = c.Capacity, c.Private
	message := c.message
	if a := c.actual; a != nil {
		row.Point, row.ShortID, row.FromBalance, row.ToBalance, row.BlocksMined = a.Point, a.ShortID, a.Local, a.Remote, p.blocksMined(a)
	} else if before := p.previous(c.Channel); before != nil && c.state == v1.LightningChannelInactive {
		// The only trace of it.
		row.Point, row.ShortID, row.BlocksMined, row.Capacity, row.Private = before.Point, before.ShortID, before.BlocksMined, before.Capacity, before.Private
	}
	if failure, failed := p.openFailure(c); failed && c.actual == nil {
		message = "LND does not open it: " + failure.Message
	}
	row.Message = truncate.UTF8(message, maxChannelMessage)
	return row
}

// closingRow is that of a channel that is being closed, or is to be.
func (p *planner) closingRow(a *actual) v1.LightningChannelStatus {
	state, lost := v1.LightningChannelClosing, a.at != a.from
	if a.State == api.ForceClosing || a.Forced || lost {
		state = v1.LightningChannelForceClosing
	}
	row := statusOf(a.from, a.to, a.index, state)
	row.Capacity, row.Private, row.Point, row.ShortID, row.BlocksMined = a.Capacity, a.Private, a.Point, a.ShortID, p.blocksMined(a)
	row.FromBalance, row.ToBalance = a.Local, a.Remote
	message := p.hindrance(a)
	if lost {
		row.FromBalance, row.ToBalance = a.Remote, a.Local
		message = withMore(p.lostBy(a.from, a.RemotePubKey), message)
	}
	row.Message = truncate.UTF8(message, maxChannelMessage)
	return row
}

// hindrance is what hinders the end of a channel, "" for nothing.
func (p *planner) hindrance(a *actual) string {
	switch text := p.closeFailure(a.Channel); {
	case text != "":
		return text
	case a.State == api.WaitingClose && p.unpublished(a) != "":
		return "LND cannot publish its closing transaction: " + p.unpublished(a)
	case a.State == api.WaitingClose && p.inVain(awaited(a.Channel)):
		return fmt.Sprintf("its closing transaction is not confirmed by %d blocks", maxBlocksFor)
	case a.message == "" && a.State == api.Open && a.at == a.from:
		// Its opener knows of a close by the other end when that is in a block.
		if other := p.node(a.to).channel(a.Point); other != nil && other.State == api.WaitingClose {
			return p.hindrance(&actual{memo: a.memo, Channel: *other, at: a.to})
		}
	}
	return a.message
}

// closeFailure is why LND does not close a channel, "" for nothing.
func (p *planner) closeFailure(c api.Channel) string {
	for _, force := range []bool{true, false} {
		if failure, failed := p.failure(KeyClose(c.Point + forced(force))); failed && isLive(c) {
			return "LND does not close it: " + failure.Message
		}
	}
	return ""
}

// withMore adds a part to a message, unless it is "".
func withMore(message, more string) string {
	if more == "" {
		return message
	}
	return message + "; " + more
}

// blocksMined are those for a channel that waits for some, at the end that reports it or at the other one.
func (p *planner) blocksMined(a *actual) (blocks int32) {
	if a.State == api.PendingOpen || a.State == api.WaitingClose || a.State == api.Open && !a.Private && !a.Announced {
		blocks = int32(p.Mined.For[awaited(a.Channel)].Blocks) //nolint:gosec // at most 35
	}
	to := p.node(a.to)
	switch other := to.channel(a.Point); {
	case a.State != api.Open || to == nil:
	case !to.listsChannels():
		// It may be closing the channel, and the row has all that is left of that.
		for i := range p.Previous {
			if c := &p.Previous[i]; c.Point == a.Point {
				blocks = max(blocks, c.BlocksMined)
			}
		}
	case other != nil && other.State == api.WaitingClose:
		blocks = int32(p.Mined.For[awaited(*other)].Blocks) //nolint:gosec // at most 35
	}
	return blocks
}

// keepRows keeps the rows of a network that is scaled to 0, whose nodes have their channels when they are back.
func (p *planner) keepRows() {
	for _, c := range p.Previous {
		if c.Point == "" {
			continue
		}
		if !isClosing(&c) {
			c.State, c.Message = v1.LightningChannelInactive, "the network has no nodes"
		}
		p.plan.Channels = append(p.plan.Channels, c)
	}
}

func statusOf(from, to, index int, state v1.LightningChannelState) v1.LightningChannelStatus {
	return v1.LightningChannelStatus{From: int32(from), To: int32(to), Index: int32(index), State: state} //nolint:gosec // at most 63 and 499
}

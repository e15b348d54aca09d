package plan

import (
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// staleAfter is how long both ends must report different short channel ids before they do so on the same block: they process a
	// reorganisation one after the other.
	staleAfter = 5 * time.Second
	// prunedAfter is how long a channel must be in the graph of neither end. LND adds a new one within seconds.
	prunedAfter = 30 * time.Second
)

// stale is a channel of whose ends each has another short channel id. When both have processed the same blocks, it stays so: its funding
// transaction was reorganised into another block, and the channel cannot be used.
func (p *planner) stale(c *channel, from, to *Node) (v1.LightningChannelState, string) {
	message := fmt.Sprintf("the ends have the short channel ids %s and %s", orNone(c.actual.ShortID), orNone(c.other.ShortID))
	if c.actual.ShortID == "" || c.other.ShortID == "" {
		return v1.LightningChannelPending, message
	}
	// Also on different blocks: blocks come all the time, and the time would start again.
	left := staleAfter - p.observed(channelMark(markStale, c.From, c.To, c.actual.Point))
	if !sameBlock(from, to) {
		return v1.LightningChannelPending, message
	}
	message += ", since its funding transaction was reorganised into another block"
	if left > 0 {
		p.recheck(left)
		return v1.LightningChannelStale, message
	}
	p.close(Close{Node: c.From, Point: c.actual.Point, Force: true, Channel: c.String(), Cause: message})
	return v1.LightningChannelStale, message
}

// sameBlock reports whether two nodes have processed the same blocks.
func sameBlock(a, b *Node) bool {
	return a.State.Info != nil && b.State.Info != nil && a.State.Info.BlockHash == b.State.Info.BlockHash
}

// withoutOther is an open channel that its other end does not have, though it has its key: it has forgotten the channel before that was
// confirmed, or was restored without it. When both have processed the same blocks, it stays so: a close would be known at both.
func (p *planner) withoutOther(c *channel, from, to *Node) (v1.LightningChannelState, string) {
	message := nodeName(c.To) + " does not have the channel"
	left := staleAfter - p.observed(channelMark(markNoOther, c.From, c.To, c.actual.Point))
	if !sameBlock(from, to) {
		return v1.LightningChannelInactive, message
	}
	if left > 0 {
		p.recheck(left)
		return v1.LightningChannelStale, message
	}
	p.close(Close{Node: c.From, Point: c.actual.Point, Force: true, Channel: c.String(), Cause: message})
	return v1.LightningChannelStale, message
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// pruned reports whether an end has nothing of an open channel in its graph, not even disabled policies, although its funding transaction
// should have many confirmations.
func pruned(c api.Channel, n *Node) bool {
	if !c.NotInGraph || n.State.Info == nil {
		return false
	}
	var block int64
	_, err := fmt.Sscanf(c.ShortID, "%dx", &block)
	return err == nil && n.State.Info.Height-block+1 >= confirmations
}

// prune is a channel that neither end has in its graph. LND removes those whose block was reorganised, and never adds them again, also
// when the funding transaction is confirmed in another block: both ends keep the short channel id of before.
func (p *planner) prune(c *channel) (v1.LightningChannelState, string) {
	left := prunedAfter - p.observed(channelMark(markPruned, c.From, c.To, c.actual.Point))
	if left > 0 {
		p.recheck(left)
		return v1.LightningChannelPending, "not both ends know the policies of both directions"
	}
	message := fmt.Sprintf("no graph has the channel any more, since its funding transaction is not at %s after a reorganisation", c.actual.ShortID)
	p.close(Close{Node: c.From, Point: c.actual.Point, Force: true, Channel: c.String(), Cause: message})
	return v1.LightningChannelStale, message
}

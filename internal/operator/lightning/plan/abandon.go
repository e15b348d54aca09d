package plan

import (
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// A channel whose funding transaction does not exist stays PendingOpen: at the node that opened it for ever, at the other for 2016 blocks.
// LND may have ended between the agreement with its peer and the broadcast, or another transaction may have spent the coins after a
// reorganisation. Both ends forget it then, and it is opened again.

// abandon makes both ends forget a channel, and returns what is reported of it. The one that opened it comes last: only it has the memo by
// which the operator knows the channel.
func (p *planner) abandon(a actual) string {
	from, to := p.node(a.from), p.node(a.to)
	// An end with another key has lost the channel, and a removed one is gone.
	if to != nil && !to.listsChannels() {
		return fmt.Sprintf("its funding transaction is not confirmed by %d blocks, and the operator abandons the channel when %s answers", maxBlocksFor, nodeName(a.to))
	}
	last := from
	// In another state, as before a reorganisation, the other end cannot forget it. It closes it when the opener has forgotten it.
	if other := to.channel(a.Point); other != nil && other.State == api.PendingOpen {
		last = to
	}
	return p.abandonAt(last, a.Point, name(a.from, a.to, a.index))
}

// abandonAt makes one end forget a channel.
func (p *planner) abandonAt(n *Node, point, channel string) string {
	cause := fmt.Sprintf("its funding transaction %s is not confirmed by %d blocks", point, maxBlocksFor)
	if failure, failed := p.failure(keyAbandon(n.Ordinal, point)); failed {
		cause += ", and the channel cannot be abandoned: " + failure.Message
	}
	// Before, it may have the transaction in a block.
	if p.caughtUp(n) {
		p.close(Close{Node: n.Ordinal, Point: point, Abandon: true, Channel: channel, Cause: cause})
	}
	return cause
}

func keyAbandon(node int, point string) string { return key("abandon "+point+" at", node) }

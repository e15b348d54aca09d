package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// LND sends a closing transaction once, and again only when it starts. bitcoind may have rejected it, because it had lost the funding
// transaction in a reorganisation at that moment: no block confirms it then.

// rejectedFor is how long bitcoind must reject a closing transaction before more blocks are mined for it all the same: the coins that it spends
// may need them.
const rejectedFor = time.Minute

// published makes LND send the closing transaction of a channel again that a batch of blocks has not confirmed, and reports whether more blocks
// can confirm it.
func (p *planner) published(a actual) bool {
	mined := p.Mined.For[KeyClose(a.Point)].Blocks
	if mined < confirmations {
		return true
	}
	// Once for each batch of blocks, and while it fails. An operator that has been restarted does it once more.
	mark := fmt.Sprintf("%s%d", publishedMarks(a), mined)
	_, tried := p.Since[mark]
	left := rejectedFor - p.since(mark)
	key := keyPublish(a.at, a.Point)
	_, failed := p.Failures[key]
	if !tried || failed {
		p.close(Close{Node: a.at, Point: a.Point, Publish: true, Channel: name(a.from, a.to, a.index), Cause: "its closing transaction is not confirmed"})
	}
	if !tried || p.Busy[key] {
		return false
	}
	if failed {
		p.recheck(left)
	}
	return !failed || left <= 0
}

// keepPublished keeps that a closing transaction was sent again, while LND has not processed all blocks.
func (p *planner) keepPublished(a actual) {
	for mark := range p.Since {
		if a.State == api.WaitingClose && strings.HasPrefix(mark, publishedMarks(a)) {
			p.plan.Marks[mark] = true
		}
	}
}

// publishedMarks is how the marks of a channel for that begin.
func publishedMarks(a actual) string {
	return channelMark(markPublish, a.at, a.at, a.Point) + " after "
}

func keyPublish(node int, point string) string { return key("publish "+point+" at", node) }

// unpublished is why LND cannot publish the closing transaction of a channel, "" for nothing.
func (p *planner) unpublished(a *actual) string {
	failure, _ := p.failure(keyPublish(a.at, a.Point))
	return failure.Message
}

// awaited identifies the transaction of a channel that waits for blocks. The blocks for its funding do not count for its end.
func awaited(c api.Channel) string {
	if c.State == api.WaitingClose {
		return KeyClose(c.Point)
	}
	return c.Point
}

package plan

import "fmt"

// LND sends a closing transaction once, and again only when it starts. bitcoind may have rejected it, because it had lost the funding
// transaction in a reorganisation at that moment: no block confirms it then.

// published makes LND send the closing transaction of a channel again that a batch of blocks has not confirmed, and reports whether more blocks
// can confirm it.
func (p *planner) published(a actual) bool {
	mined := p.Mined.For[KeyClose(a.Point)].Blocks
	if mined < confirmations {
		return true
	}
	// Once for each batch of blocks, and while it fails. An operator that has been restarted does it once more.
	mark := fmt.Sprintf("%s after %d", channelMark(markPublish, a.at, a.at, a.Point), mined)
	_, tried := p.Since[mark]
	p.since(mark)
	key := keyPublish(a.at, a.Point)
	_, failed := p.Failures[key]
	if !tried || failed {
		p.close(Close{Node: a.at, Point: a.Point, Publish: true, Channel: name(a.from, a.to, a.index), Cause: "its closing transaction is not confirmed"})
	}
	return tried && !failed && !p.Busy[key]
}

func keyPublish(node int, point string) string { return key("publish "+point+" at", node) }

// unpublished is why LND cannot publish the closing transaction of a channel, "" for nothing.
func (p *planner) unpublished(a *actual) string {
	failure, _ := p.failure(keyPublish(a.at, a.Point))
	return failure.Message
}

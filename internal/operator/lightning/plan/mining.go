package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

const (
	// confirmations are the blocks after which both ends announce a channel, and more than a closing transaction needs.
	confirmations = 6
	// keepAliveAge is the age of the best block at which another one is mined, and maxTipAge the one from which on LND does not start,
	// and opens no channels.
	keepAliveAge = 90 * time.Minute
	maxTipAge    = 2 * time.Hour
	// Bounds of the time between two minings for the same reason.
	minMineWait = time.Second
	maxMineWait = time.Minute
	// maxBlocksFor are the most blocks that are mined for the same transaction.
	maxBlocksFor = 5 * confirmations
)

// blocksNeeded are what waits for blocks on a node of the BitcoinNetwork. Another one may not have got the transactions yet, or is on
// another side of a partition.
type blocksNeeded struct {
	// unconfirmed is whether transactions are in no block.
	unconfirmed bool
	// more is the largest number of further blocks that a transaction in a block needs.
	more int
	// keys identify what waits.
	keys []string
}

// confirm finds what waits for blocks.
func (p *planner) confirm() {
	p.blocks = map[int]*blocksNeeded{}
	for i := range p.channels {
		if a := p.channels[i].actual; a != nil {
			p.await(*a)
			p.awaitOther(*a)
		}
	}
	for _, a := range p.unwanted {
		p.awaitOther(a)
	}
	for _, a := range slices.Concat(p.unwanted, p.closing, p.lost) {
		p.await(a)
	}
}

// awaitOther finds the closing transaction of the other end of a channel: its opener lists the channel as open until that is in a block.
func (p *planner) awaitOther(a actual) {
	if other := p.node(a.to).channel(a.Point); other != nil && other.State == api.WaitingClose {
		p.await(actual{memo: a.memo, Channel: *other, at: a.to})
	}
}

func (p *planner) await(a actual) {
	n := p.node(a.at)
	if n == nil || !p.caughtUp(n) {
		p.keepPublished(a)
		return // its report may be that of before a block
	}
	switch a.State {
	case api.PendingOpen:
		p.need(n.Bitcoin, a.Point, confirmations, true)
	case api.WaitingClose:
		if p.published(a) {
			p.need(n.Bitcoin, KeyClose(a.Point), confirmations, true)
		} else {
			p.plan.Awaited = append(p.plan.Awaited, KeyClose(a.Point))
		}
	case api.Open:
		if a.Private || a.Announced {
			return
		}
		if more := confirmations - confirmed(a.ShortID, n.State.Info.Height); more > 0 {
			p.need(n.Bitcoin, a.Point, more, false)
		}
	}
}

// need adds what waits for blocks, unless enough were mined for it in vain: its transaction may not exist.
func (p *planner) need(bitcoin int, key string, more int, unconfirmed bool) {
	p.plan.Awaited = append(p.plan.Awaited, key)
	if p.inVain(key) {
		return
	}
	if p.blocks[bitcoin] == nil {
		p.blocks[bitcoin] = &blocksNeeded{}
	}
	b := p.blocks[bitcoin]
	b.unconfirmed, b.more, b.keys = b.unconfirmed || unconfirmed, max(b.more, more), append(b.keys, key)
}

// inVain reports whether enough blocks were mined for what still waits for them.
func (p *planner) inVain(key string) bool { return p.Mined.For[key].Blocks >= maxBlocksFor }

// confirmed is the number of blocks from that of a short channel id up to a height.
func confirmed(shortID string, height int64) int {
	block, _, _ := strings.Cut(shortID, "x")
	at, err := strconv.ParseInt(block, 10, 64)
	if err != nil || at > height {
		return confirmations // it is not known
	}
	return int(min(height-at+1, confirmations))
}

// mine decides whether blocks are mined now: at most once in a pass, and never beside other blocks that are not everywhere yet, since the
// chain would fork.
func (p *planner) mine(deficits []deficit) {
	// What has been mined for last comes last: it may fail again and again, on a node that the others do not need.
	reasons := slices.Concat(p.keepAlive(), p.fund(deficits), p.confirmNow(deficits))
	if len(reasons) == 0 {
		reasons = p.endSplit()
	}
	if len(reasons) == 0 || !p.MayTry(KeyMine) {
		return
	}
	mine := reasons[max(slices.IndexFunc(reasons, func(m *Mine) bool { return m.Key != p.Mined.Key }), 0)]
	if mine.Key == p.Mined.Key {
		if left := p.Mined.At.Add(delay(p.Mined.Repeats, minMineWait, maxMineWait)).Sub(p.Now); left > 0 {
			p.recheck(left)
			return
		}
	}
	p.plan.Mine = mine
}

// keepAlive mines a block on each side of the chain that is old: LND does not start then, nor open channels. The nodes of a side have one
// chain: a block of one of them comes to the others.
func (p *planner) keepAlive() (mines []*Mine) {
	if p.Wanted == 0 {
		return nil
	}
	decided := map[int]bool{}
	for _, ordinal := range slices.Sorted(maps.Keys(p.Bitcoins)) {
		side := p.Bitcoins[ordinal].Side
		if decided[side] {
			continue
		}
		decided[side] = true
		highest := p.oldSide(side)
		if highest < 0 {
			continue
		}
		mines = append(mines, &Mine{
			Bitcoin: highest, Rewards: []Reward{{Blocks: 1}},
			Key: fmt.Sprintf("keep-alive %d %d", highest, p.Bitcoins[highest].Tip.Height), Purpose: "since LND does not start on a chain whose best block is old",
		})
	}
	return mines
}

// oldSide is the node with the highest block of a side without a recent block; -1 while there is one, or one is on its way.
func (p *planner) oldSide(side int) (highest int) {
	highest = -1
	minedTo := p.minedTo(side)
	for _, ordinal := range slices.Sorted(maps.Keys(p.Bitcoins)) {
		b := p.Bitcoins[ordinal]
		if b.Side != side || b.Tip == nil {
			continue
		}
		if left := b.Tip.Time.Add(keepAliveAge).Sub(p.Now); left > 0 && b.Tip.Height > 0 {
			p.recheck(left)
			return -1
		}
		if b.Tip.Height < minedTo {
			return -1
		}
		if highest < 0 || b.Tip.Height > p.Bitcoins[highest].Tip.Height {
			highest = ordinal
		}
	}
	return highest
}

// minedTo is the height after the operator's last mining on any node of a side.
func (p *planner) minedTo(side int) (height int64) {
	for _, b := range p.Bitcoins {
		if b.Side == side {
			height = max(height, b.MinedTo)
		}
	}
	return height
}

// splitAfter is how long nodes may have competing blocks of the same height before one more block decides.
const splitAfter = 5 * time.Second

// endSplit mines a block on one of several competing blocks of the same height, which were mined at the same time: without
// another block they would stay for ever, and no other block could be mined.
func (p *planner) endSplit() []*Mine {
	if p.split < 0 {
		return nil
	}
	if left := splitAfter - p.since("split"); left > 0 {
		p.recheck(left)
		return nil
	}
	return []*Mine{{
		Bitcoin: p.split, Rewards: []Reward{{Blocks: 1}}, Key: "split " + p.Bitcoins[p.split].Tip.Hash, Purpose: "to decide between competing blocks",
	}}
}

// confirmNow mines the blocks that transactions wait for, on each side.
func (p *planner) confirmNow(deficits []deficit) (mines []*Mine) {
	for _, d := range deficits {
		if d.unconfirmed {
			p.need(d.node.Bitcoin, d.coins(), confirmations, true)
		}
	}
	if len(p.blocks) == 0 || p.waitsForOpening() {
		return nil
	}
	waiting := map[int][]int{}
	for _, ordinal := range slices.Sorted(maps.Keys(p.blocks)) {
		side := p.Bitcoins[ordinal].Side
		waiting[side] = append(waiting[side], ordinal)
	}
	for _, side := range slices.Sorted(maps.Keys(waiting)) {
		if mine := p.confirmOn(side, waiting[side]); mine != nil {
			mines = append(mines, mine)
		}
	}
	return mines
}

// confirmOn mines the blocks that transactions on a side wait for, which its nodes at have.
func (p *planner) confirmOn(side int, at []int) *Mine {
	miner, count, unconfirmed := p.lowest(side), 0, 0
	var keys []string
	for _, ordinal := range at {
		b := p.blocks[ordinal]
		keys, count = append(keys, b.keys...), max(count, b.more)
		if b.unconfirmed {
			if unconfirmed++; unconfirmed == 1 {
				miner = ordinal
			}
		}
	}
	if unconfirmed > 1 {
		count = 1 // the next block comes from the next node
	}
	if p.tipFor(miner) == nil {
		return nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	return &Mine{
		Bitcoin: miner, Rewards: []Reward{{Blocks: count}}, Key: "confirm " + strings.Join(keys, " "), Waiting: keys,
		Purpose: "for the confirmation of the transactions of channels",
	}
}

// waitsForOpening reports whether channels are being opened: the same blocks serve for them too.
func (p *planner) waitsForOpening() bool {
	return p.opening && p.waits("confirming")
}

// lowest is the first node of a side that answers, -1 for none. Several LightningNetworks mine on the same one.
func (p *planner) lowest(side int) int {
	for _, ordinal := range slices.Sorted(maps.Keys(p.Bitcoins)) {
		if b := p.Bitcoins[ordinal]; b.Side == side && b.Tip != nil {
			return ordinal
		}
	}
	return -1
}

// tipFor is the tip of a node to mine on; nil while not all nodes on its side have the same best block, or a mined block is on its way.
func (p *planner) tipFor(miner int) *Tip {
	b, ok := p.Bitcoins[miner]
	if !ok || b.Tip == nil || b.Tip.Height < p.minedTo(b.Side) {
		return nil
	}
	tip := b.Tip
	for _, other := range p.Bitcoins {
		if other.Side != b.Side || other.Tip == nil || other.Tip.Hash == b.Tip.Hash {
			continue
		}
		tip = nil
		if other.Tip.Height == b.Tip.Height {
			p.split = miner
		}
	}
	return tip
}

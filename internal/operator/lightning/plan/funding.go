package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Satoshis that a node needs beside the capacity of the channels that it opens.
const (
	// reserve is what LND keeps for the fees of ten channels that are closed by force.
	reserve = 100_000
	// channelFee is more than the fee for the output of a channel, and inputFee for a coin that is spent: LND takes 25 satoshis for each
	// virtual byte when bitcoind cannot estimate fees.
	channelFee = 5_000
	inputFee   = 5_000
)

const (
	// maturity are the blocks after that of a coinbase before it can be spent.
	maturity = 100
	// maxBurst are the most blocks that are mined for coins at once.
	maxBurst = 1000
	// halving are the blocks on regtest after which the reward is halved, and firstSubsidy is the first reward, in satoshis.
	halving      = 150
	firstSubsidy = 50 * 100_000_000
	// othersTimeout is how long the nodes that are ready for coins, or for blocks, wait for the others, so that fewer blocks are mined.
	othersTimeout = 15 * time.Second
)

// deficit is what a node lacks for its channels.
type deficit struct {
	node *Node
	// channels that it is to open, and the satoshis that they need and that it has.
	channels   []*channel
	need, have int64
	// unconfirmed coins would be enough.
	unconfirmed bool
	// blocks whose rewards are enough, 0 if there are none.
	blocks int
}

// coins identify the unconfirmed coins of a node. They may never be in a block, as those of a transaction whose own coins a reorganisation
// has taken. Others of the same amount that come later have a count of their own, see forgetCoins.
func (d *deficit) coins() string {
	return fmt.Sprint(coinsOf(d.node), d.node.State.Wallet.Unconfirmed)
}

func coinsOf(n *Node) string { return key("coins of", n.Ordinal) + ": " }

// forgetCoins ends the counts for coins of nodes that have no unconfirmed ones any more. Their amount is in the key, and not what the node has
// besides, which may change with each block: the blocks would have no limit then.
func (p *planner) forgetCoins() {
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if !p.caughtUp(n) || n.State.Wallet.Unconfirmed > 0 {
			continue
		}
		for key := range p.Mined.For {
			if strings.HasPrefix(key, coinsOf(n)) {
				p.plan.Arrived = append(p.plan.Arrived, key)
			}
		}
	}
}

// openOrFund opens the missing channels of the nodes that have the coins for them, and returns what the others lack.
func (p *planner) openOrFund() []deficit {
	missing := map[int][]*channel{}
	for i := range p.channels {
		if c := &p.channels[i]; c.actual == nil && c.state == v1.LightningChannelMissing {
			missing[c.From] = append(missing[c.From], c)
		}
	}
	var deficits []deficit
	for i := range p.Nodes {
		n := &p.Nodes[i]
		channels := missing[n.Ordinal]
		if len(channels) == 0 {
			continue
		}
		p.opening = p.opening || p.Busy[KeyOpen(n.Ordinal)]
		if !p.caughtUp(n) || p.Busy[KeyOpen(n.Ordinal)] {
			continue // its balance may be that of before a block, or of before the channels that it is opening
		}
		d := deficit{node: n, channels: channels, need: needed(channels), have: n.State.Wallet.Confirmed}
		if d.have < d.need {
			d.unconfirmed = d.have+n.State.Wallet.Unconfirmed >= d.need && !p.inVain(d.coins())
			deficits = append(deficits, d)
			continue
		}
		p.open(n, channels)
	}
	return deficits
}

func needed(channels []*channel) int64 {
	sum := int64(reserve)
	for _, c := range channels {
		sum += c.Capacity + channelFee
	}
	return sum
}

// open opens the channels whose other end can take part now.
func (p *planner) open(n *Node, channels []*channel) {
	var ready []api.NewChannel
	for _, c := range channels {
		to := p.node(c.To)
		memo := p.newMemo(c.Channel, n)
		if to == nil || !to.answers() || !p.MayTry(KeyChannel(memo)) {
			continue
		}
		p.opening = true
		if !p.caughtUp(to) || !p.connected(n, to) {
			continue // it can in a moment
		}
		ready = append(ready, api.NewChannel{Memo: memo, PubKey: to.pubKey(), Capacity: c.Capacity, Push: c.Push, Private: c.Private})
	}
	if len(ready) == 0 || !p.MayTry(KeyOpen(n.Ordinal)) {
		return
	}
	p.plan.Open = append(p.plan.Open, Open{Node: n.Ordinal, Channels: ready})
}

// fund returns the blocks that give the nodes what they lack, those of each side of the chain on one node of the BitcoinNetwork. It sets
// the blocks of each deficit.
func (p *planner) fund(deficits []deficit) (mines []*Mine) {
	var sides []int
	needy := map[int][]*deficit{}
	for i := range deficits {
		if d := &deficits[i]; !d.unconfirmed {
			side := p.Bitcoins[d.node.Bitcoin].Side
			if needy[side] == nil {
				sides = append(sides, side)
			}
			needy[side] = append(needy[side], d)
		}
	}
	for _, side := range sides {
		if mine := p.fundOn(side, needy[side]); mine != nil {
			mines = append(mines, mine)
		}
	}
	return mines
}

// fundOn returns the blocks for the nodes on a side; nil while something is missing for that.
func (p *planner) fundOn(side int, needy []*deficit) *Mine {
	bitcoin := p.lowest(side)
	tip := p.tipFor(bitcoin)
	if tip == nil {
		return nil
	}
	mine := &Mine{Bitcoin: bitcoin}
	height, known := tip.Height, true
	var names, keys []string
	for _, d := range needy {
		d.blocks = blocksFor(d.need-d.have, height)
		if d.blocks == 0 {
			continue
		}
		if d.node.Wallet == "" {
			known = false
			if p.MayTry(KeyAddress(d.node.Ordinal)) {
				p.plan.Addresses = append(p.plan.Addresses, d.node.Ordinal)
			}
			continue
		}
		if mine.Blocks()+d.blocks+maturity > maxBurst {
			break // the next pass has the others
		}
		height += int64(d.blocks)
		mine.Rewards = append(mine.Rewards, Reward{d.node.Wallet, d.blocks})
		names = append(names, fmt.Sprint(d.node.Ordinal))
		keys = append(keys, fmt.Sprintf("%d:%d", d.node.Ordinal, d.need))
	}
	// Both times begin at once.
	others, addresses := p.waitsForOthers(), !known && p.waits("addresses")
	if len(mine.Rewards) == 0 || others || addresses {
		return nil
	}
	mine.Rewards = append(mine.Rewards, Reward{Blocks: maturity})
	mine.Key, mine.Purpose = "coins "+strings.Join(keys, " "), "for the channels of "+plural(names)
	return mine
}

// waits reports whether a mark has been set for a short time only.
func (p *planner) waits(mark string) bool {
	left := othersTimeout - p.since(mark)
	p.recheck(left)
	return left > 0
}

func plural(names []string) string {
	if len(names) == 1 {
		return "node " + names[0]
	}
	return "nodes " + strings.Join(names, ", ")
}

// waitsForOthers reports whether nodes that are to open channels are not active yet: their coins can come with the same blocks.
func (p *planner) waitsForOthers() bool {
	waits := slices.ContainsFunc(p.channels, func(c channel) bool {
		from := p.node(c.From)
		return c.actual == nil && (from == nil || !p.caughtUp(from))
	})
	return waits && p.waits("funding")
}

// blocksFor is the number of blocks after this height whose rewards are enough; 0 if there are none, or too many.
func blocksFor(amount, height int64) int {
	for blocks := 1; blocks+maturity <= maxBurst; blocks++ {
		amount -= max(subsidy(height+int64(blocks))-inputFee, 0)
		if amount <= 0 {
			return blocks
		}
	}
	return 0
}

// subsidy of the block at a height.
func subsidy(height int64) int64 {
	if halvings := height / halving; halvings < 64 {
		return firstSubsidy >> halvings
	}
	return 0
}

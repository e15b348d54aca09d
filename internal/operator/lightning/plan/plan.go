package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Plan is what to do next, and what to report. All actions can be carried out at the same time, and each of them again.
type Plan struct {
	// Addresses are the nodes of whose wallet an address is needed.
	Addresses []int
	Connect   []Connect
	Open      []Open
	Close     []Close
	// Mine is nil when no block is needed.
	Mine *Mine
	// Keep is the number of nodes that must run: more than are desired while channels of removed nodes are being closed.
	Keep int
	// Marks are for Inputs.Since.
	Marks map[string]bool
	// Channels are the desired ones, and those that are being closed.
	Channels []v1.LightningChannelStatus
	// Active is the number of desired channels that are active.
	Active int
	// Known is how many of them each node has in its graph, added up.
	Known int
	// Awaited are the keys of what waits for blocks, and Arrived those of what does not wait any more, for Mined.
	Awaited, Arrived []string

	Synced, Funded, ChannelsActive condition.Result
	// Stalled is the condition that needs the user to act, nil for none.
	Stalled *condition.Result
	// RecheckIn is the time until the plan changes by itself, 0 for never.
	RecheckIn time.Duration
}

// Connect connects a node with the peer that the node To is: one peer that does not answer must not delay the others.
type Connect struct {
	Node, To int
	Peer     api.Peer
}

// Key of the action.
func (c Connect) Key() string { return KeyConnect(c.Node, c.To) }

// Open opens channels of a node.
type Open struct {
	Node     int
	Channels []api.NewChannel
}

// Close closes a channel at one of its ends.
type Close struct {
	Node  int
	Point string
	Force bool
	// Abandon means that the node forgets the channel, unless a bitcoind knows its funding transaction. It closes none, and Force is false.
	Abandon bool
	// Publish means that the node sends the closing transaction again. It closes none, and Force is false.
	Publish bool
	// Channel is its name for people, and Cause why it is closed.
	Channel, Cause string
}

// Mine mines blocks on a node of the BitcoinNetwork.
type Mine struct {
	Bitcoin int
	Rewards []Reward
	// Key is the same while the reason for the blocks is, and Purpose is for people.
	Key, Purpose string
	// Waiting are transactions that the blocks are to confirm.
	Waiting []string
}

// Reward is the address for the rewards of a number of blocks; "" for blocks that nobody can spend.
type Reward struct {
	Address string
	Blocks  int
}

// Blocks is their number.
func (m *Mine) Blocks() int {
	sum := 0
	for _, r := range m.Rewards {
		sum += r.Blocks
	}
	return sum
}

// planner builds a plan.
type planner struct {
	*Inputs
	plan Plan
	// channels are the desired ones with what exists of them, and unwanted the operator's others that are not being closed yet.
	channels []channel
	unwanted []actual
	closing  []actual
	// lost are those that only their other end has, and unknown the rows of the last status whose channels nobody reports at present.
	lost    []actual
	unknown []v1.LightningChannelStatus
	// opening is true when channels are being opened.
	opening bool
	// blocks are what needs blocks, by node of the BitcoinNetwork.
	blocks map[int]*blocksNeeded
	// split is a node with the highest of several competing blocks, which keep the operator from mining; -1 for none.
	split int
}

// New returns the plan.
func New(in *Inputs) Plan {
	p := &planner{Inputs: in, plan: Plan{Marks: map[string]bool{}}, split: -1}
	p.match()
	p.findLost()
	p.evaluateChannels()
	p.closeUnwanted()
	p.closeLost()
	p.connect()
	deficits := p.openOrFund()
	p.forgetCoins()
	p.confirm()
	p.mine(deficits)
	p.keepRemoved()
	p.keepMarks()
	p.report(deficits)
	return p.plan
}

// since is how long a mark has been set, and sets it.
func (p *planner) since(mark string) time.Duration {
	p.plan.Marks[mark] = true
	if at, ok := p.Since[mark]; ok {
		return p.Now.Sub(at)
	}
	return 0
}

// maxSilence is how long one end of a channel may be silent before what is observed of it must begin again: longer than one answer that is
// missing.
const maxSilence = 5 * time.Second

// observed is how long what a mark of a channel stands for has been observed, and sets the mark. For an act that cannot be undone two
// observations with a long silence between them are not enough: then it is 0, and the mark is set again in the next pass.
func (p *planner) observed(mark string) time.Duration {
	if at, silent := p.Since[silence(mark)]; silent && p.Now.Sub(at) >= maxSilence {
		return 0
	}
	return p.since(mark)
}

func silence(mark string) string { return "silent " + mark }

// MarkBehind is set while nodes are behind the chain. Nothing but the condition Synced depends on it.
const MarkBehind = "behind"

// Marks of a channel.
const (
	markClosing = "closing"
	markStale   = "stale"
	markPruned  = "pruned"
	markOther   = "other"
	markLost    = "lost"
	markNoOther = "no-other"
	markPublish = "publish"
)

var channelMarks = []string{markClosing, markStale, markPruned, markOther, markLost, markNoOther, markPublish}

func channelMark(kind string, from, to int, point string) string {
	return fmt.Sprintf("%s %d-%d %s", kind, from, to, point)
}

// keepMarks keeps the marks of channels whose ends do not all report their channels: one answer that is missing starts no time again. The
// time for closing a channel with the other end runs during any silence, and the others do not.
func (p *planner) keepMarks() {
	for mark := range p.Since {
		kind, rest, _ := strings.Cut(mark, " ")
		var from, to int
		if !slices.Contains(channelMarks, kind) {
			continue
		}
		if _, err := fmt.Sscanf(rest, "%d-%d ", &from, &to); err != nil {
			continue
		}
		for _, ordinal := range []int{from, to} {
			n := p.node(ordinal)
			if n == nil || n.listsChannels() || p.plan.Marks[mark] {
				continue
			}
			if kind == markClosing || p.since(silence(mark)) < maxSilence {
				p.plan.Marks[mark] = true
			}
		}
	}
}

// recheck makes the next pass come after this time at the latest.
func (p *planner) recheck(in time.Duration) {
	if in > 0 && (p.plan.RecheckIn == 0 || in < p.plan.RecheckIn) {
		p.plan.RecheckIn = in
	}
}

func key(kind string, node int) string { return kind + " " + strconv.Itoa(node) }

func nodeName(ordinal int) string { return fmt.Sprintf("node %d", ordinal) }

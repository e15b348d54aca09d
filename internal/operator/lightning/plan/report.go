package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// maxApart are the blocks that two nodes may be apart: the expiry of a payment is nearer for the node that is ahead.
	maxApart = 3
	// syncGracePeriod is how long a network that was synced may be behind: blocks are on their way all the time. That of a BitcoinNetwork
	// is as long.
	syncGracePeriod = 3 * time.Second
	// stalledFailures are how often a channel must have failed to open before the user must act.
	stalledFailures = 4
)

// report sets the status of the channels and the conditions.
func (p *planner) report(deficits []deficit) {
	if p.Wanted == 0 {
		none := condition.True(v1.LightningReasonNoNodes, "the network has no nodes")
		p.plan.Synced, p.plan.Funded, p.plan.ChannelsActive = none, none, none
		p.keepRows()
		return
	}
	p.reportChannels()
	p.plan.Synced = p.evaluateSynced()
	p.plan.Funded = p.evaluateFunded(deficits)
	p.plan.ChannelsActive = p.evaluateChannelsActive()
}

// openFailure is why LND does not open a missing channel.
func (p *planner) openFailure(c *channel) (Failure, bool) {
	from := p.node(c.From)
	if c.actual != nil || from == nil || from.State == nil {
		return Failure{}, false
	}
	failure, failed := p.failure(KeyChannel(p.newMemo(c.Channel, from)))
	if !failed {
		failure, failed = p.failure(KeyOpen(c.From))
	}
	return failure, failed
}

func (p *planner) evaluateSynced() condition.Result {
	lowest, highest := -1, -1
	var silent, behind []string
	for _, ordinal := range slices.Sorted(maps.Keys(p.Bitcoins)) {
		tip := p.Bitcoins[ordinal].Tip
		if tip == nil {
			silent = append(silent, nodeName(ordinal))
			continue
		}
		if lowest < 0 || tip.Height < p.Bitcoins[lowest].Tip.Height {
			lowest = ordinal
		}
		if highest < 0 || tip.Height > p.Bitcoins[highest].Tip.Height {
			highest = ordinal
		}
	}
	switch {
	case len(silent) > 0:
		return condition.False(v1.LightningReasonBitcoinNodeNotReady, fmt.Sprintf("nodes of the BitcoinNetwork %s do not answer: %s", p.BitcoinNetwork, phrase.JoinSome(silent)))
	case highest < 0:
		return condition.False(v1.LightningReasonWaiting, "no node of the BitcoinNetwork is known")
	}
	top := p.Bitcoins[highest].Tip
	if age := p.Now.Sub(top.Time); age > maxTipAge || top.Height == 0 {
		return p.withMiningError(condition.False(v1.LightningReasonChainTooOld, fmt.Sprintf(
			"the best block, at height %d, is older than two hours, and LND does not start then; the operator mines a block", top.Height)))
	}
	if apart := top.Height - p.Bitcoins[lowest].Tip.Height; apart > maxApart || p.Forked {
		message := fmt.Sprintf("the nodes of the BitcoinNetwork %s are on competing branches, so that payments fail", p.BitcoinNetwork)
		if apart > maxApart {
			message = fmt.Sprintf("node %d of the BitcoinNetwork %s is %d blocks behind node %d, so that payments between their LND nodes fail", lowest, p.BitcoinNetwork, apart, highest)
		}
		return condition.False(v1.LightningReasonHeightsApart, message)
	}
	for i := range p.Nodes[:min(p.Wanted, len(p.Nodes))] {
		n := &p.Nodes[i]
		if n.State == nil || n.State.Info == nil {
			return condition.False(v1.LightningReasonWaiting, nodeName(n.Ordinal)+" does not answer")
		}
		if info := n.State.Info; !info.SyncedToChain || info.Height < top.Height-1 {
			behind = append(behind, fmt.Sprintf("node %d at height %d", n.Ordinal, info.Height))
		}
	}
	if len(behind) > 0 {
		left := syncGracePeriod - p.since(MarkBehind)
		p.recheck(left)
		if !p.WasSynced || left <= 0 || !p.near(top.Height) {
			return condition.False(v1.LightningReasonSyncing, fmt.Sprintf("not all nodes are synced to the chain of height %d: %s", top.Height, phrase.JoinSome(behind)))
		}
	}
	return condition.True(v1.LightningReasonSynced, "all nodes have the blocks of the BitcoinNetwork "+p.BitcoinNetwork)
}

// near reports whether no node is more than a few blocks behind.
func (p *planner) near(height int64) bool {
	return !slices.ContainsFunc(p.Nodes[:min(p.Wanted, len(p.Nodes))], func(n Node) bool { return height-n.State.Info.Height > maxApart })
}

// withMiningError adds why blocks cannot be mined.
func (p *planner) withMiningError(c condition.Result) condition.Result {
	if failure, failed := p.failure(KeyMine); failed {
		return condition.False(v1.LightningReasonMiningFailed, c.Message+"; blocks cannot be mined: "+failure.Message)
	}
	return c
}

func (p *planner) evaluateFunded(deficits []deficit) condition.Result {
	var lacking, poor []string
	var height int64
	for _, d := range deficits {
		text := fmt.Sprintf("node %d needs %d satoshis for %d channels, with the fees and a reserve, and has %d", d.node.Ordinal, d.need, len(d.channels), d.have)
		if failure, failed := p.failure(KeyAddress(d.node.Ordinal)); failed && d.node.Wallet == "" {
			text += " (LND gives no address for them: " + failure.Message + ")"
		}
		lacking = append(lacking, text)
		if b := p.Bitcoins[d.node.Bitcoin]; !d.unconfirmed && b.Tip != nil && blocksFor(d.need-d.have, b.Tip.Height) == 0 {
			poor, height = append(poor, text), b.Tip.Height+1
		}
	}
	if len(poor) > 0 {
		result := condition.False(v1.LightningReasonSubsidyTooSmall, fmt.Sprintf("%s; the reward of a block at height %d is %d satoshis, so that the coins cannot be mined: send them to the nodes, or declare smaller channels",
			phrase.JoinSome(poor), height, subsidy(height)))
		p.plan.Stalled = &result
		return result
	}
	if len(lacking) > 0 {
		return p.withMiningError(condition.False(v1.LightningReasonFunding, phrase.JoinSome(lacking)))
	}
	for i := range p.channels {
		if c := &p.channels[i]; c.actual == nil {
			if from := p.node(c.From); from == nil || !p.caughtUp(from) {
				return condition.False(v1.LightningReasonWaiting, fmt.Sprintf("%s, which opens channels, does not report its balance yet", nodeName(c.From)))
			}
		}
	}
	return condition.True(v1.LightningReasonFunded, "all nodes have the coins for their channels")
}

func (p *planner) evaluateChannelsActive() condition.Result {
	count := fmt.Sprintf("%d of %d channels are active", p.plan.Active, len(p.channels))
	groups := map[string][]string{}
	add := func(reason, text string) { groups[reason] = append(groups[reason], text) }
	stuck := 0
	for i := range p.channels {
		c := &p.channels[i]
		from, to := p.node(c.From), p.node(c.To)
		failure, failed := p.openFailure(c)
		if failed && !failure.Passes {
			stuck = max(stuck, failure.Count)
		}
		switch {
		case p.separated(from, to):
			add(v1.LightningReasonPartitioned, c.String())
		case c.state == v1.LightningChannelActive:
		case c.state == v1.LightningChannelStale:
			add(v1.LightningReasonChannelsStale, fmt.Sprintf("%s (%s)", c, c.message))
		case failed:
			add(v1.LightningReasonOpenFailed, fmt.Sprintf("%s (%s)", c, failure.Message))
		case from == nil || to == nil || !from.answers() || !to.answers():
			add(v1.LightningReasonWaiting, c.String())
		case c.other != nil && !isLive(*c.other):
			add(v1.LightningReasonClosing, fmt.Sprintf("%s (%s)", c, c.message))
		case c.state == v1.LightningChannelInactive, !p.connected(from, to):
			add(v1.LightningReasonConnecting, p.unconnected(c))
		case c.state == v1.LightningChannelPending:
			add(v1.LightningReasonActivating, fmt.Sprintf("%s (%s)", c, c.message))
		case c.message != "":
			add(v1.LightningReasonOpening, fmt.Sprintf("%s (%s)", c, c.message))
		default:
			add(v1.LightningReasonOpening, c.String())
		}
	}
	for _, node := range p.unknownTo() {
		add(v1.LightningReasonGraphIncomplete, node)
	}
	for _, text := range p.closingNames() {
		add(v1.LightningReasonClosing, text)
	}
	result := firstOf(groups, count)
	if result.Met {
		return condition.True(v1.LightningReasonChannelsActive, count)
	}
	if result.Reason == v1.LightningReasonOpening || result.Reason == v1.LightningReasonActivating || result.Reason == v1.LightningReasonClosing {
		result = p.withMiningError(result)
	}
	if result.Reason == v1.LightningReasonOpenFailed && stuck >= stalledFailures && p.plan.Stalled == nil {
		p.plan.Stalled = &result
	}
	return result
}

// sentences introduce the channels of a reason. The first reason that has some is that of the condition.
var sentences = []struct{ reason, text string }{
	{v1.LightningReasonPartitioned, "spec.partitions of the BitcoinNetwork separates the ends of channels: "},
	{v1.LightningReasonChannelsStale, "channels cannot be used any more and are closed by force: "},
	{v1.LightningReasonOpenFailed, "LND does not open channels: "},
	{v1.LightningReasonWaiting, "nodes do not answer that have the channels: "},
	{v1.LightningReasonConnecting, "nodes are not connected for the channels: "},
	{v1.LightningReasonOpening, "channels are being opened: "},
	{v1.LightningReasonActivating, "channels are open and not active at both ends yet: "},
	{v1.LightningReasonGraphIncomplete, "these nodes do not know all channels yet, so that they find no route over them: "},
	{v1.LightningReasonClosing, "channels that are not desired any more, that their openers have lost or that their other ends close are being closed: "},
}

func firstOf(groups map[string][]string, count string) condition.Result {
	for _, s := range sentences {
		if names := groups[s.reason]; len(names) > 0 {
			return condition.False(s.reason, count+"; "+s.text+phrase.JoinSome(names))
		}
	}
	return condition.True("", "")
}

// unconnected describes a channel whose ends are not connected, or do not use it.
func (p *planner) unconnected(c *channel) string {
	if failure, failed := p.failure(KeyConnect(c.From, c.To)); failed {
		return fmt.Sprintf("%s (%s)", c, failure.Message)
	}
	if c.message != "" {
		return fmt.Sprintf("%s (%s)", c, c.message)
	}
	return c.String()
}

// separated reports whether the BitcoinNetwork's partitions separate the bitcoinds of two nodes.
func (p *planner) separated(from, to *Node) bool {
	if from == nil || to == nil {
		return false
	}
	a, knownA := p.Bitcoins[from.Bitcoin]
	b, knownB := p.Bitcoins[to.Bitcoin]
	return knownA && knownB && a.Side != b.Side
}

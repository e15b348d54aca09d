package plan

import (
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// actual is a channel of the operator that exists, as the node at reports it: the one that opened it, or the other one of a lost channel.
type actual struct {
	memo
	api.Channel
	at       int
	position int
	// message is what is reported of its abandonment, "" for nothing.
	message string
}

// channel is a desired channel and what exists of it.
type channel struct {
	Channel
	// actual is nil while it does not exist, and other is how the other end reports it, nil if it does not.
	actual *actual
	other  *api.Channel
	state  v1.LightningChannelState
	// message is what hinders the channel, "" for nothing.
	message string
}

// isLive reports whether a channel exists and is not being closed.
func isLive(c api.Channel) bool { return c.State == api.Open || c.State == api.PendingOpen }

// match finds the desired channels among those that exist. A channel with another index serves as well, so that the order of the
// specification does not matter; one with another capacity does not.
func (p *planner) match() {
	var live []actual
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.State == nil {
			continue
		}
		for _, c := range n.State.Channels {
			m, ours := parseMemo(p.UID, c.Memo)
			switch {
			case !ours || m.from != n.Ordinal:
			case isLive(c):
				live = append(live, actual{memo: m, Channel: c, at: n.Ordinal})
			default:
				p.closing = append(p.closing, actual{memo: m, Channel: c, at: n.Ordinal})
			}
		}
	}
	// The best of several with the same memo is the one that can be used.
	slices.SortStableFunc(live, func(a, b actual) int { return rank(a) - rank(b) })
	for i := range live {
		live[i].position = i
	}
	p.channels = make([]channel, len(p.Desired))
	taken := make([]bool, len(live))
	for _, exact := range []bool{true, false} {
		for i, desired := range p.Desired {
			p.channels[i].Channel = desired
			if p.channels[i].actual != nil {
				continue
			}
			at := slices.IndexFunc(live, func(a actual) bool {
				return !taken[a.position] && serves(a, desired) && (!exact || a.index == desired.Index)
			})
			if at >= 0 {
				taken[at], p.channels[i].actual = true, &live[at]
			}
		}
	}
	for i, a := range live {
		if !taken[i] {
			p.unwanted = append(p.unwanted, a)
		}
	}
}

func rank(a actual) int {
	switch {
	case a.State == api.Open && a.Active:
		return 0
	case a.State == api.Open:
		return 1
	}
	return 2
}

func serves(a actual, c Channel) bool {
	return a.from == c.From && a.to == c.To && a.Capacity == c.Capacity && a.Private == c.Private
}

// newMemo is the memo of a channel that is to be opened: one that LND does not have, also not on a channel that is being closed, which it
// would not open again.
func (p *planner) newMemo(c Channel, opener *Node) string {
	m := memo{from: c.From, to: c.To, index: c.Index}
	for slices.ContainsFunc(opener.State.Channels, func(a api.Channel) bool { return a.Memo == m.text(p.UID) }) {
		m.attempt++
	}
	return m.text(p.UID)
}

package lightning

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Channel is a channel of a network, in satoshis.
type Channel struct {
	// From opened the channel, and To is the other end: ordinals, or the beginning of a public key for a node outside of the network.
	From string `json:"from"`
	To   string `json:"to"`
	// Index is the number of the channel among those that the spec has from this node to that one.
	Index int `json:"index,omitempty"`
	// Wanted is whether the spec has the channel. Others are opened by people, or are being closed.
	Wanted bool `json:"wanted"`
	// Active is whether both ends report it as active, with the same short id; the one end if the other is no node of the network.
	Active bool `json:"active"`
	// State is the one of the network's status, empty for channels that the operator does not know.
	State    v1.LightningChannelState `json:"state,omitempty"`
	Private  bool                     `json:"private,omitempty"`
	Capacity int64                    `json:"capacity"`
	// FromBalance and ToBalance are what each end reports of itself; nil while it does not report the channel.
	FromBalance *int64 `json:"fromBalance,omitempty"`
	ToBalance   *int64 `json:"toBalance,omitempty"`
	Point       string `json:"point,omitempty"`
	// ShortID has both, with a slash between them, when the ends report two.
	ShortID string `json:"shortID,omitempty"`
	// Message is what hinders the channel.
	Message string `json:"message,omitempty"`
}

// Channels are those of the spec, with what the status and the nodes themselves report, and then those that only nodes report. answers has
// what each node listed, by ordinal; nodes that did not answer are missing.
func Channels(network *v1.LightningNetwork, answers map[int][]OpenChannel) []Channel {
	names := NamesOf(network)
	ends := endsOf(answers, names)
	channels := declared(network)
	for i := range channels {
		c := &channels[i]
		if found := ends[c.Point]; found != nil && c.Point != "" {
			found.into(c)
			delete(ends, c.Point)
		}
	}
	var others []Channel
	for point, found := range ends {
		c := Channel{From: found.from, To: found.to, Point: point}
		found.into(&c)
		others = append(others, c)
	}
	slices.SortFunc(others, func(a, b Channel) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Point, b.Point))
	})
	return append(channels, others...)
}

// declared are the channels of the spec in their order, and then those of the status that the spec does not have.
func declared(network *v1.LightningNetwork) []Channel {
	type key struct{ from, to, index int32 }
	reported := map[key]v1.LightningChannelStatus{}
	for _, status := range network.Status.Channels {
		reported[key{status.From, status.To, status.Index}] = status
	}
	channels := []Channel{} // in JSON a list, also without any
	for _, d := range plan.Desired(&network.Spec) {
		at := key{int32(d.From), int32(d.To), int32(d.Index)} //nolint:gosec // at most 500
		c := Channel{State: v1.LightningChannelMissing}
		if status, found := reported[at]; found {
			c = fromStatus(status)
			delete(reported, at)
		}
		c.From, c.To, c.Index, c.Wanted = fmt.Sprint(d.From), fmt.Sprint(d.To), d.Index, true
		c.Capacity, c.Private = d.Capacity, d.Private
		channels = append(channels, c)
	}
	for _, status := range network.Status.Channels {
		if _, left := reported[key{status.From, status.To, status.Index}]; left {
			channels = append(channels, fromStatus(status))
		}
	}
	return channels
}

func fromStatus(s v1.LightningChannelStatus) Channel {
	return Channel{
		From: fmt.Sprint(s.From), To: fmt.Sprint(s.To), Index: int(s.Index), State: s.State, Private: s.Private, Capacity: s.Capacity,
		Point: s.Point, ShortID: s.ShortID, Message: s.Message,
	}
}

// ends are what the nodes report of one channel.
type ends struct {
	from, to string
	// opener and other are the reports of the two ends.
	opener, other *OpenChannel
	// foreign is whether one end is no node of the network.
	foreign bool
}

func endsOf(answers map[int][]OpenChannel, names Names) map[string]*ends {
	found := map[string]*ends{}
	for ordinal, list := range answers {
		for _, channel := range list {
			e := found[channel.Point]
			if e == nil {
				e = &ends{}
				found[channel.Point] = e
			}
			here, there := fmt.Sprint(ordinal), names.Name(channel.Remote)
			_, known := names[channel.Remote]
			e.foreign = !known
			// An end knows itself for certain; the key of the other one in the status may be an old one.
			if channel.Initiator {
				e.from, e.to, e.opener = here, cmp.Or(e.to, there), &channel
			} else {
				e.from, e.to, e.other = cmp.Or(e.from, there), here, &channel
			}
		}
	}
	return found
}

// into sets what the ends report.
func (e *ends) into(c *Channel) {
	for _, end := range []struct {
		report  *OpenChannel
		balance **int64
	}{{e.opener, &c.FromBalance}, {e.other, &c.ToBalance}} {
		if r := end.report; r != nil {
			*end.balance = &r.Local
			c.Capacity, c.Private, c.ShortID = r.Capacity, r.Private, r.ShortID
		}
	}
	switch {
	case e.opener != nil && e.other != nil:
		same := e.opener.ShortID == e.other.ShortID
		c.Active = e.opener.Active && e.other.Active && same
		if !same {
			c.ShortID = e.opener.ShortID + "/" + e.other.ShortID
		}
	case e.foreign:
		one := cmp.Or(e.opener, e.other)
		c.Active = one.Active
		// What the foreign end has is known from this one only.
		if e.opener != nil {
			c.ToBalance = &one.RemoteHas
		} else {
			c.FromBalance = &one.RemoteHas
		}
	}
}

// ChannelTable has a row for each channel.
func ChannelTable(channels []Channel) string {
	rows := [][]string{{"CHANNEL", "WANTED", "ACTIVE", "CAPACITY", "FROM-BALANCE", "TO-BALANCE", "SHORT-ID", "POINT", "STATE"}}
	for _, c := range channels {
		name := c.From + "-" + c.To
		if c.Index > 0 {
			name += fmt.Sprintf(" #%d", c.Index)
		}
		state := string(c.State)
		if c.Private {
			state += " (private)"
		}
		if c.Message != "" {
			state += ": " + c.Message
		}
		rows = append(rows, []string{
			name, yes(c.Wanted), yes(c.Active), fmt.Sprint(c.Capacity), known(c.FromBalance), known(c.ToBalance), cmp.Or(c.ShortID, "-"),
			cmp.Or(c.Point, "-"), cmp.Or(state, "-"),
		})
	}
	return table(rows)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func known(amount *int64) string {
	if amount == nil {
		return "-"
	}
	return fmt.Sprint(*amount)
}

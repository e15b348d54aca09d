package lightning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// Payment is the answer to payinvoice, of a payment that ended.
type Payment struct {
	Hash     string    `json:"payment_hash"`
	Preimage string    `json:"payment_preimage"`
	Status   string    `json:"status"`
	FeeMsat  int64     `json:"fee_msat,string"`
	Failure  string    `json:"failure_reason"`
	Attempts []Attempt `json:"htlcs"`
}

// Attempt is the attempt to send a payment, or a part of it, by one route.
type Attempt struct {
	Status string `json:"status"`
	Route  struct {
		Hops []Hop `json:"hops"`
	} `json:"route"`
	Failure *AttemptFailure `json:"failure"`
}

// Hop is a channel of a route, with the node at its end.
type Hop struct {
	Channel     ShortID `json:"chan_id"`
	PubKey      string  `json:"pub_key"`
	ForwardMsat int64   `json:"amt_to_forward_msat,string"`
	FeeMsat     int64   `json:"fee_msat,string"`
}

// AttemptFailure is why an attempt failed.
type AttemptFailure struct {
	Code string `json:"code"`
	// Source is the number of the node in the route that reported it: 0 is the payer.
	Source int `json:"failure_source_index"`
}

const succeeded = "SUCCEEDED"

// NoRoute is LND's reason when its graph has no route at all.
const NoRoute = "FAILURE_REASON_NO_ROUTE"

// Succeeded reports whether the receiver was paid.
func (p *Payment) Succeeded() bool { return p.Status == succeeded }

// reasons are those of LND, with what to do.
var reasons = map[string]string{
	"FAILURE_REASON_TIMEOUT": "the time was over before a route worked; --timeout gives it more",
	NoRoute:                  "no route has enough capacity; kubectl btcnet ln graph NETWORK/NODE shows the channels that node NODE knows",
	"FAILURE_REASON_ERROR":   "LND failed; kubectl logs POD has the cause",
	"FAILURE_REASON_INCORRECT_PAYMENT_DETAILS": "the receiver does not accept the payment; pay another invoice",
	"FAILURE_REASON_INSUFFICIENT_BALANCE":      "the channels of node NODE have too little on its side; kubectl btcnet ln channels NETWORK shows the balances",
	"FAILURE_REASON_CANCELED":                  "the payment was cancelled",
}

// Failed is the error of a payment that failed: LND's reason in one sentence, with where the last attempt ended.
type Failed struct {
	Network, From, Pod, To string
	Satoshis               int64
	Payment                Payment
	Names                  Names
}

func (f *Failed) Error() string {
	reason := terminal.Line(f.Payment.Failure)
	text := fmt.Sprintf("node %s did not pay %d satoshis to node %s: %s", f.From, f.Satoshis, f.To, cmp.Or(reason, "LND reports no reason"))
	if words, known := reasons[f.Payment.Failure]; known {
		text += ", " + strings.NewReplacer("NETWORK", f.Network, "NODE", f.From, "POD", f.Pod).Replace(words)
	}
	if at := f.attempt(); at != "" {
		text += "; " + at
	}
	return text
}

// attempt is where the last attempt ended that a node of its route rejected; "" for none.
func (f *Failed) attempt() string {
	for _, a := range slices.Backward(f.Payment.Attempts) {
		// A part that waited for others in vain has no cause of its own.
		if a.Failure == nil || a.Failure.Code == "MPP_TIMEOUT" {
			continue
		}
		where := "node " + f.From
		if i := a.Failure.Source; i > 0 && i <= len(a.Route.Hops) {
			where = "node " + f.Names.Name(a.Route.Hops[i-1].PubKey)
		}
		return fmt.Sprintf("the last of %d attempts ended at %s with %s", len(f.Payment.Attempts), where, terminal.Line(a.Failure.Code))
	}
	return ""
}

// Paid is a payment that succeeded.
type Paid struct {
	From     int     `json:"from"`
	To       int     `json:"to"`
	Satoshis int64   `json:"satoshis"`
	FeeMsat  int64   `json:"feeMsat"`
	Hash     string  `json:"paymentHash"`
	Preimage string  `json:"preimage"`
	Routes   []Route `json:"routes"`
}

// Route is the way of a payment, or of a part of it.
type Route struct {
	// Msat is what the receiver got by it, in thousandths of a satoshi.
	Msat int64      `json:"msat"`
	Hops []RouteHop `json:"hops"`
}

// RouteHop is a channel of a route, with the node at its end and the fee of the node before it.
type RouteHop struct {
	Channel ShortID `json:"channel"`
	Node    *int    `json:"node,omitempty"`
	PubKey  string  `json:"pubkey"`
	FeeMsat int64   `json:"feeMsat"`
}

// PaidBy describes a payment that succeeded.
func PaidBy(from, to int, satoshis int64, p Payment, names Names) Paid {
	paid := Paid{From: from, To: to, Satoshis: satoshis, FeeMsat: p.FeeMsat, Hash: p.Hash, Preimage: p.Preimage}
	for _, attempt := range p.Attempts {
		if attempt.Status != succeeded {
			continue
		}
		route := Route{}
		for _, hop := range attempt.Route.Hops {
			route.Msat = hop.ForwardMsat
			route.Hops = append(route.Hops, RouteHop{Channel: hop.Channel, Node: names.ordinal(hop.PubKey), PubKey: hop.PubKey, FeeMsat: hop.FeeMsat})
		}
		paid.Routes = append(paid.Routes, route)
	}
	return paid
}

// Text is the payment for people.
func (p Paid) Text() string {
	lines := []string{fmt.Sprintf("node %d paid %d satoshis to node %d, with a fee of %s satoshis", p.From, p.Satoshis, p.To, Msat(p.FeeMsat))}
	for _, route := range p.Routes {
		line := fmt.Sprintf("route: %d", p.From)
		for _, hop := range route.Hops {
			line += fmt.Sprintf(" -%s-> %s", hop.Channel, hop.name())
		}
		if len(p.Routes) > 1 {
			line += fmt.Sprintf(", %s satoshis", Msat(route.Msat))
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, "payment hash: "+p.Hash, "preimage: "+p.Preimage), "\n")
}

func (h RouteHop) name() string {
	if h.Node != nil {
		return fmt.Sprint(*h.Node)
	}
	return h.PubKey[:min(keyLength, len(h.PubKey))]
}

// Msat writes thousandths of a satoshi as satoshis, exactly.
func Msat(msat int64) string {
	if msat%1000 == 0 {
		return fmt.Sprint(msat / 1000)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%03d", msat/1000, msat%1000), "0")
}

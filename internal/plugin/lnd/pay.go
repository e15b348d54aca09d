package lnd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/lightning"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// grace is how much longer than its limit LND may take to answer: it waits for parts of a payment that are on the way, and a receiver returns
// those that are too few after two minutes.
const grace = 3 * time.Minute

// Pay makes an invoice on one node, pays it on another one, and returns how. Nodes learn of the channels of others by gossip, some seconds
// after these are active: when there is no route, and the payer lacks active channels of the network, it waits for them and pays again.
func (n *Nodes) Pay(ctx context.Context, from, to noderef.Node, satoshis int64, limit time.Duration) (lightning.Paid, error) {
	names := lightning.NamesOf(n.Network)
	invoice, err := n.Invoice(ctx, to, satoshis, "")
	if err != nil {
		return lightning.Paid{}, err
	}
	start := time.Now()
	payment, err := n.payInvoice(ctx, from, to, invoice, limit)
	if err == nil && payment.Failure == lightning.NoRoute && len(payment.Attempts) == 0 {
		complete, failed := n.learn(ctx, from, limit-time.Since(start))
		if failed != nil {
			return lightning.Paid{}, failed
		}
		if complete {
			payment, err = n.payInvoice(ctx, from, to, invoice, max(limit-time.Since(start), time.Second))
		}
	}
	switch {
	case err != nil:
		return lightning.Paid{}, err
	case !payment.Succeeded():
		return lightning.Paid{}, &lightning.Failed{
			Network: n.Network.Name, From: fmt.Sprint(from.Ordinal), Pod: from.Pod, To: fmt.Sprint(to.Ordinal), Satoshis: satoshis, Payment: payment, Names: names,
		}
	}
	return lightning.PaidBy(from.Ordinal, to.Ordinal, satoshis, payment, names), nil
}

// payInvoice pays an invoice once, and returns what became of it.
func (n *Nodes) payInvoice(ctx context.Context, from, to noderef.Node, invoice lightning.Invoice, limit time.Duration) (lightning.Payment, error) {
	var payment lightning.Payment
	text, err := n.Cluster.LNCLIWithin(ctx, limit+grace, from.Pod, "payinvoice", "--force", "--json", fmt.Sprintf("--timeout=%s", limit), invoice.PaymentRequest)
	if err == nil || text != "" { // lncli prints a payment that failed, too
		if bad := json.Unmarshal([]byte(text), &payment); bad == nil && payment.Hash != "" {
			return payment, nil
		}
	}
	if _, rejected := errors.AsType[*cluster.LNDError](err); rejected {
		return payment, err
	}
	if err == nil {
		err = &cluster.NodeError{Pod: from.Pod, Text: "its answer is not a payment"}
	}
	if _, lacks := errors.AsType[*cluster.MissingRight](err); lacks {
		return payment, err
	}
	return payment, fmt.Errorf("%w; kubectl btcnet ln cli %s/%d lookupinvoice %s shows whether it was paid", err, n.Network.Name, to.Ordinal, invoice.PaymentHash)
}

// learn waits until a node knows the active channels of the network. It returns false at once when it knows them already.
func (n *Nodes) learn(ctx context.Context, node noderef.Node, limit time.Duration) (learned bool, err error) {
	unknown, err := n.unknown(ctx, node)
	if err != nil || unknown == "" || limit <= 0 {
		return false, err
	}
	what := fmt.Sprintf("the announcement of all active channels to node %d", node.Ordinal)
	return true, n.Cluster.Wait(ctx, limit, what, func(ctx context.Context) (string, error) { return n.unknown(ctx, node) })
}

// unknown describes the first active channel that a node cannot use in a route; empty for none.
func (n *Nodes) unknown(ctx context.Context, node noderef.Node) (string, error) {
	graph, err := n.graph(ctx, node)
	if err != nil {
		return "", err
	}
	for _, c := range n.Network.Status.Channels {
		if c.State == v1.LightningChannelActive && !c.Private && !graph.Usable(c.Point) {
			return fmt.Sprintf("it does not know the channel from %d to %d yet", c.From, c.To), nil
		}
	}
	return "", nil
}

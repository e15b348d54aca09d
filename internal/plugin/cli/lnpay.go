package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

type lnPay struct {
	*session
	result
	timeout time.Duration
}

func lnPayCommand(s *session) *cobra.Command {
	p := &lnPay{session: s}
	command := &cobra.Command{
		Use:   "pay NAME FROM TO AMOUNT",
		Short: "Pay from one node to another one, and show the route",
		Long: "Make an invoice on the node TO, pay it on the node FROM, and print the route, the fee, the payment hash and the preimage. Nodes are ordinals\n" +
			"or pods. AMOUNT is in satoshis, such as 1000, or in bitcoins with their unit, such as 0.001btc. A node learns of the channels of others some\n" +
			"seconds after they are active: the command waits for them if there is no route without.",
		Example:           "  kubectl btcnet ln pay my-lightning 0 2 1000\n  kubectl btcnet ln pay my-lightning 0 2 0.001btc -o json",
		Args:              arguments(4, 4),
		ValidArgsFunction: s.completePay,
		RunE: func(command *cobra.Command, args []string) error {
			return p.run(command.Context(), args[0], args[1], args[2], args[3])
		},
	}
	p.addFlag(command)
	command.Flags().DurationVar(&p.timeout, "timeout", time.Minute, "How long LND tries.")
	return command
}

func (p *lnPay) run(ctx context.Context, name, from, to, text string) error {
	value, err := amount.ParseSatoshis(text)
	if err == nil {
		err = p.validate()
	}
	if err == nil && (p.timeout < time.Second || p.timeout > time.Hour) {
		err = invalid.Errorf("--timeout %s is not from 1s to 1h: choose another one", p.timeout)
	}
	if ref, wrong := noderef.Parse(name); err == nil && wrong == nil && ref.Names() {
		err = invalid.Errorf("%s names a node: write %s, and the nodes behind it", name, ref.Network)
	}
	if err == nil && from == to {
		err = payItself(from)
	}
	if err != nil {
		return err
	}
	t, err := p.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	ends := [2]noderef.Node{}
	for i, node := range []string{from, to} {
		ref, err := noderef.Parse(t.Network.Name + "/" + node)
		if err == nil {
			ends[i], err = ref.LightningNode(t.Network)
		}
		if err != nil {
			return err
		}
	}
	if ends[0] == ends[1] { // by its ordinal and by its pod
		return payItself(from)
	}
	paid, err := t.Pay(ctx, ends[0], ends[1], int64(value), p.timeout)
	if err != nil {
		return err
	}
	return p.print(p.session, paid, paid.Text())
}

func payItself(node string) error {
	return invalid.Errorf("node %s cannot pay itself: name two different nodes", node)
}

// completePay completes a network, and then two of its nodes.
func (s *session) completePay(command *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return s.completeLightning(false)(command, args, prefix)
	case 1, 2:
		return s.completeName(false, func(ctx context.Context, client *cluster.Client, prefix string) ([]string, error) {
			network, err := client.GetLightning(ctx, args[0])
			if err != nil {
				return nil, err
			}
			return noderef.Ordered(noderef.LightningNodes(network), prefix), nil
		})(command, nil, prefix)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func lnInvoiceCommand(s *session) *cobra.Command {
	var r result
	var memo string
	command := &cobra.Command{
		Use:   "invoice NAME[/NODE] AMOUNT",
		Short: "Make an invoice on a node, and print it",
		Long: "Make an invoice on a node, by default node 0, and print its payment request alone, for `kubectl btcnet ln cli NODE payinvoice --force` or any other\n" +
			"wallet. AMOUNT is in satoshis, such as 1000, or in bitcoins with their unit, such as 0.001btc.",
		Example:           "  kubectl btcnet ln invoice my-lightning/2 1000 --memo coffee",
		Args:              arguments(2, 2),
		ValidArgsFunction: s.completeLightning(true),
		RunE: func(command *cobra.Command, args []string) error {
			value, err := amount.ParseSatoshis(args[1])
			if err == nil {
				err = r.validate()
			}
			if err == nil && len(memo) > maxMemo {
				err = invalid.Errorf("--memo has %d bytes: an invoice has room for at most %d", len(memo), maxMemo)
			}
			if err != nil {
				return err
			}
			t, err := s.lnTarget(command.Context(), args[0])
			if err != nil {
				return err
			}
			invoice, err := t.Invoice(command.Context(), t.node, int64(value), memo)
			if err != nil {
				return err
			}
			return r.print(s, invoiced{t.node.Ordinal, t.node.Pod, int64(value), memo, invoice.PaymentHash, invoice.PaymentRequest}, invoice.PaymentRequest)
		},
	}
	r.addFlag(command)
	command.Flags().StringVar(&memo, "memo", "", "Description that the payer sees.")
	return command
}

// maxMemo is the longest description of a BOLT 11 invoice: 1023 groups of five bits.
const maxMemo = 639

// invoiced is the result of ln invoice.
type invoiced struct {
	Node           int    `json:"node"`
	Pod            string `json:"pod"`
	Satoshis       int64  `json:"satoshis"`
	Memo           string `json:"memo,omitempty"`
	PaymentHash    string `json:"paymentHash"`
	PaymentRequest string `json:"paymentRequest"`
}

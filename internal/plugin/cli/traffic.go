package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	"github.com/christianb93/bitcoin-controller/internal/plugin/traffic"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

type trafficOptions struct {
	*session
	result
	rate, fee, txids string
	blocks, duration time.Duration

	interval time.Duration
	fees     traffic.Fees
}

func trafficCommand(s *session) *cobra.Command {
	o := &trafficOptions{session: s}
	command := &cobra.Command{
		Use:   "traffic NAME --rate RATE",
		Short: "Send transactions between the wallets of the nodes, until Ctrl-C",
		Long: "Send transactions between the wallets traffic of node 0 and up to seven others on its side of a partition at a rate, until Ctrl-C or for a time.\n" +
			"Wallets without coins get some first, which mines blocks. While it runs, a node mines a block every --blocks; without the flag every 10\n" +
			"seconds, or not at all if the operator mines (spec.mining). At the end it waits for confirmations, and reports what became of each transaction.\n\n" +
			"The command signs the transactions itself and sends them to the P2P ports of the nodes, by port-forward. Without the right to forward\n" +
			"ports it calls bitcoin-cli for each one, from the wallets faucet, which reaches a few in a second and reports no confirmations.",
		Example:           "  kubectl btcnet traffic my-network --rate 20/s\n  kubectl btcnet traffic my-network --rate 30/m --fee 1-50 --duration 10m",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(false),
		RunE: func(command *cobra.Command, args []string) error {
			return o.run(command.Context(), args[0], command.Flags().Changed("blocks"))
		},
	}
	o.addFlag(command)
	flags := command.Flags()
	flags.StringVar(&o.rate, "rate", "1/s", "Transactions by time, such as 5/s or 30/m.")
	flags.StringVar(&o.fee, "fee", "1-20", "Fee rate in satoshis for each virtual byte, or a range of them.")
	flags.DurationVar(&o.blocks, "blocks", 10*time.Second, "Time between two blocks that are mined meanwhile; 0 for none.")
	flags.DurationVar(&o.duration, "duration", 0, "How long to send. Default: until Ctrl-C.")
	flags.StringVar(&o.txids, "txids", "", "File to write the id of each transaction to, one a line. Needs the right to forward ports.")
	return command
}

// maxWallets is the number of nodes that take part.
const maxWallets = 8

func (o *trafficOptions) parse() (err error) {
	if o.interval, err = traffic.ParseRate(o.rate); err != nil {
		return err
	}
	if o.fees, err = traffic.ParseFees(o.fee); err != nil {
		return err
	}
	if o.blocks < 0 || o.duration < 0 {
		return invalid.Errorf("--blocks and --duration must not be negative: write a duration such as 10s")
	}
	return o.validate()
}

func (o *trafficOptions) run(ctx context.Context, name string, blocksGiven bool) error {
	if err := o.parse(); err != nil {
		return err
	}
	t, err := o.target(ctx, name)
	if err != nil {
		return err
	}
	if steady(t.network.Spec.Mining) > 0 && !blocksGiven {
		o.blocks = 0
	}
	nodes := append([]noderef.Node{t.node}, t.side()...)
	nodes = nodes[:min(len(nodes), maxWallets)]
	first, err := o.peer(ctx, t, t.node.Pod)
	if right, missing := errors.AsType[*cluster.MissingRight](err); missing {
		o.note("Each transaction is a call of bitcoin-cli, which reaches a few in a second: %s", right.Error())
		return o.call(ctx, t, nodes)
	}
	if err != nil {
		return err
	}
	first.Close() // it was a try
	return o.stream(ctx, t, nodes)
}

// steady is the time between the blocks that the operator mines, 0 if it mines none, or only to keep the network alive.
func steady(mining *v1.Mining) time.Duration {
	switch {
	case mining == nil || mining.Interval == nil && mining.KeepAlive != nil:
		return 0
	case mining.Interval == nil:
		return defaultMiningInterval
	}
	return mining.Interval.Duration
}

// defaultMiningInterval is that of spec.mining.
const defaultMiningInterval = 10 * time.Second

// peer opens a connection with the P2P port of a node.
func (o *trafficOptions) peer(ctx context.Context, t *target, pod string) (traffic.Peer, error) {
	conn, err := t.Dial(ctx, pod, v1.P2PPort)
	if err != nil {
		return nil, err
	}
	peer, err := p2p.Dial(ctx, conn, p2p.Options{NoTransactions: true})
	if err != nil {
		return nil, &cluster.NodeError{Pod: pod, Err: err}
	}
	return peer, nil
}

// limited is the context of the transactions.
func (o *trafficOptions) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.duration == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.duration)
}

func (o *trafficOptions) start(wallets int) {
	until := "until Ctrl-C"
	if o.duration > 0 {
		until = "for " + o.duration.String()
	}
	o.note("Sending a transaction every %s between %d wallets, %s.", o.interval, wallets, until)
}

func (o *trafficOptions) stream(ctx context.Context, t *target, nodes []noderef.Node) error {
	calls := &traffic.BitcoinCLI{Cluster: t.Client}
	run := traffic.Stream{
		Nodes: calls, Interval: o.interval, Blocks: o.blocks, Others: steady(t.network.Spec.Mining), Fees: o.fees, Note: o.note,
		Connect: func(ctx context.Context, node int) (traffic.Peer, error) { return o.peer(ctx, t, nodes[node].Pod) },
	}
	for _, node := range nodes {
		account, err := ledger.NewAccount(faucet.MasterKey(faucet.TrafficWallet, string(t.network.UID), node.Ordinal))
		if err != nil {
			return fmt.Errorf("the keys of %s: %w", node.Pod, err)
		}
		calls.Faucets = append(calls.Faucets, &faucet.Faucet{Cluster: t.Client, UID: string(t.network.UID), Node: node, Name: faucet.TrafficWallet})
		run.Accounts, run.Pods = append(run.Accounts, account), append(run.Pods, node.Pod)
	}
	written, err := o.record(&run)
	if err != nil {
		return err
	}
	if err := calls.Wallets(ctx); err != nil {
		return err
	}
	// After Ctrl-C the connections are still needed, for what is sent and not confirmed.
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	closed := run.Start(connected)
	defer closed()
	defer disconnect()
	if err := run.Prepare(ctx); err != nil {
		return err
	}
	o.start(len(nodes))
	var unwritten error
	run.Stopped = func() { unwritten = written() } // before the wait for confirmations, which a second Ctrl-C ends at once
	total := run.Run(ctx, o.duration)
	return errors.Join(o.print(o.session, total, total.String()), unwritten)
}

// record writes the transactions to the file of the flag.
func (o *trafficOptions) record(run *traffic.Stream) (end func() error, err error) {
	if o.txids == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(o.txids)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(file)
	run.Sent = func(txid string) { fmt.Fprintln(out, txid) } // the end returns the error
	return func() error { return errors.Join(out.Flush(), file.Close()) }, nil
}

// call sends without connections.
func (o *trafficOptions) call(ctx context.Context, t *target, nodes []noderef.Node) error {
	if o.txids != "" {
		return invalid.Errorf("--txids needs the right to forward ports: leave it out, or get the role edit of the namespace")
	}
	run := traffic.Traffic{Cluster: t.Client, Interval: o.interval, Blocks: o.blocks, Fees: o.fees, Note: o.note}
	for _, node := range nodes {
		run.Faucets = append(run.Faucets, &faucet.Faucet{Cluster: t.Client, UID: string(t.network.UID), Node: node})
	}
	if err := run.Prepare(ctx); err != nil {
		return err
	}
	o.start(len(nodes))
	sending, cancel := o.limited(ctx)
	defer cancel()
	total := run.Run(sending)
	return o.print(o.session, total, total.String())
}

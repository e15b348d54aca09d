package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/traffic"
)

type trafficOptions struct {
	*session
	result
	rate, fee        string
	blocks, duration time.Duration
}

func trafficCommand(s *session) *cobra.Command {
	o := &trafficOptions{session: s}
	command := &cobra.Command{
		Use:   "traffic NAME --rate RATE",
		Short: "Send transactions between the wallets of the nodes, until Ctrl-C",
		Long: "Send transactions between the wallets faucet of node 0 and up to seven others on its side of a partition at a rate, until Ctrl-C or for a time. Wallets without coins get some first, which mines\n" +
			"blocks. While it runs, a node mines a block every --blocks; without the flag every 10 seconds, or not at all if the network has spec.mining.\n" +
			"Each transaction is a call of bitcoin-cli in a pod, which takes the cluster some hundredths of a second of processor time.",
		Example:           "  kubectl btcnet traffic my-network --rate 5/s\n  kubectl btcnet traffic my-network --rate 30/m --fee 1-50 --duration 10m",
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
	return command
}

// maxWallets is the number of nodes that take part.
const maxWallets = 8

func (o *trafficOptions) run(ctx context.Context, name string, blocksGiven bool) error {
	interval, err := traffic.ParseRate(o.rate)
	if err != nil {
		return err
	}
	fees, err := traffic.ParseFees(o.fee)
	if err == nil {
		err = o.validate()
	}
	if err == nil && (o.blocks < 0 || o.duration < 0) {
		err = invalid.Errorf("--blocks and --duration must not be negative: write a duration such as 10s")
	}
	if err != nil {
		return err
	}
	t, err := o.target(ctx, name)
	if err != nil {
		return err
	}
	run := traffic.Traffic{Cluster: t.Client, Interval: interval, Blocks: o.blocks, Fees: fees, Note: o.note}
	if t.network.Spec.Mining != nil && !blocksGiven {
		run.Blocks = 0
	}
	nodes := append([]noderef.Node{t.node}, t.side()...)
	for _, node := range nodes[:min(len(nodes), maxWallets)] {
		run.Faucets = append(run.Faucets, &faucet.Faucet{Cluster: t.Client, UID: string(t.network.UID), Node: node})
	}
	if err := run.Prepare(ctx); err != nil {
		return err
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	o.note("Sending a transaction every %s between %d wallets, until Ctrl-C.", interval, len(run.Faucets))
	total := run.Run(ctx)
	return o.print(o.session, total, total.String())
}

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

func pauseCommand(s *session) *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "pause NAME/NODE DURATION",
		Short: "Cut a node from the network for a time",
		Long: "Switch off all connections of a node for a time (setnetworkactive), and connect it again. bitcoind is not stopped: it answers RPC, and can mine.\n" +
			"The node is connected again also when the command is interrupted. If its process is killed meanwhile, kubectl btcnet heal NAME connects it.",
		Example:           "  kubectl btcnet pause my-network/1 30s",
		Args:              arguments(2, 2),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			return s.pause(command.Context(), args[0], args[1], timeout)
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "How long to wait for the connections afterwards.")
	return command
}

// maxPause is a day.
const maxPause = 24 * time.Hour

func (s *session) pause(ctx context.Context, name, text string, timeout time.Duration) error {
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 || duration > maxPause {
		return invalid.Errorf("%q is not a duration up to 24h: write one, such as 30s or 5m", text)
	}
	t, err := s.named(ctx, name)
	if err != nil {
		return err
	}
	if err := chain.Pause(ctx, t.Client, t.node.Pod, duration, func() {
		s.note("%s has no connections for %s.", t.node.Pod, duration)
	}); err != nil {
		return err
	}
	if err := chain.AwaitConnections(ctx, t.Client, t.network.Name, "the connection of "+t.node.Pod, timeout); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.streams.Out, "%s was cut from the network for %s, and is connected again\n", t.node.Pod, duration)
	return err
}

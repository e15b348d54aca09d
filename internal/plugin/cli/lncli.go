package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

const lnCLIExample = `  kubectl btcnet ln cli my-lightning getinfo
  kubectl btcnet ln cli my-lightning/2 listchannels --active_only
  kubectl btcnet ln cli my-lightning --all getinfo`

func lnCLICommand(s *session) *cobra.Command {
	var everyNode bool
	command := &cobra.Command{
		Use:   "cli [--all] NAME[/NODE] COMMAND [ARGUMENT...]",
		Short: "Call lncli on a node, or on all nodes",
		Long: "Call lncli on a node, by default node 0. Everything after the node is passed on as it is, options of lncli too, so the options of kubectl\n" +
			"have to be before it. The exit code is that of lncli. With --all, before or after NAME, the output is a JSON list with the answer of each\n" +
			"node. The input is passed on to commands that read it, such as those that need a confirmation, and openchannel --psbt.",
		Example:           lnCLIExample,
		Args:              arguments(2, -1),
		ValidArgsFunction: s.completeLightning(true),
		RunE: func(command *cobra.Command, args []string) error {
			name, call := args[0], args[1:]
			if call[0] == "--all" {
				everyNode, call = true, call[1:]
			}
			if len(call) == 0 {
				return invalid.Errorf("no command of lncli is named: write one, such as getinfo")
			}
			if err := notOurs(call, "lncli"); err != nil {
				return err
			}
			if everyNode {
				return s.callAllLND(command.Context(), name, call)
			}
			return s.callLND(command.Context(), name, call)
		},
	}
	command.Flags().BoolVar(&everyNode, "all", false, "Call all nodes of the network.")
	command.Flags().SetInterspersed(false)
	return command
}

// callLND passes the input on only if lncli reads it.
func (s *session) callLND(ctx context.Context, name string, call []string) error {
	t, err := s.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	in := s.streams.In
	if !lncliReadsInput(call) {
		in = nil
	}
	return t.StreamLNCLI(ctx, t.node.Pod, call, in, s.streams.Out, s.streams.ErrOut)
}

// lncliInput is when a command of lncli reads its input.
type lncliInput struct {
	// only are the arguments without which it does not, if it has some, and unless those with which it does not.
	only, unless []string
}

// lncliInputs are the commands of LND 0.21 that read it. sendcoins asks only on a terminal, and so do all that read a password: a call in a
// pod has none.
var lncliInputs = map[string]lncliInput{
	// --skip_confirmation skips the first of its questions, --force none: it means that channels are closed by force.
	"closeallchannels":    {},
	"decryptdebugpackage": {unless: []string{"input_file"}},
	"deletefwdhistory":    {unless: []string{"force", "f"}},
	"importmc":            {unless: []string{"skip_confirmation"}},
	"openchannel":         {only: []string{"psbt"}},
	"payinvoice":          {unless: []string{"force", "f"}},
	"sendpayment":         {unless: []string{"force", "f"}},
	"sendtoroute":         {only: []string{"-"}},
	"unlock":              {only: []string{"stdin"}},
}

// lncliReadsInput reports whether a command of lncli needs a confirmation, or has something else to read on its input.
func lncliReadsInput(call []string) bool {
	for i := 0; i < len(call); i++ {
		if strings.HasPrefix(call[i], "-") {
			// An option of lncli itself. All but these have a value.
			if !strings.Contains(call[i], "=") && !isOption(call[i], "no-macaroons", "insecure") {
				i++
			}
			continue
		}
		reads, found := lncliInputs[call[i]]
		has := func(options []string) bool {
			return slices.ContainsFunc(call[i+1:], func(argument string) bool { return isOption(argument, options...) })
		}
		return found && (reads.only == nil || has(reads.only)) && !has(reads.unless)
	}
	return false
}

// isOption reports whether an argument is one of these options, and does not switch it off. The option "-" is this argument alone.
func isOption(argument string, options ...string) bool {
	name, value, _ := strings.Cut(argument, "=")
	if on, err := strconv.ParseBool(value); err == nil && !on || !strings.HasPrefix(name, "-") {
		return false
	}
	if name != "-" {
		name = strings.TrimPrefix(name[1:], "-")
	}
	return slices.Contains(options, name)
}

func (s *session) callAllLND(ctx context.Context, name string, call []string) error {
	if err := wholeNetwork(name); err != nil {
		return err
	}
	t, err := s.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	return s.printAll(ctx, noderef.LightningNodes(t.Network), func(ctx context.Context, pod string) (string, error) { return t.LNCLI(ctx, pod, call...) })
}

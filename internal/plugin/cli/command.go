// Package cli has the commands of kubectl btcnet, one file each: flags, output and exit codes. What they do is in the packages beside it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// The exit codes. That of bitcoin-cli is passed on by kubectl btcnet cli.
const (
	exitFailed      = 1
	exitInvalid     = 2
	exitInterrupted = 130
)

// Main runs the program and returns its exit code. What it prints is escaped, because nodes and networks may be hostile.
func Main(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	out, errOut := terminal.NewWriter(streams.Out), terminal.NewWriter(streams.ErrOut)
	command := Command(genericiooptions.IOStreams{In: streams.In, Out: out, ErrOut: errOut})
	command.SetArgs(args)
	// The libraries log the ends of streams, which errors report too, or which Ctrl-C wants.
	err := command.ExecuteContext(logr.NewContext(ctx, logr.Discard()))
	if closing := out.Close(); err == nil {
		err = closing
	}
	return finish(ctx, err, errOut)
}

// finish prints an error, and returns the exit code. bitcoin-cli has printed its own.
func finish(ctx context.Context, err error, errOut io.Writer) int {
	if _, exited := errors.AsType[*cluster.ExitError](err); err != nil && !exited {
		fmt.Fprintf(errOut, "error: %s\n", terminal.Line(sentence(ctx, err)))
	}
	return exitCode(ctx, err)
}

// sentence leaves out the words of a context that was cancelled.
func sentence(ctx context.Context, err error) string {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && err.Error() == ctx.Err().Error() {
		return errInterrupted.Error()
	}
	return err.Error()
}

func exitCode(ctx context.Context, err error) int {
	exit, exited := errors.AsType[*cluster.ExitError](err)
	_, wrong := errors.AsType[*invalid.Error](err)
	switch {
	case err == nil:
		return 0
	case exited:
		return exit.Code
	case wrong:
		return exitInvalid
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailed
}

// Command is kubectl btcnet with all its commands.
func Command(streams genericiooptions.IOStreams) *cobra.Command {
	flags := genericclioptions.NewConfigFlags(true)
	s := &session{streams: streams, connect: func() (*cluster.Client, error) { return connect(flags) }, open: openBrowser}
	root := rootCommand(s)
	flags.AddFlags(root.PersistentFlags())
	if err := root.RegisterFlagCompletionFunc("namespace", s.completeNamespaces); err != nil {
		panic(err) // the flag exists
	}
	return root
}

func rootCommand(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-btcnet",
		Short: "Live with bitcoin regtest networks",
		Long: "Create BitcoinNetworks and live with them: call their nodes, mine, pay, partition, reorganise, read their logs.\n\n" +
			"The commands need the rights of an editor of the namespace, and none on Secrets: they call bitcoin-cli in the pods.\n" +
			"NAME is a network. A node is NAME/2 by its ordinal, NAME/POD by its pod, or NAME/GROUP/0 by its number in a group.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl btcnet"},
		Args:          noSuchCommand,
		RunE:          func(command *cobra.Command, _ []string) error { return command.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.streams.In)
	root.SetOut(s.streams.Out)
	root.SetErr(s.streams.ErrOut)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return invalid.Errorf("%s: %s --help shows the flags", err.Error(), command.CommandPath())
	})
	root.AddCommand(
		createCommand(s), treeCommand(s), cliCommand(s),
		mineCommand(s), walletCommand(s), fundCommand(s),
		partitionCommand(s), healCommand(s), reorgCommand(s), killCommand(s), pauseCommand(s),
		logsCommand(s), connectCommand(s), uiCommand(s), trafficCommand(s),
		runCommand(s), servePageCommand(s), versionCommand(s),
		snapshotCommand(s), messagesCommand(s), lnCommand(s), importCommand(s),
	)
	return root
}

func noSuchCommand(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return invalid.Errorf("the command %q does not exist: %s --help lists the commands", args[0], command.CommandPath())
	}
	return nil
}

// arguments checks the number of arguments; at most < 0 means any number.
func arguments(least, most int) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return invalid.Errorf("%d arguments are wrong: write %s", len(args), command.UseLine())
		}
		return nil
	}
}

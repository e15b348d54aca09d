// Package cli is the command line of chart-promoter: flags, output and exit codes. One file is one command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// Streams are where results (Out) and everything else (Err) go.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is what the commands share. After the flags are parsed it does not change.
type app struct {
	Streams
	flags
	env    func(string) string
	report *reporter
	// lease has other limits in tests alone.
	lease cluster.LeaseTimes
}

// flags are the flags of all commands.
type flags struct {
	config, dir, work, output string
	dryRun, insecure          bool
}

// Main runs one command and returns its exit code: 0 success, 1 internal error, 2 invalid input, 3 failed test, 4 rejected
// promotion, 5 external failure.
func Main(ctx context.Context, args []string, streams Streams, env func(string) string) int {
	return newApp(streams, env).main(ctx, args)
}

func newApp(streams Streams, env func(string) string) *app {
	return &app{Streams: streams, env: env, report: newReporter(streams.Err)}
}

func (a *app) main(ctx context.Context, args []string) int {
	root := a.root()
	usable := false
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "text" && a.output != "json" {
			return fmt.Errorf("--output is %q, but must be text or json", a.output)
		}
		usable = true
		a.report.open()
		return nil
	}
	root.SetArgs(args)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetIn(a.In)
	err := root.ExecuteContext(ctx)
	a.report.close()
	var skip *step.Skip
	switch {
	case err == nil:
		return 0
	case errors.As(err, &skip):
		return a.skipped(skip)
	case ctx.Err() != nil:
		fmt.Fprintln(a.Err, "chart-promoter: interrupted; run the command again to continue")
		return int(failure.External)
	case errors.Is(err, syscall.ENOSPC):
		err = fmt.Errorf("%w; free space on the disk and run the command again", err)
	}
	fmt.Fprintln(a.Err, "chart-promoter:", err)
	if !usable {
		return int(failure.BadInput)
	}
	return int(failure.Of(err))
}

// skipped ends a command that had nothing to do. A reader of JSON gets a result in this case, too.
func (a *app) skipped(s *step.Skip) int {
	fmt.Fprintln(a.Err, "chart-promoter: nothing to do:", s.Why)
	if a.output == "json" {
		if err := a.result(map[string]string{"skipped": s.Why}); err != nil {
			fmt.Fprintln(a.Err, "chart-promoter:", err)
			return int(failure.Internal)
		}
	}
	return 0
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chart-promoter",
		Short: "Release a commit with a Helm chart through stages to a chart repository",
		Long: `chart-promoter builds the image of a commit, creates a candidate in the QA repository, tests the packaged
chart in a kind cluster, and publishes the same package when it is a release.

Results go to standard output, everything else to standard error.
Exit codes: 0 success, 1 internal error, 2 invalid input, 3 failed test, 4 rejected promotion, 5 external failure.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.config, "config", "c", config.DefaultFile, "configuration file of the pipeline")
	f.StringVarP(&a.dir, "directory", "C", "", "a directory of the source repository (default: that of the configuration)")
	f.StringVar(&a.work, "work-dir", "dist", "directory for the files that one command passes to the next")
	f.StringVarP(&a.output, "output", "o", "text", "format of the result: text or json")
	f.BoolVar(&a.dryRun, "dry-run", false, "print what would be done without changing anything")
	f.BoolVar(&a.insecure, "insecure-registry", false, "use plain HTTP for registries; loopback addresses always allow it")
	addGroup(root, "steps", "The steps, in order:", a.versionCommand(), a.packageCommand(), a.buildCommand(), a.bumpCommand(), a.verifyCommand(), a.promoteCommand(), a.runCommand())
	addGroup(root, "promotion", "Releases and promotions:", a.releaseCommand(), a.approveCommand(), a.statusCommand(), a.yankCommand())
	addGroup(root, "setup", "Setting up a pipeline:", a.initCommand(), a.keygenCommand(), a.doctorCommand(), a.explainCommand(), a.listChangedCommand())
	addGroup(root, "tools", "Other tools:", a.clusterCommand(), a.serveCommand(), a.buildsCommand())
	return root
}

// addGroup adds commands that --help shows together.
func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
	}
	root.AddCommand(commands...)
}

// Package promoter is the command line of chart-promoter: flags, output and exit codes. One file is one command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

// Streams are where results (Out) and everything else (Err) go.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is what the commands share.
type app struct {
	Streams
	env func(string) string

	config, dir, work, output string
	dryRun, insecure          bool
	report                    *reporter
	started                   bool
}

// Main runs one command and gives its exit code: 0 done, 1 a fault of this program, 2 bad input, 3 a failed test, 4 a
// rejected promotion, 5 an external failure.
func Main(ctx context.Context, args []string, streams Streams, env func(string) string) int {
	a := &app{Streams: streams, env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetIn(streams.In)
	err := root.ExecuteContext(ctx)
	if a.report != nil {
		a.report.close()
	}
	if err == nil {
		return 0
	}
	var skip *pipeline.Skip
	if errors.As(err, &skip) {
		return a.skipped(skip)
	}
	kind := failure.Of(err)
	if !a.started {
		kind = failure.BadInput
	}
	if ctx.Err() != nil {
		fmt.Fprintln(streams.Err, "chart-promoter: interrupted; run it again and it goes on from what is there")
		return int(failure.External)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w; make room on the disk and run it again", err)
	}
	fmt.Fprintln(streams.Err, "chart-promoter:", err)
	return int(kind)
}

// skipped ends a command that had nothing to do. Whoever reads its result as JSON gets one then, too.
func (a *app) skipped(s *pipeline.Skip) int {
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
		Short: "Takes a commit with a Helm chart through its stages to a chart repository",
		Long: `chart-promoter builds the image of a commit, makes it a candidate in the QA repository, tests the packaged
chart in a kind cluster, and publishes that very package when it is a release.

Results go to standard output, everything else to standard error.
Exit codes: 0 done, 1 a fault of this program, 2 bad input, 3 a failed test, 4 a rejected promotion, 5 an external failure.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "text" && a.output != "json" {
				return fmt.Errorf("--output is text or json, not %q", a.output)
			}
			a.started = true
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.config, "config", "c", config.DefaultFile, "file that describes the pipeline")
	f.StringVarP(&a.dir, "directory", "C", "", "a directory of the source repository (default: that of the configuration)")
	f.StringVar(&a.work, "work-dir", "dist", "directory where one command leaves files for the next")
	f.StringVarP(&a.output, "output", "o", "text", "form of the result: text or json")
	f.BoolVar(&a.dryRun, "dry-run", false, "say what would be done, and change nothing")
	f.BoolVar(&a.insecure, "insecure-registry", false, "speak plain HTTP to registries; to loopback addresses it is always tried")
	root.AddCommand(
		a.versionCommand(), a.buildCommand(), a.bumpCommand(), a.verifyCommand(), a.promoteCommand(), a.runCommand(),
		a.statusCommand(), a.releaseCommand(), a.approveCommand(), a.yankCommand(), a.explainCommand(), a.doctorCommand(),
		a.keygenCommand(), a.clusterCommand(), a.serveCommand(), a.buildsCommand(), a.initCommand(),
	)
	return root
}

// session opens the configuration. Its root is the top of the repository that holds the file.
func (a *app) session(ctx context.Context) (*pipeline.Session, error) {
	dir := filepath.Dir(a.config)
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if r, err := gitrepo.Open(ctx, dir, gitrepo.Options{}); err == nil {
		root = r.Dir
	}
	cfg, err := config.Load(a.config, root, a.env)
	if err != nil {
		return nil, err
	}
	if a.dir == "" {
		a.dir = root
	}
	work, err := filepath.Abs(a.work)
	if err != nil {
		return nil, err
	}
	a.report = newReporter(a.Err)
	return &pipeline.Session{
		Config: cfg, Dir: a.dir, Work: work, Env: a.env, Report: a.report, DryRun: a.dryRun, Now: time.Now,
		Access: image.Access{Env: a.env, Insecure: a.insecure},
	}, nil
}

// locked is session for commands that leave files in the work directory.
func (a *app) locked(ctx context.Context) (*pipeline.Session, func(), error) {
	s, err := a.session(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := s.Lock()
	return s, unlock, err
}

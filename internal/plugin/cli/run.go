package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/play"
	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

type run struct {
	*session
	set                         []string
	seed                        int64
	network, junit, show, inJob string
	timelines                   []string
	list, validate, keep        bool
	inCluster                   inCluster
}

const runExample = `  # The scenarios that the program has, one of them as a file, and a run of it
  kubectl btcnet run --list
  kubectl btcnet run --show wallet-reorg >my.yaml
  kubectl btcnet run wallet-reorg --set depth=2

  # A file of your own: checked without a cluster, then with reports for CI
  kubectl btcnet run my.yaml --validate
  kubectl btcnet run my.yaml --junit junit.xml --timeline timeline.txt --timeline timeline.json`

func runCommand(s *session) *cobra.Command {
	r := &run{session: s}
	command := &cobra.Command{
		Use:   "run FILE|SCENARIO",
		Short: "Carry out a scenario: steps, and what is expected of the network",
		Long: "Carry out the steps of a YAML file, or of a scenario that the program has, on a network that is created for it and deleted afterwards. The exit\n" +
			"code is 1 when an expectation is not met; the message has file and line, what was expected, what was seen, and since when. A file may run\n" +
			"programs on this machine: run only files that you trust. FILE - is the input. docs/scenarios.md has the format.",
		Example: runExample,
		Args: func(command *cobra.Command, args []string) error {
			if r.list || r.show != "" {
				return arguments(0, 0)(command, args)
			}
			return arguments(1, 1)(command, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return scenario.Ready(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(command *cobra.Command, args []string) error {
			return r.run(command.Context(), args, command.Flags().Changed("seed"))
		},
	}
	r.addFlags(command)
	return command
}

func (r *run) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&r.list, "list", false, "List the scenarios that the program has.")
	flags.StringVar(&r.show, "show", "", "Print a scenario that the program has.")
	flags.BoolVar(&r.validate, "validate", false, "Only check the file, without a cluster.")
	flags.StringArrayVar(&r.set, "set", nil, "Parameter of the scenario: NAME=VALUE. Can be repeated.")
	flags.Int64Var(&r.seed, "seed", 1, "Seed of all random choices. Default: that of the scenario, or 1.")
	flags.StringVar(&r.network, "network", "", "Use an existing network instead of that of the scenario.")
	flags.BoolVar(&r.keep, "keep", false, "Keep the network as it is at the end.")
	flags.StringVar(&r.junit, "junit", "", "File for the result as JUnit XML, a case for each step.")
	flags.StringArrayVar(&r.timelines, "timeline", nil, "File for what happened when: JSON if its name ends in .json, otherwise text. Can be repeated.")
	flags.BoolVar(&r.inCluster.on, "in-cluster", false, "Carry the scenario out in a Job of the namespace, and follow its log.")
	flags.StringVar(&r.inCluster.image, "image", "", "Image of kubectl-btcnet, for --in-cluster.")
	flags.StringVar(&r.inCluster.account, "service-account", "", "Service account with the rights that the scenario needs, for --in-cluster.")
	flags.StringVar(&r.inJob, "in-job", "", "Name of the file in messages. Set by --in-cluster.")
	if err := flags.MarkHidden("in-job"); err != nil {
		panic(err) // the flag exists
	}
}

func (r *run) run(ctx context.Context, args []string, seeded bool) error {
	switch {
	case r.list:
		return r.printList()
	case r.show != "":
		text, ok := scenario.Open(r.show)
		if !ok {
			return noScenario(r.show)
		}
		_, err := r.streams.Out.Write(text)
		return err
	}
	text, name, err := r.read(args[0])
	if err != nil {
		return err
	}
	file := args[0]
	if r.inJob != "" {
		file = r.inJob
	}
	s, err := scenario.Parse(file, text)
	if err != nil {
		return r.problems(file, err)
	}
	values, err := s.Set(r.set)
	if err == nil {
		err = r.inCluster.validate()
	}
	if err != nil {
		return invalid.Errorf("%s", err.Error())
	}
	if !seeded && s.Seed != nil {
		r.seed = *s.Seed
	}
	if r.validate {
		_, err := fmt.Fprintf(r.streams.Out, "%s is valid: %s\n", file, count(int64(len(s.Steps)), "step"))
		return err
	}
	if r.inCluster.on {
		return r.outside(ctx, name, file, text)
	}
	return r.play(ctx, s, name, values)
}

// play carries the scenario out here.
func (r *run) play(ctx context.Context, s *scenario.Scenario, name string, values scenario.Values) error {
	client, err := r.connect()
	if err != nil {
		return err
	}
	p := &play.Player{
		Cluster: client, Scenario: s, Name: name, Values: values, Seed: r.seed, Use: r.network, Keep: r.keep, Report: report.New(name, time.Now),
		Progress: func(format string, args ...any) { fmt.Fprintf(r.streams.Out, format+"\n", args...) },
	}
	err = p.Play(ctx)
	if r.inJob != "" {
		return both(err, r.handOver(p.Report))
	}
	return both(err, r.write(p.Report))
}

// both keeps the error of the scenario, which matters more.
func both(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// write writes the reports, also of a scenario that failed.
func (r *run) write(result *report.Report) error {
	if r.junit != "" {
		text, err := result.JUnit()
		if err == nil {
			err = os.WriteFile(r.junit, text, 0o644) //nolint:gosec // a report is for all
		}
		if err != nil {
			return fmt.Errorf("the JUnit report is not written: %w", err)
		}
	}
	for _, file := range r.timelines {
		text, err := result.Text(), error(nil)
		if strings.EqualFold(filepath.Ext(file), ".json") {
			text, err = result.JSON()
		}
		if err == nil {
			err = os.WriteFile(file, text, 0o644) //nolint:gosec // a report is for all
		}
		if err != nil {
			return fmt.Errorf("the timeline is not written: %w", err)
		}
	}
	return nil
}

// read returns the text of a file or of a scenario that the program has, and the name of the scenario.
func (r *run) read(file string) ([]byte, string, error) {
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".yaml"), ".yml")
	source := r.streams.In
	if file == "-" {
		name = "scenario"
	} else {
		opened, err := os.Open(file) //nolint:gosec // that of the caller
		if errors.Is(err, os.ErrNotExist) {
			if text, ok := scenario.Open(file); ok && file == name {
				return text, name, nil
			}
			return nil, "", noScenario(file)
		}
		if err != nil {
			return nil, "", err
		}
		defer opened.Close() //nolint:errcheck // it was only read
		source = opened
	}
	text, err := io.ReadAll(io.LimitReader(source, scenario.MaxSize+1))
	return text, name, err
}

func noScenario(name string) error {
	return invalid.Errorf("%q is neither a file nor a scenario that the program has%s; kubectl btcnet run --list lists them", name, scenario.NearReady(name))
}

// problems prints what is wrong, a line for each if there are several.
func (r *run) problems(file string, err error) error {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // errors.Join, itself
		list = joined.Unwrap()
	}
	lines := make([]string, len(list))
	for i, one := range list {
		lines[i] = file + ": " + one.Error()
		if problem, found := errors.AsType[*scenario.Problem](one); found {
			lines[i] = fmt.Sprintf("%s:%d: %s", file, problem.Line, problem.Text)
		}
	}
	if len(lines) == 1 {
		return invalid.Errorf("%s", lines[0])
	}
	for _, line := range lines {
		r.note("%s", line)
	}
	return invalid.Errorf("%s has %d mistakes", file, len(lines))
}

func (r *run) printList() error {
	for _, name := range scenario.Ready() {
		text, _ := scenario.Open(name)
		s, err := scenario.Parse(name, text)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(r.streams.Out, "%-16s  %s\n", name, s.Description); err != nil {
			return err
		}
	}
	return nil
}

// Package testrun runs the tests of a commit, a command or the tests of a Helm chart, and reports what they did.
package testrun

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/command"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

var (
	// ErrFailed is the error of tests that failed.
	ErrFailed = failure.New(failure.TestFailed, "the tests failed")
	// ErrHung is the error of tests that did not end in time.
	ErrHung = failure.New(failure.TestFailed, "the tests did not end in time")
	// ErrPrepare is the error of a preparation of tests that failed.
	ErrPrepare = failure.New(failure.TestFailed, "the preparation of the tests failed")
	// ErrNoTests is the error of a command that ran no test at all.
	ErrNoTests = failure.New(failure.TestFailed, "no test was run")
)

const (
	// defaultTimeout ends a command whose configuration has no limit.
	defaultTimeout = 30 * time.Minute
	// defaultGrace is how long tests may take to end after SIGTERM.
	defaultGrace = 5 * time.Second
)

// Runner runs tests.
type Runner struct {
	Work   workdir.Dir
	Report report.Reporter
	// Secrets are withheld from the tests, which are code of the commit.
	Secrets Secrets
	// grace is how long they may take to end after SIGTERM; 0 is defaultGrace.
	grace time.Duration
}

// Command runs a command in dir and reports its output line by line, as command.Run does. An error of the tests comes with a report.
// Errors: ErrFailed, ErrHung, ErrNoTests, failure.ErrInput for a program that cannot be started.
func (r Runner) Command(ctx context.Context, c config.Command, dir string, env []string) (*Report, error) {
	result, ended, err := r.run(ctx, c, dir, env)
	switch {
	case err != nil:
		return result, err
	case ended.TimedOut:
		return result, fmt.Errorf("%w: %s, the limit is %s; see the last lines of their output, or raise the limit",
			ErrHung, strings.Join(c.Command, " "), limit(c))
	}
	return result, outcome(c, result, ended.Exit)
}

// Prepare runs what tests need before they begin, as Command does; what it prints is no test. Errors: ErrPrepare, failure.ErrInput for a
// program that cannot be started.
func (r Runner) Prepare(ctx context.Context, c config.Command, dir string, env []string) error {
	_, ended, err := r.run(ctx, c, dir, env)
	switch {
	case err != nil:
		return err
	case ended.TimedOut:
		return fmt.Errorf("%w: %s did not end within %s; see its last lines, or raise the limit",
			ErrPrepare, strings.Join(c.Command, " "), limit(c))
	case ended.Exit != nil:
		return fmt.Errorf("%w: %s: %w", ErrPrepare, strings.Join(c.Command, " "), ended.Exit)
	}
	return nil
}

func limit(c config.Command) time.Duration { return c.Timeout.Or(defaultTimeout) }

// run runs a command to its end. The report is nil if it was not started. Error: failure.ErrInput.
func (r Runner) run(ctx context.Context, c config.Command, dir string, env []string) (*Report, command.Ended, error) {
	run := command.Command{
		Args: c.Command, Dir: dir, Env: append(r.Secrets.Withhold(os.Environ()), env...), Set: c.Env, Timeout: limit(c),
		Grace: cmp.Or(r.grace, defaultGrace),
	}
	result := newReport(c)
	report.Linef(r.Report, "%s", run)
	ended := command.Run(ctx, run, func(out io.Reader) { r.read(out, result) })
	if ended.Start != nil {
		if ctx.Err() != nil {
			return nil, ended, ctx.Err()
		}
		return nil, ended, fmt.Errorf("%w: start %s: %w", failure.ErrInput, c.Command[0], ended.Start)
	}
	result.finish(ended.Exit == nil, ended.After)
	return result, ended, ctx.Err()
}

// outcome is the error of a command that ended by itself with exit.
func outcome(c config.Command, result *Report, exit error) error {
	switch {
	case result.Failed > 0 || exit != nil && result.Run > 0:
		note := ""
		if exit != nil {
			note = " (" + exit.Error() + ")"
		}
		return fmt.Errorf("%w: %s%s", ErrFailed, result.Summary(), note)
	case exit != nil:
		return fmt.Errorf("%w: %s: %w", ErrFailed, strings.Join(c.Command, " "), exit)
	case result.Run == 0:
		return fmt.Errorf("%w: %s succeeded without a test; check its pattern", ErrNoTests, strings.Join(c.Command, " "))
	}
	return nil
}

func (r Runner) read(out io.Reader, result *Report) {
	in := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := readLine(in)
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if text, show := result.line(line); show {
				report.Linef(r.Report, "%s", text)
			}
		}
		if err != nil {
			return
		}
	}
}

// Recap reports messages of the failed tests again, at the end of a step.
func (r Runner) Recap(result *Report) {
	if result == nil {
		return
	}
	for _, l := range result.Recap() {
		report.Linef(r.Report, "%s", l)
	}
}

// WriteJUnit writes the JUnit file that CI engines show into the work directory.
func (r Runner) WriteJUnit(name string, result *Report) error {
	if result == nil {
		return nil
	}
	data, err := result.JUnit()
	if err != nil {
		return err
	}
	_, err = r.Work.Write(name, data)
	return err
}

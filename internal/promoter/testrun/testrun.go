// Package testrun runs the tests of a commit, a command or the tests of a Helm chart, and reports what they did.
package testrun

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

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
	// ErrNoTests is the error of a command that ran no test at all.
	ErrNoTests = failure.New(failure.TestFailed, "no test was run")
)

// defaultTimeout ends a command whose configuration has no limit.
const defaultTimeout = 30 * time.Minute

// Runner runs tests.
type Runner struct {
	Work   workdir.Dir
	Report report.Reporter
	// Secrets are withheld from the tests, which are code of the commit.
	Secrets Secrets
}

// Command runs a command in dir and reports its output line by line. When it ends, and at its time limit, all that it started ends
// too: a test binary that hangs, and what runs in the background, do not live on. An error of the tests comes with a report. Errors:
// ErrFailed, ErrHung, ErrNoTests.
func (r Runner) Command(ctx context.Context, c config.Command, dir string, env []string) (*Report, error) {
	HideProcess()
	limit := c.Timeout.Or(defaultTimeout)
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	mark := newMark()
	cmd := r.prepare(timed, c, dir, append(slices.Clone(env), mark.variable()))
	// A pipe of the system: with any other writer Wait waits for all that holds the output open, and takes a background process that a
	// test left for a failure.
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	result := newReport(c)
	report.Linef(r.Report, "%s", strings.Join(c.Command, " "))
	start := time.Now()
	if err := cmd.Start(); err != nil {
		in.Close()
		return nil, fmt.Errorf("%w: start %s: %w", failure.ErrInput, c.Command[0], err)
	}
	in.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(out, result)
	}()
	stop := r.heartbeat(timed, start)
	err = cmd.Wait()
	stop()
	// What is left of the group, in the background or ignoring SIGTERM, ends now, and then what left the group.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	mark.kill()
	// Where processes cannot be found by their environment, one that left the group may hold the output open.
	_ = out.SetReadDeadline(time.Now().Add(outputGrace))
	<-done
	result.finish(err == nil, time.Since(start))
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	if timed.Err() != nil {
		return result, fmt.Errorf("%w: %s, the limit is %s; see the last lines of their output, or raise the limit", ErrHung, strings.Join(c.Command, " "), limit)
	}
	return result, outcome(c, result, err)
}

// outputGrace is how long output is read after the command has ended.
const outputGrace = 2 * time.Second

func (r Runner) prepare(ctx context.Context, c config.Command, dir string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(r.Secrets.Withhold(os.Environ()), "PWD="+dir), env...)
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
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

// heartbeat reports once a minute that the command still runs: CI engines end a job that is silent for ten.
func (r Runner) heartbeat(ctx context.Context, start time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		t := time.NewTicker(time.Minute)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				report.Linef(r.Report, "still running after %s", time.Since(start).Round(time.Second))
			}
		}
	}()
	return cancel
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

// Recap reports the first output of the failed tests again, at the end of a step.
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

package pipeline

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// defaultTestTimeout ends a command whose configuration names no limit.
const defaultTestTimeout = 30 * time.Minute

// runTests runs a command in dir and hears its output line by line. When its time is over, the whole process group
// ends: a test binary that hangs, and what it started, do not live on. A report is there also with an error.
// Errors: ErrTest, ErrHung, ErrNoTests.
func (s *Session) runTests(ctx context.Context, c config.Command, dir string, env []string) (*TestReport, error) {
	limit := c.Timeout.Or(defaultTestTimeout)
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(timed, c.Command[0], c.Command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(s.withoutSecrets(os.Environ()), "PWD="+dir), env...)
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	report := newReport(c)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		s.hear(out, report)
	}()
	s.line("%s", strings.Join(c.Command, " "))
	start := time.Now()
	err := cmd.Start()
	if err != nil {
		in.Close()
		<-heard
		return nil, fmt.Errorf("%w: %s cannot be started: %w", ErrInput, c.Command[0], err)
	}
	quiet := s.heartbeat(timed, start)
	err = cmd.Wait()
	quiet()
	// What is left of the group, in the background or deaf to SIGTERM, ends now.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	in.Close()
	<-heard
	report.finish(err == nil, time.Since(start))
	switch {
	case ctx.Err() != nil:
		return report, ctx.Err()
	case timed.Err() != nil:
		return report, fmt.Errorf("%w: %s, the limit is %s; see what they printed last, or raise the limit", ErrHung, strings.Join(c.Command, " "), limit)
	case report.Failed > 0 || err != nil && report.Run > 0:
		return report, fmt.Errorf("%w: %s%s", ErrTest, report.Summary(), exitNote(err))
	case err != nil:
		return report, fmt.Errorf("%w: %s: %w", ErrTest, strings.Join(c.Command, " "), err)
	case report.Run == 0:
		return report, fmt.Errorf("%w: %s ended well without a test; check its pattern", ErrNoTests, strings.Join(c.Command, " "))
	}
	return report, nil
}

func exitNote(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

// heartbeat says once a minute that the command still runs: CI engines end a job that is silent for ten.
func (s *Session) heartbeat(ctx context.Context, start time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		t := time.NewTicker(time.Minute)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				s.line("still running after %s", time.Since(start).Round(time.Second))
			}
		}
	}()
	return cancel
}

func (s *Session) hear(out io.Reader, report *TestReport) {
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if say, ok := report.line(line); ok {
				s.line("%s", say)
			}
		}
		if err != nil {
			return
		}
	}
}

// withoutSecrets is the environment for tests: they are code of the commit, and get no key and no token.
func (s *Session) withoutSecrets(env []string) []string {
	secret := ci.Withheld()
	passwords := s.passwords()
	for _, st := range s.Config.Stages {
		if st.Key.Env != "" {
			secret = append(secret, st.Key.Env)
		}
		if st.Publish != nil && st.Publish.PGP != nil {
			secret = append(secret, st.Publish.PGP.Key.Env, st.Publish.PGP.Passphrase.Env)
		}
	}
	var kept []string
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if slices.ContainsFunc(passwords, func(p string) bool { return strings.Contains(v, p) }) {
			continue
		}
		// Git's variables of a hook would make the tests' own git commands work on the wrong repository.
		if !slices.Contains(secret, k) && k != "GIT_DIR" && k != "GIT_WORK_TREE" && k != "GIT_INDEX_FILE" && k != "PWD" {
			kept = append(kept, kv)
		}
	}
	return kept
}

// recap repeats at the end of a step what the failed tests said.
func (s *Session) recap(r *TestReport) {
	if r == nil {
		return
	}
	for _, l := range r.Recap() {
		s.line("%s", l)
	}
}

// passwords are those within the addresses of the configuration, which come there by a variable.
func (s *Session) passwords() (list []string) {
	addresses := []string{s.Config.Source.Git}
	for _, st := range s.Config.Stages {
		if st.Candidate != nil {
			addresses = append(addresses, st.Candidate.Git)
		}
		if st.Publish != nil {
			addresses = append(addresses, st.Publish.Git)
		}
	}
	for _, a := range addresses {
		scheme, user, _ := gitrepo.SplitUser(a)
		if scheme == "ssh://" {
			continue
		}
		secret := user // https://TOKEN@host
		if _, p, ok := strings.Cut(user, ":"); ok {
			secret = p
		}
		if len(secret) < 4 {
			continue
		}
		list = append(list, secret)
		// The variable has it as the address needs it; another may have it as it is.
		if plain, err := url.PathUnescape(secret); err == nil && plain != secret {
			list = append(list, plain)
		}
	}
	return list
}

// keepReport writes the JUnit file that CI engines show.
func (s *Session) keepReport(name string, r *TestReport) error {
	if r == nil {
		return nil
	}
	data, err := r.JUnit()
	if err != nil {
		return err
	}
	_, err = s.keep(name, data)
	return err
}

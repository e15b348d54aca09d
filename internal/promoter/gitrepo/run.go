package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// call is one run of git.
type call struct {
	args  []string
	stdin string
	env   []string
	// remote is the URL this call talks to; credentials are offered to it alone.
	remote  string
	network bool
	// stderr gets what git printed beside its result; nil drops it.
	stderr *string
	// own uses no credentials but those of git's own configuration.
	own bool
}

// commandError is a git command that failed; Stderr is redacted.
type commandError struct {
	verb   string
	Stderr string
	Stdout string
	err    error
}

func (e *commandError) Error() string {
	msg := firstError(e.Stderr)
	if msg == "" {
		msg = e.err.Error()
	}
	if from := serverLines(e.Stderr); from != "" && !strings.Contains(msg, from) {
		msg += "; the server reports: " + from
	}
	return "git " + e.verb + ": " + msg
}

func (e *commandError) Unwrap() error { return e.err }

// Kind is Internal: callers wrap it in an error that knows more.
func (e *commandError) Kind() failure.Kind { return failure.Internal }

func (r *Repo) git(ctx context.Context, args ...string) (string, error) {
	return r.run(ctx, call{args: args})
}

// remote runs a git that may talk to the network; url may be empty for the remote of a partial clone.
func (r *Repo) remote(ctx context.Context, url string, args ...string) (string, error) {
	if url == "" {
		url = r.originURL(ctx)
	}
	return r.run(ctx, call{args: args, remote: url, network: true})
}

// readOrigin is remote for commands that read origin. What the clone was created with comes first: in CI, the given credentials may be those
// of the repository that is pushed to.
func (r *Repo) readOrigin(ctx context.Context, args ...string) (string, error) {
	out, err := r.run(ctx, call{args: args, remote: r.originURL(ctx), network: true, own: true})
	if err == nil || r.opts.credentials(r.originURL(ctx)) == (ci.GitCredentials{}) || !errors.Is(err, ErrAuth) && !errors.Is(err, ErrUnreachable) || errors.Is(err, errEndless) {
		return out, err
	}
	return r.remote(ctx, "", args...)
}

func (r *Repo) originURL(ctx context.Context) string {
	if r.url != "" || r.Dir == "" {
		return r.url
	}
	out, err := r.git(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

func (r *Repo) run(ctx context.Context, c call) (string, error) {
	question := r.question(c)
	if answer, known := r.opts.Answers.get(question); known {
		return answer, nil
	}
	if err := rejectOld(ctx); err != nil {
		return "", err
	}
	cred := r.opts.credentials(c.remote)
	if c.own {
		cred = ci.GitCredentials{}
	}
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	cmd := exec.CommandContext(running, "git", c.args...)
	cmd.Dir = r.Dir
	cmd.Env = append(environment(os.Environ(), c.args[0], c.remote, cred, r.opts.timeout()), c.env...)
	cmd.Env = append(cmd.Env, r.sshCommand(ctx, cmd.Env, c)...)
	// git starts child processes (ssh, remote-https) that outlive it; the whole group ends with the context. Without a terminal, which a
	// session of its own has not, ssh-keygen fails where it would wait for a passphrase.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// SIGTERM lets git remove its locks and half of a pack; what ignores it is killed below.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if c.network {
		defer r.limit(c, cmd, end)()
	}
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	if c.network && r.opts.Log != nil {
		r.opts.Log("git " + c.args[0] + " " + redact(c.remote))
	}
	err := cmd.Run()
	if running.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if c.stderr != nil {
		*c.stderr = hide(errOut.String(), cred)
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("git %s: %w", c.args[0], ctx.Err())
	}
	if err != nil && running.Err() != nil {
		return "", unending(running, c, hide(errOut.String(), cred))
	}
	if err == nil {
		r.opts.Answers.keep(question, out.String())
		return out.String(), nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("git is not installed; install it and run this again: %w", err)
	}
	ce := &commandError{verb: c.args[0], Stderr: hide(errOut.String(), cred), Stdout: hide(out.String(), cred), err: err}
	return out.String(), classify(ce, c)
}

// environment is the caller's without git's own variables for the present directory (a hook sets them), with
// settings that preserve bytes and never prompt, with credentials for this one remote, and with a timeout for a server
// that accepts a connection and stays silent.
func environment(base []string, verb, remote string, cred ci.GitCredentials, timeout time.Duration) []string {
	drop := map[string]bool{
		"GIT_DIR": true, "GIT_WORK_TREE": true, "GIT_INDEX_FILE": true, "GIT_OBJECT_DIRECTORY": true, "GIT_PREFIX": true,
		"GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_COMMON_DIR": true, "GIT_NAMESPACE": true, "GIT_CONFIG_PARAMETERS": true,
		"LC_ALL": true, "LANGUAGE": true, "GIT_TERMINAL_PROMPT": true, "GIT_TRACE": true, "GIT_TRACE_CURL": true, "GIT_CURL_VERBOSE": true,
	}
	var env []string
	n := 0
	for _, kv := range base {
		k, v, _ := strings.Cut(kv, "=")
		if k == "GIT_CONFIG_COUNT" {
			n, _ = strconv.Atoi(v)
			continue
		}
		if !drop[k] {
			env = append(env, kv)
		}
	}
	env = append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_MERGE_AUTOEDIT=no")
	extra, vars := credentialSettings(cred, remote)
	env = append(env, vars...)
	for _, s := range append(settings(verb, timeout), extra...) {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", n, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, s[1]))
		n++
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", n))
}

func hasKey(env []string, key string) bool {
	for _, kv := range env {
		if strings.HasPrefix(kv, key+"=") {
			return true
		}
	}
	return false
}

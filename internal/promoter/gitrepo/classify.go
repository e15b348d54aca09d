package gitrepo

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// classify returns the typed errors that callers check for; git reports them only as text.
func classify(e *commandError, c call) error {
	text := strings.ToLower(e.Stderr)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	where := redact(c.remote)
	switch {
	case has("no space left on device"):
		return fmt.Errorf("%w: %w", syscall.ENOSPC, e)
	case has("detected dubious ownership", "unsafe repository"):
		return fmt.Errorf("%w; if its files can be trusted, run %s: %w", ErrOwnership, ownershipRemedy(e.Stderr), e)
	case has("unknown option `", "unknown switch `"):
		return fmt.Errorf("%w: %s or later is required: %w", ErrTooOld, MinVersion, e)
	case has("not a git repository") && !c.network:
		return fmt.Errorf("%w: run this inside a clone, or name one: %w", ErrNotARepository, e)
	case !c.network:
		return e
	case has("authentication failed", "could not read username", "could not read password", "permission denied",
		"invalid username or password", "terminal prompts disabled", "returned error: 403", "returned error: 401"):
		return fmt.Errorf("%w: %s: check the user and token given in the environment%s: %w", ErrAuth, where, tokenVariables(c.remote), e)
	case has("could not resolve host", "couldn't connect", "failed to connect", "connection refused", "connection timed out",
		"does not appear to be a git repository", "not found", "does not exist", "unable to access", "could not read from remote", "operation too slow"):
		return fmt.Errorf("%w: %s: check the address and the network: %w", ErrUnreachable, where, e)
	}
	return e
}

// firstError is the line of git's output that explains a failure.
func firstError(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	for _, l := range lines {
		for _, p := range []string{"fatal: ", "error: "} {
			if rest, ok := strings.CutPrefix(l, p); ok {
				return rest
			}
		}
	}
	return report.Printable(lines[len(lines)-1])
}

// serverLines are the lines that a server or one of its hooks printed, in one line: they have the reason of a rejected push. They are
// foreign text.
func serverLines(stderr string) string {
	var lines []string
	for _, l := range strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' }) {
		rest, ok := strings.CutPrefix(l, "remote:")
		if rest = strings.TrimSpace(report.Printable(rest)); ok && rest != "" {
			lines = append(lines, strings.TrimPrefix(rest, "error: "))
		}
	}
	return report.Printable(strings.Join(lines, " "))
}

// ownershipRemedy is the command that git itself recommends for a repository of another user.
func ownershipRemedy(stderr string) string {
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "git config ") && strings.Contains(line, "safe.directory") {
			return report.Printable(line)
		}
	}
	return "git config --global --add safe.directory DIRECTORY"
}

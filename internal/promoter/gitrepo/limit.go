package gitrepo

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// errEndless: another attempt, with other credentials or other arguments, would take as long.
var errEndless = failure.New(failure.External, "the server does not end the command")

// The limits of one command that talks to a server, as multiples of Options.Timeout: servers that are not silent, such as one with a hook
// that hangs, or one that sends a byte a second, would keep it forever. A fetch may download a large repository over a slow line.
const (
	shortLimit = 10
	fetchLimit = 60
)

// maxPrinted is the most bytes of messages of a server and its hooks.
const maxPrinted = 16 << 20

// total is how long a command that talks to a server may take.
func (o Options) total(verb string) time.Duration {
	switch verb {
	case "ls-remote", "push":
		return shortLimit * o.timeout()
	}
	return fetchLimit * o.timeout() // a checkout and a reset fetch too, in a partial clone
}

// limit ends a command that takes too long or prints too much. The caller calls stop when the command has ended.
func (r *Repo) limit(c call, cmd *exec.Cmd, end context.CancelCauseFunc) (stop func()) {
	total := r.opts.total(c.args[0])
	timer := time.AfterFunc(total, func() { end(fmt.Errorf("%w: git %s takes more than %s", errEndless, c.args[0], total)) })
	cmd.Stderr = &printer{Writer: cmd.Stderr, left: maxPrinted, over: func() {
		end(fmt.Errorf("%w: git %s prints more than %d bytes of messages", errEndless, c.args[0], maxPrinted))
	}}
	return func() { timer.Stop() }
}

// printer drops what is over a limit until the command is ended.
type printer struct {
	io.Writer
	left int
	over func()
}

func (p *printer) Write(text []byte) (int, error) {
	if p.left -= len(text); p.left < 0 {
		p.over()
		return len(text), nil
	}
	return p.Writer.Write(text)
}

// unending is the error of a command that reached a limit.
func unending(ctx context.Context, c call, stderr string) error {
	err := fmt.Errorf("%w: %s: %w", ErrUnreachable, redact(c.remote), context.Cause(ctx))
	if from := serverLines(stderr); from != "" {
		return fmt.Errorf("%w; the server reports: %s", err, from)
	}
	return err
}

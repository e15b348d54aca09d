//go:build linux

package supervisor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

const (
	// outputTimeout bounds how long the output of a process that ended is read: what it started may have its file open.
	outputTimeout = time.Second
	// readyInterval between requests to a node that has not answered yet, and their timeout, which is long for the reason that
	// readinessProbe of package resources gives.
	readyInterval = 250 * time.Millisecond
	readyTimeout  = time.Minute
)

// node is one slot of the pod. It exists from its first start on, so that its counts never go back.
type node struct {
	*supervisor
	conf conf
	path string

	mu       sync.Mutex
	state    api.Node
	answered bool
}

// keep runs the node until the context ends. It returns when its process has ended.
func (n *node) keep(ctx context.Context) {
	var delay time.Duration
	for ctx.Err() == nil {
		began := n.now()
		exit := n.once(ctx)
		n.ended(exit, ctx.Err() == nil)
		if ctx.Err() != nil {
			return
		}
		delay = nextDelay(delay, exit.At.Sub(began))
		n.lines.printf(n.state.Slot, "the process ended with exit code %d and starts again in %v", exit.Code, delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// once starts the process and waits for its end.
func (n *node) once(ctx context.Context) api.Exit {
	var keep tail
	child, read, err := n.begin(&keep)
	if err != nil {
		return api.Exit{Code: 127, At: n.now(), Output: truncate.UTF8(err.Error(), api.MaxOutputBytes)}
	}
	answered := n.awaitAnswer(child)
	select {
	case <-child.ended:
	case <-ctx.Done():
		n.end(child)
	}
	<-answered
	select {
	case <-read:
	case <-time.After(outputTimeout):
	}
	exit := api.Exit{Code: child.status.ExitStatus(), At: n.now(), Output: keep.cause()}
	if child.status.Signaled() {
		exit.Signal = int(child.status.Signal())
		exit.Code = 128 + exit.Signal
	}
	return exit
}

// begin writes what the process reads and starts it. read is closed when all of its output has been.
func (n *node) begin(keep *tail) (child *process, read chan struct{}, err error) {
	for _, dir := range []string{filepath.Dir(n.path), n.conf.dataDir} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, nil, err
		}
	}
	if err := os.WriteFile(n.path, []byte(n.conf.text), 0o600); err != nil {
		return nil, nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer writer.Close() //nolint:errcheck // the process has its own
	child, err = n.processes.start(n.Program, append(append([]string{}, n.Command...), "-conf="+n.path), n.env, writer)
	if err != nil {
		_ = reader.Close() //nolint:errcheck // nothing was written
		return nil, nil, err
	}
	n.mu.Lock()
	n.state.Started, n.state.Running, n.state.Since = n.state.Started+1, true, n.now()
	n.mu.Unlock()
	read = make(chan struct{})
	go func() {
		defer close(read)
		defer reader.Close() //nolint:errcheck // read to its end
		n.lines.copy(n.state.Slot, reader, keep)
	}()
	return child, read, nil
}

// end asks the process to end, and kills it when the grace period is over.
func (n *node) end(child *process) {
	child.signal(syscall.SIGTERM)
	select {
	case <-child.ended:
		return
	case <-time.After(n.Grace):
	}
	n.lines.printf(n.state.Slot, "the process did not end within %v and is killed", n.Grace)
	child.signal(syscall.SIGKILL)
	<-child.ended
}

func (n *node) ended(exit api.Exit, unasked bool) {
	n.mu.Lock()
	n.state.Running, n.state.Since = false, exit.At
	if unasked {
		n.state.Exits++
		n.state.LastExit = &exit
	}
	n.mu.Unlock()
	n.nodeChanged()
}

// awaitAnswer asks the node until it has answered for the first time since the container began. The channel is closed when nothing is
// asked any more.
func (n *node) awaitAnswer(child *process) <-chan struct{} {
	finished := make(chan struct{})
	n.mu.Lock()
	known := n.answered
	n.mu.Unlock()
	if known {
		close(finished)
		return finished
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-child.ended
		cancel()
	}()
	go func() {
		defer close(finished)
		for !n.answers(ctx) {
			select {
			case <-time.After(readyInterval):
			case <-ctx.Done():
				return
			}
		}
		n.mu.Lock()
		n.answered = true
		n.mu.Unlock()
		n.nodeChanged()
	}()
	return finished
}

func (n *node) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return n.rest.ok(ctx, fmt.Sprintf("http://127.0.0.1:%d/rest/chaininfo.json", n.conf.rpcPort))
}

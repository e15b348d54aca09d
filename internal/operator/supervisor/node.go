//go:build linux

package supervisor

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/nodelog"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

const (
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
		n.printf(n.state.Slot, "the process ended with exit code %d and starts again in %v", exit.Code, delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// once starts the process and waits for its end.
func (n *node) once(ctx context.Context) api.Exit {
	var keep podprogram.Tail
	child, err := n.begin(&keep)
	if err != nil {
		return api.Exit{Code: 127, At: n.now(), Output: truncate.UTF8(err.Error(), api.MaxOutputBytes)}
	}
	answered := n.awaitAnswer(child)
	select {
	case <-child.Ended():
	case <-ctx.Done():
		child.Stop(n.Grace, func() { n.printf(n.state.Slot, "the process did not end within %v and is killed", n.Grace) })
	}
	<-answered
	code, signal := child.Exit()
	return api.Exit{Code: code, Signal: int(signal), At: n.now(), Output: causeIn(keep.Text())}
}

// causeIn an output is the line of it that reports the end of the process.
func causeIn(output string) string { return truncate.UTF8(nodelog.Cause(output), api.MaxOutputBytes) }

// begin writes what the process reads and starts it.
func (n *node) begin(keep *podprogram.Tail) (*podprogram.Child, error) {
	for _, dir := range []string{filepath.Dir(n.path), n.conf.dataDir} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(n.path, []byte(n.conf.text), 0o600); err != nil {
		return nil, err
	}
	argv := append(append([]string{}, n.Command...), "-conf="+n.path)
	child, err := n.children.Start(n.Program, argv, n.env, func(output io.Reader) { n.lines.Copy(prefixOf(n.state.Slot), output, keep) })
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.state.Started, n.state.Running, n.state.Since = n.state.Started+1, true, n.now()
	n.mu.Unlock()
	return child, nil
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
func (n *node) awaitAnswer(child *podprogram.Child) <-chan struct{} {
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
		<-child.Ended()
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

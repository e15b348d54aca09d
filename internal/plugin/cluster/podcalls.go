package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// errLost means that the process in a pod ended before the calls that it carried out.
var errLost = errors.New("the connection to its pod ended")

// podCalls is one process in a pod with several nodes, which calls bitcoin-cli for all of them. It is used when it has reported that it
// is ready: the pods of earlier releases do not have it.
type podCalls struct {
	lines chan []byte
	// ready is closed when the process takes calls, and ended when it has ended or never began. err is then why.
	ready, ended chan struct{}
	err          error
	// end lets the process end, and waits for it.
	end func()

	mu      sync.Mutex
	last    int
	waiting map[int]*podCall
}

// podCall is a call that has not ended.
type podCall struct {
	out, errOut io.Writer
	exit        chan int
}

func (c *Client) openPod(ctx context.Context, pod string) *podCalls {
	ctx, cancel := context.WithCancel(ctx)
	p := &podCalls{lines: make(chan []byte), ready: make(chan struct{}), ended: make(chan struct{}), waiting: map[int]*podCall{}}
	in, toProcess := io.Pipe()
	fromProcess, out := io.Pipe()
	p.end = func() {
		_ = toProcess.Close() //nolint:errcheck // never fails
		select {
		case <-p.ended:
		case <-time.After(endTimeout):
			cancel()
			<-p.ended
		}
	}
	go p.write(toProcess)
	read := make(chan error, 1)
	go func() {
		err := p.read(fromProcess)
		if err != nil {
			cancel()
		}
		_ = fromProcess.CloseWithError(errLost) //nolint:errcheck // never fails
		read <- err
	}()
	go func() {
		defer cancel()
		command := []string{resources.ProgramPath(api.Program), "--" + api.CallsFlag}
		err := c.Pods.Exec(ctx, c.Namespace, pod, command, in, out, io.Discard)
		_ = in.CloseWithError(errLost) //nolint:errcheck // never fails
		_ = out.Close()                //nolint:errcheck // never fails
		p.err = p.cause(<-read, err)
		close(p.ended)
	}()
	return p
}

// write passes the lines of the calls on: a stream that is stuck must not stop those who wait.
func (p *podCalls) write(to io.Writer) {
	for {
		select {
		case line := <-p.lines:
			_, _ = to.Write(line) //nolint:errcheck // the process has ended, which its calls see
		case <-p.ended:
			return
		}
	}
}

// cause is why the process ended: what it wrote is no output of the program, or the stream broke.
func (p *podCalls) cause(read, stream error) error {
	if _, exited := errors.AsType[exec.CodeExitError](stream); read != nil {
		return read
	} else if stream == nil || exited {
		return errLost
	}
	return stream
}

// read passes the output of the process on to its calls, until its end.
func (p *podCalls) read(from io.Reader) error {
	lines := bufio.NewReaderSize(from, api.MaxPartLine)
	for first := true; ; first = false {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var part api.Part
		if err == nil {
			err = json.Unmarshal(line, &part)
		}
		if err == nil && part.Ready != first {
			err = errors.New("it is ready twice, or not at all")
		}
		if err != nil {
			return fmt.Errorf("its supervisor answers with garbage: %w", err)
		}
		if first {
			close(p.ready)
			continue
		}
		p.take(part)
	}
}

func (p *podCalls) take(part api.Part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	call := p.waiting[part.ID]
	if call == nil { // cancelled
		return
	}
	_, _ = call.out.Write(part.Out)    //nolint:errcheck // in memory
	_, _ = call.errOut.Write(part.Err) //nolint:errcheck // in memory
	if part.Exit != nil {
		delete(p.waiting, part.ID)
		call.exit <- *part.Exit
	}
}

// available waits until the process takes calls. It reports false for a pod whose nodes have to be called one by one.
func (p *podCalls) available(ctx context.Context, node string) (bool, error) {
	limit := time.NewTimer(callTimeout)
	defer limit.Stop()
	select {
	case <-p.ready:
	case <-p.ended:
		return false, ctx.Err()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-limit.C:
		return false, &NodeError{Pod: node, Text: fmt.Sprintf("no answer within %s", callTimeout)}
	}
	select {
	case <-p.ended:
		return false, nil
	default:
		return true, nil
	}
}

// call carries out a call. The error is an *ExitError with the exit code of bitcoin-cli, or why there is none.
func (p *podCalls) call(ctx context.Context, slot int, arguments []string, out, errOut io.Writer) error {
	call := &podCall{out, errOut, make(chan int, 1)}
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = call
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, id)
	}()
	if err := p.send(ctx, api.Call{ID: id, Slot: slot, Arguments: arguments}); err != nil {
		return err
	}
	select {
	case code := <-call.exit:
		return exitError(code)
	case <-p.ended:
		select {
		case code := <-call.exit: // its last line
			return exitError(code)
		default:
			return p.err
		}
	case <-ctx.Done():
		p.cancel(id)
		return ctx.Err()
	}
}

func exitError(code int) error {
	if code == 0 {
		return nil
	}
	return &ExitError{Program: "bitcoin-cli", Code: code}
}

// endTimeout is long enough for one line, and short for a person who waits for the end of the program.
const endTimeout = time.Second

func (p *podCalls) cancel(id int) {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	_ = p.send(ctx, api.Call{ID: id, Cancel: true}) //nolint:errcheck // the process ends with the stream
}

func (p *podCalls) send(ctx context.Context, call api.Call) error {
	raw, err := json.Marshal(call)
	if err != nil {
		return err
	}
	select {
	case p.lines <- append(raw, '\n'):
		return nil
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

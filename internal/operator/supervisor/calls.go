package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// outputDelay bounds how long the output of bitcoin-cli is read once it has been killed.
const outputDelay = time.Second

// CLI runs one call for the node in a slot, and returns its exit code.
type CLI func(ctx context.Context, slot int, arguments []string, out, errOut io.Writer) int

// BitcoinCLI is the program of the node image, with the configurations of the nodes.
func BitcoinCLI(nodesDir string) (CLI, error) {
	path, err := exec.LookPath("bitcoin-cli")
	if err != nil {
		return nil, fmt.Errorf("the node image has no bitcoin-cli on its PATH: set another image in spec.image (%w)", err)
	}
	return func(ctx context.Context, slot int, arguments []string, out, errOut io.Writer) int {
		conf := filepath.Join(nodesDir, strconv.Itoa(slot), "bitcoin.conf")
		command := exec.CommandContext(ctx, path, append([]string{"-conf=" + conf}, arguments...)...) //nolint:gosec // what kubectl exec would run
		command.Stdout, command.Stderr, command.WaitDelay = out, errOut, outputDelay
		err := command.Run()
		if exit, exited := errors.AsType[*exec.ExitError](err); exited {
			if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return 128 + int(status.Signal())
			}
			return exit.ExitCode()
		}
		if err != nil {
			fmt.Fprintln(errOut, err)
			return 126
		}
		return 0
	}, nil
}

// callServer carries out the calls of one input.
type callServer struct {
	cli CLI
	out io.Writer
	// turn is held while a line is written. It is no mutex: when nobody reads the output, the others wait for it until the input ends.
	turn    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	cancels map[int]context.CancelFunc
}

// Calls carries out the calls that are read from in, each at once: the caller decides how many they are. It returns when the input or the
// context ends, and kills the processes that still run: nobody waits for them.
func Calls(ctx context.Context, in io.Reader, out io.Writer, cli CLI) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &callServer{cli: cli, out: out, turn: make(chan struct{}, 1), cancels: map[int]context.CancelFunc{}}
	defer s.end(cancel)
	if err := s.write(ctx, api.Part{Ready: true}); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.read(ctx, in) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (s *callServer) read(ctx context.Context, in io.Reader) error {
	decoder := json.NewDecoder(in)
	for {
		var call api.Call
		err := decoder.Decode(&call)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("read a call: %w", err)
		case call.Cancel:
			s.mu.Lock()
			if cancel := s.cancels[call.ID]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		default:
			if err := s.begin(ctx, call); err != nil {
				return err
			}
		}
	}
}

// end returns when all processes have ended.
func (s *callServer) end(cancel context.CancelFunc) {
	s.mu.Lock() // none begins afterwards
	cancel()
	s.mu.Unlock()
	s.running.Wait()
}

// begin starts a call. One with the ID of another that runs ends the program: no line of the output could be about one of them only.
func (s *callServer) begin(ctx context.Context, call api.Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil
	case s.cancels[call.ID] != nil:
		return fmt.Errorf("a call has the ID %d of another one that has not ended", call.ID)
	}
	each, cancel := context.WithCancel(ctx)
	s.cancels[call.ID] = cancel
	s.running.Add(1)
	go func() {
		code := func() int {
			defer s.running.Done()
			out := part(func(piece []byte) error { return s.write(ctx, api.Part{ID: call.ID, Out: piece}) })
			errOut := part(func(piece []byte) error { return s.write(ctx, api.Part{ID: call.ID, Err: piece}) })
			return s.cli(each, call.Slot, call.Arguments, out, errOut)
		}()
		cancel()
		s.mu.Lock()
		delete(s.cancels, call.ID)
		s.mu.Unlock()
		_ = s.write(ctx, api.Part{ID: call.ID, Exit: &code}) //nolint:errcheck // nobody reads it any more
	}()
	return nil
}

// write writes a line as a whole. It returns when the context ends, also while nobody reads the line: the end of a process waits for that
// of its output.
func (s *callServer) write(ctx context.Context, line api.Part) error {
	raw, err := json.Marshal(line)
	if err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	written := make(chan error, 1)
	go func() {
		_, err := s.out.Write(append(raw, '\n'))
		<-s.turn
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// part gets the output of a call in pieces of at most MaxPartBytes.
type part func(piece []byte) error

func (p part) Write(text []byte) (int, error) {
	for written := 0; written < len(text); {
		piece := text[written:min(len(text), written+api.MaxPartBytes)]
		if err := p(piece); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return len(text), nil
}

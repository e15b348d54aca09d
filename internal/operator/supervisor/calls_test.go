package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// caller is the other end of Calls.
type caller struct {
	t     *testing.T
	in    *io.PipeWriter
	lines *bufio.Scanner
	ended chan error
}

func newCaller(t *testing.T, cli CLI) *caller {
	t.Helper()
	in, toCalls := io.Pipe()
	fromCalls, out := io.Pipe()
	c := &caller{t: t, in: toCalls, lines: bufio.NewScanner(fromCalls), ended: make(chan error, 1)}
	c.lines.Buffer(nil, api.MaxPartLine)
	go func() {
		c.ended <- Calls(t.Context(), in, out, cli)
		_ = out.Close() //nolint:errcheck // never fails
	}()
	if first := c.next(); !first.Ready {
		t.Fatalf("the first line is %+v", first)
	}
	return c
}

func (c *caller) call(call api.Call) {
	c.t.Helper()
	if err := json.NewEncoder(c.in).Encode(call); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) next() api.Part {
	c.t.Helper()
	var part api.Part
	if !c.lines.Scan() {
		c.t.Fatalf("no line: %v", c.lines.Err())
	}
	if err := json.Unmarshal(c.lines.Bytes(), &part); err != nil {
		c.t.Fatal(err)
	}
	return part
}

// end ends the input.
func (c *caller) end() error {
	c.t.Helper()
	_ = c.in.Close() //nolint:errcheck // never fails
	select {
	case err := <-c.ended:
		return err
	case <-time.After(20 * time.Second):
		c.t.Fatal("it does not end with its input")
		return nil
	}
}

func TestACallIsCancelledAlone(t *testing.T) {
	c := newCaller(t, func(ctx context.Context, slot int, _ []string, out, _ io.Writer) int {
		fmt.Fprint(out, slot)
		if slot == 1 {
			<-ctx.Done()
		}
		return slot
	})
	c.call(api.Call{ID: 10, Slot: 1})
	if got := c.next(); got.ID != 10 || string(got.Out) != "1" || got.Exit != nil {
		t.Errorf("the first call writes %+v", got)
	}
	c.call(api.Call{ID: 11, Slot: 2})
	if got := c.next(); got.ID != 11 || string(got.Out) != "2" {
		t.Errorf("the second call writes %+v", got)
	}
	if got := c.next(); got.ID != 11 || got.Exit == nil || *got.Exit != 2 {
		t.Errorf("the second call ends with %+v", got)
	}
	c.call(api.Call{ID: 99, Cancel: true})
	c.call(api.Call{ID: 10, Cancel: true})
	if got := c.next(); got.ID != 10 || got.Exit == nil {
		t.Errorf("the cancelled call ends with %+v", got)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

func TestTheEndOfTheInputEndsItsCalls(t *testing.T) {
	began, killed := make(chan bool), make(chan bool, 1)
	c := newCaller(t, func(ctx context.Context, _ int, _ []string, _, _ io.Writer) int {
		close(began)
		<-ctx.Done()
		killed <- true
		return 0
	})
	c.call(api.Call{ID: 1})
	<-began
	if err := c.end(); err != nil {
		t.Error(err)
	}
	select {
	case <-killed:
	default:
		t.Error("it ends before its calls")
	}
}

func TestALargeOutputIsWrittenInPieces(t *testing.T) {
	text := make([]byte, 3*api.MaxPartBytes+1)
	c := newCaller(t, func(_ context.Context, _ int, _ []string, out, errOut io.Writer) int {
		if n, err := out.Write(text); n != len(text) || err != nil {
			t.Errorf("%d bytes were written: %v", n, err)
		}
		fmt.Fprint(errOut, "error")
		return 7
	})
	c.call(api.Call{ID: 1})
	size, failure := 0, ""
	for {
		part := c.next()
		size, failure = size+len(part.Out), failure+string(part.Err)
		if part.Exit != nil {
			break
		}
	}
	if size != len(text) || failure != "error" {
		t.Errorf("%d bytes arrived, and %q", size, failure)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

func TestInputThatIsNoCallEndsTheProgram(t *testing.T) {
	c := newCaller(t, nil)
	if _, err := io.WriteString(c.in, "getblockcount\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.end(); err == nil {
		t.Error("it is taken for a call")
	}
}

// Nobody reads any more when kubectl is gone, and the processes must end nevertheless: one writes, and the other waits for its turn.
func TestTheEndOfTheInputEndsCallsWhoseOutputNobodyReads(t *testing.T) {
	dir := t.TempDir()
	// It writes more than anybody reads. The first line has its process.
	program := "#!/bin/sh\necho $$\nexec yes\n"
	if err := os.WriteFile(filepath.Join(dir, "bitcoin-cli"), []byte(program), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	cli, err := BitcoinCLI(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := newCaller(t, cli)
	c.call(api.Call{ID: 1})
	c.call(api.Call{ID: 2})
	processes, sizes := map[int]int{}, map[int]int{}
	for sizes[1] < api.MaxPartBytes || sizes[2] < api.MaxPartBytes {
		part := c.next()
		if part.Exit != nil || len(part.Err) > 0 {
			t.Fatalf("call %d: %s, %v", part.ID, part.Err, part.Exit)
		}
		if sizes[part.ID] == 0 {
			line, _, _ := strings.Cut(string(part.Out), "\n")
			if processes[part.ID], err = strconv.Atoi(line); err != nil {
				t.Fatal(err)
			}
		}
		sizes[part.ID] += len(part.Out)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
	for id, process := range processes {
		if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the process of call %d: %v", id, err)
		}
	}
}

func TestACallWithTheIDOfAnotherOneEndsTheProgram(t *testing.T) {
	c := newCaller(t, func(ctx context.Context, slot int, _ []string, out, _ io.Writer) int {
		fmt.Fprint(out, slot)
		<-ctx.Done()
		return 0
	})
	c.call(api.Call{ID: 1, Slot: 5})
	if got := c.next(); string(got.Out) != "5" {
		t.Fatalf("%+v", got)
	}
	c.call(api.Call{ID: 1, Slot: 6})
	if err := c.end(); err == nil || !strings.Contains(err.Error(), "the ID 1 of another one") {
		t.Errorf("%v", err)
	}
}

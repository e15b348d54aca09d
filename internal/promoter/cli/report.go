package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// reporter shows progress: on a terminal with a live last line, elsewhere in plain lines.
type reporter struct {
	mu     sync.Mutex
	w      io.Writer
	live   bool
	status string // the last line, without its time
	start  time.Time
	stop   chan struct{}
}

func newReporter(w io.Writer) *reporter {
	r := &reporter{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("CI") == "" {
		r.live, r.stop = true, make(chan struct{})
		go r.tick(r.stop)
	}
	return r
}

func (r *reporter) tick(stop chan struct{}) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			r.mu.Lock()
			r.draw()
			r.mu.Unlock()
		}
	}
}

// draw writes the live line again; the caller holds the lock.
func (r *reporter) draw() {
	if r.live && r.status != "" {
		fmt.Fprintf(r.w, "\r\033[K… %s (%s)", r.status, time.Since(r.start).Round(time.Second))
	}
}

func (r *reporter) print(text string) {
	if r.live && r.status != "" {
		fmt.Fprint(r.w, "\r\033[K")
	}
	fmt.Fprintln(r.w, text)
	r.draw()
}

// Line reports one thing within a step.
func (r *reporter) Line(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.print("    " + text)
}

// Step begins a step.
func (r *reporter) Step(name, does string) func(string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.print("==> " + name + ": " + does)
	r.status, r.start = name, time.Now()
	start := r.start
	return func(result string, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		took := fmt.Sprintf(" (%.1f s)", time.Since(start).Seconds())
		if r.live {
			fmt.Fprint(r.w, "\r\033[K")
		}
		r.status = ""
		if err != nil {
			// The error itself is the last line of the program.
			r.print("    failed" + took)
			return
		}
		r.print("    " + result + took)
	}
}

// close removes the live line; results may follow.
func (r *reporter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.live {
		return
	}
	if r.status != "" {
		fmt.Fprint(r.w, "\r\033[K")
	}
	close(r.stop)
	r.live, r.status = false, ""
}

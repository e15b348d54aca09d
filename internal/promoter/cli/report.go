package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// maxSilence is how long a command runs without a line: CI engines end a job that is silent for ten minutes.
const maxSilence = time.Minute

// reporter shows progress: on a terminal with a live last line, elsewhere in plain lines.
type reporter struct {
	mu     sync.Mutex
	w      io.Writer
	live   bool
	status string // the last line, without its time
	start  time.Time
	stop   chan struct{}
	// silence fires after quiet without a line. It is nil before open and after close.
	silence *time.Timer
	quiet   time.Duration
}

func newReporter(w io.Writer) *reporter {
	r := &reporter{w: w, quiet: maxSilence}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("CI") == "" {
		r.live, r.stop = true, make(chan struct{})
		go r.tick(r.stop)
	}
	return r
}

// open begins to report that the command still runs, whenever nothing else is printed.
func (r *reporter) open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start = time.Now()
	r.silence = time.AfterFunc(r.quiet, r.beat)
}

// beat ends a silence. Steps alone would be too few: CI calls single commands, such as build, which have no step.
func (r *reporter) beat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.silence == nil: // closed meanwhile
	case r.live && r.status != "": // the live line shows the time
		r.silence.Reset(r.quiet)
	default:
		r.print("    still running after " + time.Since(r.start).Round(time.Second).String())
	}
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
	if r.silence != nil {
		r.silence.Reset(r.quiet)
	}
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
		r.status, r.start = "", time.Now()
		if err != nil {
			// The error itself is the last line of the program.
			r.print("    failed" + took)
			return
		}
		r.print("    " + result + took)
	}
}

// close removes the live line and ends open; results may follow.
func (r *reporter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silence != nil {
		r.silence.Stop()
		r.silence = nil
	}
	if !r.live {
		return
	}
	if r.status != "" {
		fmt.Fprint(r.w, "\r\033[K")
	}
	close(r.stop)
	r.live, r.status = false, ""
}

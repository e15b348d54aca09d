//go:build faults

package faults

import (
	"context"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pace is a clock that slows down with a machine that has too much to do: what the operator and its nodes must do within a time they
// cannot do while they wait for a processor. A thread that needs a processor for a short while measures for how long it has to wait.
type pace struct {
	mu    sync.Mutex
	shown time.Duration
	since time.Time
	share float64
	// stops is how often all of this was stopped: a machine that is paused, or a person who stops the run.
	stops int
}

const (
	work  = 8 * time.Millisecond
	pause = 100 * time.Millisecond
	// counted is how much of the time between two measurements counts at most, and stopped what is more than any load.
	counted = time.Second
	stopped = 5 * time.Second
	// usual is how much longer than its work the thread may take on a machine that is not too busy.
	usual = 2
)

func newPace() *pace { return &pace{since: time.Now(), share: 1} }

// now is the time since the beginning.
func (p *pace) now() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown + min(time.Duration(float64(time.Since(p.since))*p.share), counted)
}

// within is a context that ends after a time by the pace at this moment.
func (p *pace) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return context.WithTimeout(ctx, min(time.Duration(float64(d)/p.share), 20*d))
}

// sleep waits by the pace.
func (p *pace) sleep(ctx context.Context, d time.Duration) {
	for from := p.now(); p.now()-from < d && sleep(ctx, pause); {
	}
}

func (p *pace) stopsSoFar() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stops
}

// measure keeps the pace until the context ends, and calls a function after each stop.
func (p *pace) measure(ctx context.Context, afterStop func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for slept := time.Now(); sleep(ctx, pause); slept = time.Now() {
		if time.Since(slept) > stopped {
			p.mu.Lock()
			p.stops++
			p.mu.Unlock()
			afterStop()
		}
		began, from := time.Now(), threadTime()
		for threadTime()-from < work {
			_ = math.Sqrt(float64(from))
		}
		p.set(shareOf(threadTime()-from, time.Since(began)))
	}
}

// set is the share that the machine had for a thread since the last measurement, and is expected to have until the next.
func (p *pace) set(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.shown += min(time.Duration(float64(now.Sub(p.since))*min(p.share, share)), counted)
	p.since, p.share = now, share
}

func shareOf(used, took time.Duration) float64 {
	if took <= usual*used {
		return 1
	}
	return float64(used) / float64(took)
}

// threadTime is for how long this thread has had a processor.
func threadTime() time.Duration {
	var spent unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent); err != nil {
		panic(err)
	}
	return time.Duration(spent.Nano())
}

func TestThePaceIsThatOfTheMachine(t *testing.T) {
	for _, test := range []struct {
		used, took time.Duration
		want       float64
	}{{8, 8, 1}, {8, 16, 1}, {8, 80, 0.1}} {
		if got := shareOf(test.used*time.Millisecond, test.took*time.Millisecond); got != test.want {
			t.Errorf("%d of %d ms: %g, want %g", test.used, test.took, got, test.want)
		}
	}
	p := newPace()
	p.since = p.since.Add(-5 * time.Second)
	p.set(0.1)
	if now := p.now(); now < 500*time.Millisecond || now > 600*time.Millisecond {
		t.Errorf("after 5 s of a busy machine it is %s", now)
	}
	p.since = p.since.Add(-time.Hour)
	if now := p.now(); now < 1500*time.Millisecond || now > 1600*time.Millisecond {
		t.Errorf("after an hour in which nothing ran it is %s", now)
	}
}

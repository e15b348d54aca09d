package page

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

const (
	// maxPages is how many pages are open at the same time. A browser has six connections to one address, and each page keeps one: the sixth
	// is for the short calls of all of them.
	maxPages = 5
	// maxVisits are those of pages with a stream, and of pages that have just been closed.
	maxVisits = 64
	// maxActions is how many actions run at the same time.
	maxActions = 8
	// maxEnded are the actions of a page whose end is kept for it.
	maxEnded = 16
	// grace is how long what a page began continues without its stream: a network that changes, or another network that is shown, interrupts
	// the stream for a moment.
	grace = 3 * time.Second
)

// The keys of the values of one page.
const (
	visitKey     = "visit"
	actionPrefix = "action/"
)

// visit is the page in one tab. Actions and the log that it shows belong to it, and end soon after its stream of events.
type visit struct {
	id string
	// own are the values that only this page gets, over its stream.
	own *state.Store
	ctx context.Context //nolint:containedctx // of what the page began, which continues after the call that began it
	end context.CancelFunc
	// away is set while there is no stream.
	away *time.Timer
	// stream ends the current stream; number distinguishes it from earlier ones.
	stream context.CancelFunc
	number int
	// log ends the log that is shown, which has a number of the page.
	log       context.CancelFunc
	logNumber int
	begun     int
	ended     []string
}

// visits are all pages.
type visits struct {
	grace time.Duration

	mu      sync.Mutex
	open    map[string]*visit
	pages   int
	actions int
	closed  bool
	running sync.WaitGroup
}

// errGone is for a call of a page that has no stream.
var errGone = &Denied{http.StatusGone, "the page has no stream of events, to which its actions belong: wait until it shows Live, and try again"}

// enter begins a stream of a page, or continues one that was interrupted. The stream before, of which the server may not know yet that its
// connection is lost, ends.
func (v *visits) enter(id string, endStream context.CancelFunc) (*visit, func(), error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.open[id]
	switch {
	case v.closed:
		return nil, nil, errGone
	case (known == nil || known.stream == nil) && v.pages >= maxPages, known == nil && len(v.open) >= maxVisits:
		return nil, nil, busy(fmt.Sprintf("%d pages are open, which is the bound of a browser: close one of them", v.pages))
	case known == nil:
		known = v.create()
	case known.stream != nil:
		known.stream()
		v.pages--
	default:
		known.away.Stop()
	}
	v.pages++
	known.stream = endStream
	known.number++
	number := known.number
	return known, func() { v.leave(known, number) }, nil
}

// create begins a visit. The caller holds the lock.
func (v *visits) create() *visit {
	ctx, cancel := context.WithCancel(context.Background())
	created := &visit{id: rand.Text(), own: state.New(), ctx: ctx, end: cancel, log: func() {}}
	created.own.Set(visitKey, created.id)
	if v.open == nil {
		v.open = map[string]*visit{}
	}
	v.open[created.id] = created
	return created
}

// leave ends a stream, and after a time without another one what the page began.
func (v *visits) leave(left *visit, number int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if left.number != number || left.stream == nil {
		return // another stream has taken over
	}
	left.stream = nil
	v.pages--
	left.away = time.AfterFunc(v.grace, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if left.stream == nil && left.number == number {
			left.end()
			delete(v.open, left.id)
		}
	})
}

// of finds the visit of a call. The caller holds the lock.
func (v *visits) of(id string) (*visit, error) {
	if at := v.open[id]; at != nil && !v.closed {
		return at, nil
	}
	return nil, errGone
}

// act counts an action of a page; done is to be called at its end, the key is that of its state.
func (v *visits) act(id string) (of *visit, key string, done func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if of, err = v.of(id); err != nil {
		return nil, "", nil, err
	}
	if v.actions >= maxActions {
		return nil, "", nil, busy(fmt.Sprintf("%d actions run at the same time, which is the bound: wait until one of them has ended", maxActions))
	}
	v.actions++
	v.running.Add(1)
	of.begun++
	key = fmt.Sprint(actionPrefix, of.begun)
	return of, key, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		defer v.running.Done()
		v.actions--
		if of.ended = append(of.ended, key); len(of.ended) > maxEnded {
			of.own.Delete(of.ended[0])
			of.ended = of.ended[1:]
		}
	}, nil
}

// follow ends the log that a page shows, and returns the context for another one, and what is to be called at its end. Calls may arrive in
// another order than that of the page, which counts them.
func (v *visits) follow(id string, number int) (of *visit, ctx context.Context, done func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if of, err = v.of(id); err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithCancel(of.ctx)
	if number < of.logNumber {
		cancel()
	} else {
		of.log()
		of.log, of.logNumber = cancel, number
	}
	v.running.Add(1)
	return of, ctx, func() { cancel(); v.running.Done() }, nil
}

// close ends all visits, and waits for what they began.
func (v *visits) close(ctx context.Context) {
	v.mu.Lock()
	v.closed = true
	for _, of := range v.open {
		of.end()
		if of.stream != nil {
			of.stream()
		}
	}
	v.mu.Unlock()
	ended := make(chan struct{})
	go func() { defer close(ended); v.running.Wait() }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

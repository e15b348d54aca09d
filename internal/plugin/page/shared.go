package page

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/util/flowcontrol"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

// Shared serves the page in a cluster to many people, read-only: no call changes anything or reaches a node. There is no session and no
// cookie: each call has the token of its caller, which Access checks, and again while a stream runs.
type Shared struct {
	Access Access
	Values Values
	// Audience is that of the tokens, for the page's words.
	Audience string
	// Opened is called when a person begins to watch a namespace.
	Opened func(Viewer)

	// heartbeat is as in Server, recheck the time between two checks of a stream's token and rights.
	heartbeat, recheck time.Duration
	callers            flowcontrol.RateLimiter

	mu      sync.Mutex
	viewers map[string]int
	total   int
}

// Viewer is a person or program, and the namespace that he watches.
type Viewer struct{ Name, Namespace string }

// Access decides who may watch what.
type Access interface {
	// Admit returns whose token it is, if he may watch the namespace; without one, that of the account. A *Denied is final, another error is
	// one of the API server.
	Admit(ctx context.Context, token, namespace string) (Viewer, error)
}

// Values are what the page shows, by namespace.
type Values interface {
	// Open returns the values of a namespace, which change until end is called.
	Open(ctx context.Context, namespace string) (values *state.Store, end func(), err error)
}

// Denied is why a call is not carried out, for its caller.
type Denied struct {
	// Code is one of HTTP.
	Code   int
	Reason string
}

func (d *Denied) Error() string { return d.Reason }

const (
	// maxViewers is how many streams there are in all, and maxOfOne those of one person or account.
	maxViewers = 128
	maxOfOne   = 16
	// recheck is how long a stream may outlive its token or its right.
	recheck = time.Minute
	// callsPerSecond and callsAtOnce bound the calls whose token nobody has checked yet, and with them the API server's part.
	callsPerSecond = 20
	callsAtOnce    = 60
)

// Handler serves the page and its stream.
func (s *Shared) Handler() http.Handler {
	if s.heartbeat == 0 {
		s.heartbeat = heartbeat
	}
	if s.recheck == 0 {
		s.recheck = recheck
	}
	s.viewers, s.callers = map[string]int{}, flowcontrol.NewTokenBucketRateLimiter(callsPerSecond, callsAtOnce)
	mux := files(&mode{Audience: s.Audience})
	mux.HandleFunc("GET /api/stream", s.stream)
	return withPolicy(mux)
}

func (s *Shared) stream(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		http.Error(w, "calls of pages of other sites are not accepted", http.StatusForbidden)
		return
	}
	if !s.callers.TryAccept() {
		busy(w, "too many people sign in at the same time: the page tries again")
		return
	}
	token, named := bearer(r), r.URL.Query().Get("namespace")
	viewer, err := s.Access.Admit(r.Context(), token, named)
	if err != nil {
		reject(w, err)
		return
	}
	leave, entered := s.enter(viewer.Name)
	if !entered {
		busy(w, "too many pages are open: close other tabs, or wait")
		return
	}
	defer leave()
	values, end, err := s.Values.Open(r.Context(), viewer.Namespace)
	if err != nil {
		reject(w, err)
		return
	}
	defer end()
	if s.Opened != nil {
		s.Opened(viewer)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		defer cancel()
		s.stays(ctx, token, viewer.Namespace)
	}()
	follow(ctx, w, values, r.Header.Get("Last-Event-ID"), s.heartbeat)
}

// stays returns when a viewer may not watch any more, or has gone. While the API server does not answer, nothing new can be seen.
func (s *Shared) stays(ctx context.Context, token, namespace string) {
	tick := time.NewTicker(s.recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if _, err := s.Access.Admit(ctx, token, namespace); err != nil {
			if _, denied := errors.AsType[*Denied](err); denied {
				return
			}
		}
	}
}

// enter counts a stream of a viewer.
func (s *Shared) enter(name string) (leave func(), entered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxViewers || s.viewers[name] >= maxOfOne {
		return nil, false
	}
	s.total++
	s.viewers[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.viewers[name]--; s.viewers[name] == 0 {
			delete(s.viewers, name)
		}
	}, true
}

func busy(w http.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", "2")
	http.Error(w, reason, http.StatusTooManyRequests)
}

// reject answers with a reason for the caller. What the API server answers is not for callers.
func reject(w http.ResponseWriter, err error) {
	if denied, is := errors.AsType[*Denied](err); is {
		http.Error(w, denied.Reason, denied.Code)
		return
	}
	http.Error(w, "the API server of the cluster does not answer now: the page tries again", http.StatusServiceUnavailable)
}

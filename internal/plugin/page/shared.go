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

	// heartbeat is as in Server, recheck the time between two checks of a stream's token and rights; the others are for an answer of the API
	// server and for a browser.
	heartbeat, recheck, admitTimeout, writeTimeout time.Duration
	callers                                        flowcontrol.RateLimiter
	signIns                                        chan struct{}

	mu sync.Mutex
	// viewers and namespaces are the numbers of streams.
	viewers, namespaces map[string]int
	total               int
}

// Viewer is a person or program, and the namespace that he watches.
type Viewer struct {
	Name, Namespace string
	// NoLightning is why he may not watch the Lightning networks of the namespace; empty means that he may.
	NoLightning string
}

// Access decides who may watch what.
type Access interface {
	// Admit returns whose token it is, if he may watch the namespace; without one, that of the account. A *Denied is final, another error is
	// one of the API server.
	Admit(ctx context.Context, token, namespace string) (Viewer, error)
}

// Values are what the page shows, by namespace.
type Values interface {
	// Open returns the values of a namespace, which change until end is called.
	Open(ctx context.Context, namespace string) (values Stores, end func(), err error)
}

// Stores are the values of a namespace. Not everybody who may watch its networks may watch its Lightning networks.
type Stores struct{ Networks, Lightning *state.Store }

// of are the sources of a viewer's stream. Without the right to Lightning networks he gets the reason in place of them.
func (s Stores) of(viewer Viewer) []source {
	lightning := s.Lightning
	if viewer.NoLightning != "" {
		lightning = state.New()
		lightning.Set("denied", viewer.NoLightning)
	}
	return []source{{store: s.Networks}, {event: lightningEvent, store: lightning}}
}

// Denied is why a call is not carried out, for its caller.
type Denied struct {
	// Code is one of HTTP.
	Code   int
	Reason string
}

func (d *Denied) Error() string { return d.Reason }

const (
	// maxViewers is how many streams there are in all, maxOfOne those of one person or account, and maxOfNamespace those of one namespace, in
	// which anybody with rights may create many accounts.
	maxViewers     = 128
	maxOfOne       = 16
	maxOfNamespace = 48
	// maxCalls are answered at the same time: streams, and those of callers who have not signed in.
	maxCalls = maxViewers + 256
	// recheck is how long a stream may outlive its token or its right; maxFailures checks without an answer of the API server end it too.
	recheck     = time.Minute
	maxFailures = 3
	// admitTimeout is how long the API server may take for one check, openTimeout for everything before a stream.
	admitTimeout = 15 * time.Second
	openTimeout  = time.Minute
	// callsPerSecond, callsAtOnce and maxSignIns bound the calls whose token nobody has checked yet. Each is four requests to the API server,
	// of which the program makes 50 a second.
	callsPerSecond = 10
	callsAtOnce    = 30
	maxSignIns     = 32
	// maxToken is longer than any token of a service account or identity provider.
	maxToken = 16 << 10
)

// Handler serves the page and its stream.
func (s *Shared) Handler() http.Handler {
	for value, usual := range map[*time.Duration]time.Duration{
		&s.heartbeat: heartbeat, &s.recheck: recheck, &s.admitTimeout: admitTimeout, &s.writeTimeout: writeTimeout,
	} {
		if *value == 0 {
			*value = usual
		}
	}
	s.viewers, s.namespaces, s.signIns = map[string]int{}, map[string]int{}, make(chan struct{}, maxSignIns)
	s.callers = flowcontrol.NewTokenBucketRateLimiter(callsPerSecond, callsAtOnce)
	mux := files(&mode{Audience: s.Audience}, s.writeTimeout)
	mux.HandleFunc("GET /api/stream", s.stream)
	return withPolicy(s.bounded(mux))
}

// bounded limits the number of answers, and the time of each: nobody has signed in yet, and a caller that does not read keeps memory.
func (s *Shared) bounded(next http.Handler) http.Handler {
	slots := make(chan struct{}, maxCalls)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default: // without a text, for which the caller would have to read
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if endWithin(w, s.writeTimeout) != nil {
			return // the caller has gone
		}
		next.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush() // the rest of an answer counts too, until its caller has taken it or has gone
	})
}

func (s *Shared) stream(w http.ResponseWriter, r *http.Request) {
	if endWithin(w, openTimeout) != nil {
		return // the caller has gone
	}
	viewer, err := s.signIn(r)
	if err != nil {
		reject(w, err, s.writeTimeout)
		return
	}
	leave, entered := s.enter(viewer)
	if !entered {
		reject(w, busy("too many pages are open: close other tabs, or wait"), s.writeTimeout)
		return
	}
	defer leave()
	values, end, err := s.Values.Open(r.Context(), viewer.Namespace)
	if err != nil {
		reject(w, err, s.writeTimeout)
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
		s.stays(ctx, bearer(r), viewer)
	}()
	follow(ctx, w, s.heartbeat, r.Header.Get("Last-Event-ID"), values.of(viewer)...)
}

// signIn returns who calls, by his token.
func (s *Shared) signIn(r *http.Request) (Viewer, error) {
	token := bearer(r)
	switch {
	case crossSite(r):
		return Viewer{}, &Denied{http.StatusForbidden, "calls of pages of other sites are not accepted"}
	case token == "" || len(token) > maxToken:
		return Viewer{}, &Denied{http.StatusUnauthorized, "sign in with a token"}
	}
	wait := busy("too many people sign in at the same time: the page tries again")
	select {
	case s.signIns <- struct{}{}:
		defer func() { <-s.signIns }()
	default:
		return Viewer{}, wait
	}
	if !s.callers.TryAccept() {
		return Viewer{}, wait
	}
	return s.admit(r.Context(), token, r.URL.Query().Get("namespace"))
}

func (s *Shared) admit(ctx context.Context, token, namespace string) (Viewer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.admitTimeout)
	defer cancel()
	return s.Access.Admit(ctx, token, namespace)
}

// stays returns when a viewer may not watch any more, or has gone, or may watch something else than before, or when several checks in a row had no
// answer: the API server may answer the watches of the page, and so show something new, while its reviews fail. The page then connects again by
// itself.
func (s *Shared) stays(ctx context.Context, token string, viewer Viewer) {
	tick := time.NewTicker(s.recheck)
	defer tick.Stop()
	for failures := 0; failures < maxFailures; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now, err := s.admit(ctx, token, viewer.Namespace)
		if _, denied := errors.AsType[*Denied](err); denied || err == nil && now != viewer {
			return
		}
		if failures++; err == nil {
			failures = 0
		}
	}
}

// enter counts a stream of a viewer.
func (s *Shared) enter(viewer Viewer) (leave func(), entered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxViewers || s.viewers[viewer.Name] >= maxOfOne || s.namespaces[viewer.Namespace] >= maxOfNamespace {
		return nil, false
	}
	count := func(by int) {
		s.total += by
		add(s.viewers, viewer.Name, by)
		add(s.namespaces, viewer.Namespace, by)
	}
	count(1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		count(-1)
	}, true
}

// add counts streams. A name without one is not kept.
func add(counts map[string]int, name string, by int) {
	if counts[name] += by; counts[name] == 0 {
		delete(counts, name)
	}
}

func busy(reason string) *Denied { return &Denied{http.StatusTooManyRequests, reason} }

// reject answers with a reason for the caller. What the API server answers is not for callers.
func reject(w http.ResponseWriter, err error, timeout time.Duration) {
	denied, is := errors.AsType[*Denied](err)
	if !is {
		denied = &Denied{http.StatusServiceUnavailable, "the API server of the cluster does not answer now: the page tries again"}
	}
	if denied.Code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
	if endWithin(w, timeout) == nil {
		http.Error(w, denied.Reason, denied.Code)
	}
}

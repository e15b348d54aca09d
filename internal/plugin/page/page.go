// Package page serves the live page of networks to a browser on the same machine. The page is static; what it shows comes as one stream of
// events, and what it does is a few calls, which are short: a browser has few connections. Every call needs a token, which is in the address that only the caller of the plugin sees.
package page

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

// Backend is what the page needs beside the values.
type Backend interface {
	// View is called when a page begins to show a network; the returned function ends it.
	View(network string) (end func())
	// Visible sets which nodes are on the screen.
	Visible(network string, ordinals []int32)
	// Log passes on the log of a node, and follows it until the context ends.
	Log(ctx context.Context, network string, node int, to func(line string) error) error
	// Do carries out an action until the context ends, reports what has happened so far, and returns a sentence.
	Do(ctx context.Context, action Action, report func(words string)) (string, error)
}

// Action is what a person does to a network.
type Action struct {
	// Kind is mine, partition, heal or pause.
	Kind    string `json:"kind"`
	Network string `json:"network"`
	Node    int    `json:"node"`
	// Blocks to mine.
	Blocks int64 `json:"blocks"`
	// Sides of a partition, such as "0,1" and "2-4".
	Sides []string `json:"sides"`
	// Seconds of a pause.
	Seconds int64 `json:"seconds"`
}

// Server serves the page.
type Server struct {
	Store *state.Store
	// Lightning has the values of Lightning networks; nil for none.
	Lightning *state.Store
	Backend   Backend
	// Token is needed for every call. It is not empty.
	Token string
	// Host is that of the address, such as 127.0.0.1:8080: requests with another name are rejected, because a page of another site can have
	// its name lead to this machine.
	Host string
	// heartbeat is the time between two signs of life on a stream without changes.
	heartbeat time.Duration
	visits    visits
}

const (
	// maxStreams are requests for a stream at the same time, and maxShort those for something else. None of these lasts.
	maxStreams = 4 * maxPages
	maxShort   = 16
	// maxBody is longer than any call.
	maxBody = 16 << 10
	// writeTimeout is how long a browser may take for one message; it gets what it has missed when it comes back.
	writeTimeout = 15 * time.Second
	heartbeat    = 10 * time.Second
	// interval is the least time between two messages of a stream.
	interval = 40 * time.Millisecond
)

// policy lets the page load its own files, and nothing else: no script in the text, no other host, no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Handler serves the page and its calls.
func (s *Server) Handler() http.Handler {
	if s.heartbeat == 0 {
		s.heartbeat = heartbeat
	}
	if s.visits.grace == 0 {
		s.visits.grace = grace
	}
	mux := files(nil, writeTimeout)
	mux.Handle("GET /api/stream", s.guarded(maxStreams, s.stream))
	mux.Handle("POST /api/log", s.guarded(maxShort, s.log))
	mux.Handle("POST /api/action", s.guarded(maxShort, s.action))
	mux.Handle("POST /api/visible", s.guarded(maxShort, s.visible))
	return withPolicy(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.isOwnHost(r.Host) {
			http.Error(w, "this address is not the page's: use the one that kubectl btcnet ui printed", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// withPolicy limits what a browser does with the answers.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			header.Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// isOwnHost accepts the address of the listener, and localhost with its port.
func (s *Server) isOwnHost(host string) bool {
	_, port, err := net.SplitHostPort(s.Host)
	return err == nil && (host == s.Host || host == net.JoinHostPort("localhost", port))
}

// guarded rejects calls without the token, calls of pages of other sites, and more than a number at the same time.
func (s *Server) guarded(limit int, serve http.HandlerFunc) http.Handler {
	slots := make(chan struct{}, limit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if endWithin(w, writeTimeout) != nil {
			return // the caller has gone
		}
		if reason := s.foreign(r); reason != "" {
			http.Error(w, reason, http.StatusForbidden)
			return
		}
		if s.Token == "" || subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(s.Token)) != 1 {
			http.Error(w, "the token is missing or wrong: open the address that kubectl btcnet ui printed", http.StatusUnauthorized)
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			reject(w, busy("too many calls at the same time: close other tabs of the page, or wait"), writeTimeout)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		serve(w, r)
	})
}

// foreign is why a call comes from a page of another site, empty if it does not.
func (s *Server) foreign(r *http.Request) string {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return "calls of pages of other sites are not accepted"
	}
	if crossSite(r) {
		return "calls of pages of other sites are not accepted"
	}
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json" {
		return "the content type must be application/json"
	}
	return ""
}

// crossSite reports whether by the browser's word a page of another site makes the call.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// bearer is the token of a call, empty for none.
func bearer(r *http.Request) string {
	token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !is {
		return ""
	}
	return token
}

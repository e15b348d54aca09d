//go:build faults

package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// apiProxy is one operator's way to the API server.
type apiProxy struct {
	server *httptest.Server

	mu     sync.Mutex
	random *rand.Rand
	// faults are those that last, each in a percentage of the requests.
	faults []apiFault
	// writes are those that are neither events nor of the lease.
	writes []string
	// lease is what the operator has last sent of its lease.
	lease []byte
	// watches are the streams that are open.
	watches map[*context.CancelFunc]bool
}

func newAPIProxy(config *rest.Config, random *rand.Rand) (*apiProxy, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	p := &apiProxy{random: random, watches: map[*context.CancelFunc]bool{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(proxy, w, r) }))
	return p, nil
}

type apiFault struct {
	percent int
	until   time.Time
}

// fail lets this percentage of the requests fail for some time, besides those that fail already.
func (p *apiProxy) fail(percent int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, apiFault{percent, time.Now().Add(d)})
}

func (p *apiProxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// fails chooses whether a request fails. The caller has locked the proxy.
func (p *apiProxy) fails() bool {
	percent := 0
	for _, f := range p.faults {
		if time.Now().Before(f.until) {
			percent = max(percent, f.percent)
		}
	}
	return p.random.IntN(100) < percent
}

func (p *apiProxy) cutWatches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.watches)
	for cancel := range p.watches {
		(*cancel)()
	}
	return n
}

func (p *apiProxy) written() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.writes...)
}

func (p *apiProxy) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	write := r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") && !strings.Contains(r.URL.Path, "/leases")
	if write {
		p.writes = append(p.writes, fmt.Sprintf("%s %s …%s", r.Method, r.URL.Path, body[max(0, len(body)-1500):]))
	}
	lease := r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/leases")
	if lease {
		p.lease = body
	}
	if r.URL.Query().Has("watch") {
		p.watches[&cancel] = true
		defer func() {
			p.mu.Lock()
			delete(p.watches, &cancel)
			p.mu.Unlock()
		}()
	}
	kind := ""
	if p.fails() {
		kinds := []string{"500", "429", "503", "hang", "hang-long", "cut", "lost", "slow", "409"}
		kind = kinds[p.random.IntN(len(kinds))]
	}
	p.mu.Unlock()
	p.answer(next, w, r.WithContext(ctx), kind, write || lease)
}

func (p *apiProxy) answer(next http.Handler, w http.ResponseWriter, r *http.Request, kind string, conflicts bool) {
	switch kind {
	case "500":
		status(w, http.StatusInternalServerError, "InternalError", "etcdserver: request timed out")
	case "503":
		status(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the server is currently unable to handle the request")
	case "429":
		w.Header().Set("Retry-After", "1")
		status(w, http.StatusTooManyRequests, "TooManyRequests", "the server has received too many requests")
	case "hang":
		sleep(r.Context(), 5*time.Second)
		panic(http.ErrAbortHandler)
	case "hang-long":
		// Longer than the operator waits: 5 s for the lease, 10 s for a status.
		sleep(r.Context(), 12*time.Second)
		panic(http.ErrAbortHandler)
	case "cut":
		panic(http.ErrAbortHandler)
	case "lost":
		// The API server carries it out, and nobody learns of it.
		if !r.URL.Query().Has("watch") {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	case "409":
		if conflicts {
			status(w, http.StatusConflict, "Conflict", "the object has been modified")
			return
		}
		next.ServeHTTP(w, r)
	case "slow":
		sleep(r.Context(), time.Second)
		next.ServeHTTP(w, r)
	default:
		next.ServeHTTP(w, r)
	}
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
}

package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// API is an operator's connection to the API server. It records the requests, and a test makes some of them fail.
type API struct {
	mu       sync.Mutex
	requests []Request
	faults   []*fault
	// bodies is whether the bodies of requests are recorded too.
	bodies bool
}

// Request is one request of the operator.
type Request struct {
	// Verb is one of get, list, watch, create, update, patch, apply and delete.
	Verb string
	// Resource with its subresource, such as statefulsets or bitcoinnetworks/status, and the name of the object; "" for lists.
	Resource, Name string
	// URI is the path with its query, and Body what is sent, "" for an operator in the process of the test.
	URI, Body string
}

func (r Request) String() string {
	return strings.TrimSpace(r.Verb + " " + r.Resource + " " + r.Name)
}

// Write reports whether the request changes something. An event is a write too.
func (r Request) Write() bool { return !slices.Contains([]string{"get", "list", "watch"}, r.Verb) }

// Fault is what becomes of a request. Without a code the request is delayed only.
type Fault struct {
	// Delay before the request is answered.
	Delay time.Duration
	// Code is the HTTP status of the answer, such as 500, with this reason and message; 0 for the API server's own answer.
	Code    int
	Reason  metav1.StatusReason
	Message string
	// Before is called before the request is sent; nil for nothing. It may change the cluster in between.
	Before func()
}

type fault struct {
	matches func(Request) bool
	Fault
}

// On matches the requests with a verb and a resource, "" for any.
func On(verb, resource string) func(Request) bool {
	return func(r Request) bool {
		return (verb == "" || verb == r.Verb) && (resource == "" || resource == r.Resource)
	}
}

// AnyWrite matches all requests that change something.
func AnyWrite(r Request) bool { return r.Write() }

// Inject lets all requests that match have a fault, until remove is called.
func (a *API) Inject(matches func(Request) bool, f Fault) (remove func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	injected := &fault{matches, f}
	a.faults = append(a.faults, injected)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.faults = slices.DeleteFunc(a.faults, func(other *fault) bool { return other == injected })
	}
}

// Requests are those that match so far.
func (a *API) Requests(matches func(Request) bool) []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []Request
	for _, r := range a.requests {
		if matches(r) {
			list = append(list, r)
		}
	}
	return list
}

// Writes are the requests so far that changed something, without events.
func (a *API) Writes() []Request {
	return a.Requests(func(r Request) bool { return r.Write() && r.Resource != "events" })
}

func (a *API) wrap(next http.RoundTripper) http.RoundTripper { return &transport{a, next} }

type transport struct {
	api  *API
	next http.RoundTripper
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	r := requestOf(request)
	if t.api.bodies && request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body, r.Body = io.NopCloser(bytes.NewReader(body)), string(body)
	}
	t.api.mu.Lock()
	t.api.requests = append(t.api.requests, r)
	at := slices.IndexFunc(t.api.faults, func(f *fault) bool { return f.matches(r) })
	var injected Fault
	if at >= 0 {
		injected = t.api.faults[at].Fault
	}
	t.api.mu.Unlock()
	if injected.Before != nil {
		injected.Before()
	}
	if injected.Delay > 0 {
		timer := time.NewTimer(injected.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-request.Context().Done():
			return nil, request.Context().Err()
		}
	}
	if injected.Code == 0 {
		return t.next.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close() //nolint:errcheck // it is not sent
	}
	return injected.response(request)
}

func (f Fault) response(request *http.Request) (*http.Response, error) {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: int32(f.Code), Reason: f.Reason, Message: f.Message, //nolint:gosec // an HTTP status
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: f.Code, Status: fmt.Sprintf("%d %s", f.Code, http.StatusText(f.Code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// requestOf reads what a request does out of its path: /apis/<group>/<version>/namespaces/<namespace>/<resource>/<name>/<subresource>,
// or the same below /api/v1.
func requestOf(request *http.Request) Request {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	skip := 2
	if parts[0] == "apis" {
		skip = 3
	}
	parts = parts[min(skip, len(parts)):]
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	r := Request{URI: request.URL.RequestURI()}
	if len(parts) > 0 {
		r.Resource = parts[0]
	}
	if len(parts) > 1 {
		r.Name = parts[1]
	}
	if len(parts) > 2 {
		r.Resource += "/" + parts[2]
	}
	r.Verb = verbOf(request, r.Name)
	return r
}

func verbOf(request *http.Request, name string) string {
	switch request.Method {
	case http.MethodGet:
		switch {
		case request.URL.Query().Has("watch"):
			return "watch"
		case name == "":
			return "list"
		}
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		if strings.HasPrefix(request.Header.Get("Content-Type"), "application/apply-patch") {
			return "apply"
		}
		return "patch"
	}
	return "delete"
}

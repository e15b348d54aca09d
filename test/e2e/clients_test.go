package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReadsThatTheAPIServerHadNoTimeForAreRepeated(t *testing.T) {
	interval = time.Millisecond
	const noTime, database = `{"reason": "Timeout"}`, `{"reason": "InternalError", "message": "etcdserver: request timed out"}`
	for name, test := range map[string]struct {
		method, path string
		status       int
		answer       string
		// tries is how often the server gets the request before it answers properly, 0 if it never does.
		until, want int
	}{
		"a timeout":                           {http.MethodGet, "/api/v1/pods", http.StatusGatewayTimeout, noTime, 3, 3},
		"an error of the database":            {http.MethodGet, "/api/v1/pods", http.StatusInternalServerError, database, 2, 2},
		"one that stays":                      {http.MethodGet, "/api/v1/pods", http.StatusGatewayTimeout, noTime, 0, maxTries},
		"another error":                       {http.MethodGet, "/api/v1/pods", http.StatusInternalServerError, `{"reason": "InternalError", "message": "no"}`, 0, 1},
		"an object that does not exist":       {http.MethodGet, "/api/v1/pods", http.StatusNotFound, noTime, 0, 1},
		"a write":                             {http.MethodPost, "/api/v1/pods", http.StatusGatewayTimeout, noTime, 0, 1},
		"a command in a pod":                  {http.MethodGet, "/api/v1/namespaces/n/pods/p/exec", http.StatusGatewayTimeout, noTime, 0, 1},
		"an answer that is not of Kubernetes": {http.MethodGet, "/api/v1/pods", http.StatusGatewayTimeout, "no", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tries++; tries != test.until {
					w.WriteHeader(test.status)
				}
				_, _ = io.WriteString(w, test.answer) // the client reports it
			}))
			defer server.Close()
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			before := Retried.Load()
			answer, err := (&http.Client{Transport: retrying{http.DefaultTransport}}).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close() //nolint:errcheck // of the test's own server
			text, err := io.ReadAll(answer.Body)
			if ok := answer.StatusCode == http.StatusOK; err != nil || string(text) != test.answer || ok != (test.until > 0) || tries != test.want {
				t.Errorf("after %d tries, want %d: %s %s (%v)", tries, test.want, answer.Status, text, err)
			}
			if got := Retried.Load() - before; got != int64(test.want-1) {
				t.Errorf("%d repeated requests are counted, want %d", got, test.want-1)
			}
		})
	}
}

// A connection that breaks is no answer of the API server.
func TestReadsAreRepeatedAfterABrokenConnection(t *testing.T) {
	interval = time.Millisecond
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "yes") // the client reports it
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	// Without a connection from before, which net/http would replace by itself.
	answer, err := (retrying{&http.Transport{DisableKeepAlives: true}}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // of the test's own server
	if tries != 2 {
		t.Errorf("%d tries", tries)
	}
}

//go:build linux

package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// rest asks the nodes for their first answer.
type rest struct{ client *http.Client }

func newREST() rest {
	// Never a proxy, and no idle connections: each node is asked until it answers, and never again.
	return rest{&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (r rest) ok(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// serve starts the HTTP interface and returns what stops it.
func (s *supervisor) serve() (stop func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.ReadyPath, s.handleReady)
	mux.HandleFunc("GET "+api.NodesPath, s.authorized(s.handleNodes))
	mux.HandleFunc("POST "+api.NodesPath, s.authorized(s.handleTarget))
	stop, err = podhttp.Serve(s.Listen, mux, 10*time.Second, s.report)
	if err != nil {
		return nil, fmt.Errorf("serve the state of the nodes: %w", err)
	}
	return stop, nil
}

func (s *supervisor) authorized(handle http.HandlerFunc) http.HandlerFunc {
	return s.credential.Authorized("supervisor", handle)
}

func (s *supervisor) handleReady(w http.ResponseWriter, _ *http.Request) {
	if !s.isReady() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (s *supervisor) handleNodes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.states()) //nolint:errcheck // the client is gone
}

func (s *supervisor) handleTarget(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxTargetBytes))
	var t api.Target
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Nodes < 0 || t.Revision < 1 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	err = s.setTarget(target{Nodes: t.Nodes, Revision: t.Revision, Requested: true, Forget: t.Forget, Before: t.Before})
	switch {
	case errors.Is(err, errOutdated):
		w.WriteHeader(http.StatusConflict)
	case err != nil:
		s.report(err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

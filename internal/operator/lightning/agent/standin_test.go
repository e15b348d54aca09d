//go:build linux

package agent

import (
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
)

const (
	macaroon = "the macaroon"
	keyA     = "02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	keyB     = "03bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// standIn is the REST interface of an LND, with an answer for each call. Others are those of an active LND without channels.
type standIn struct {
	*agent
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests []string
}

func newStandIn(t *testing.T, answers map[string]http.HandlerFunc) *standIn {
	t.Helper()
	s := &standIn{t: t, answers: map[string]http.HandlerFunc{
		"GET /v1/state":              text(`{"state":"SERVER_ACTIVE"}`),
		"GET /v1/getinfo":            text(`{"identity_pubkey":"` + keyA + `","alias":"alice","version":"0.21.0","block_height":7,"block_hash":"ab","best_header_timestamp":"1700000000","synced_to_chain":true,"synced_to_graph":true}`),
		"GET /v1/balance/blockchain": text(`{"confirmed_balance":"5000000000","unconfirmed_balance":"3"}`),
		"GET /v1/peers":              text(`{"peers":[]}`),
		"GET /v1/channels":           text(`{"channels":[]}`),
		"GET /v1/channels/pending":   text(`{}`),
		"GET /v1/graph":              text(`{"nodes":[],"edges":[]}`),
	}}
	for call, answer := range answers {
		s.answers[call] = answer
	}
	s.server = httptest.NewTLSServer(s)
	t.Cleanup(s.server.Close)
	dir := t.TempDir()
	s.agent = &agent{lnd: newLND(s.server.Listener.Addr().String(), dir), running: &api.Backend{}, run: t.Context(), openTimeout: api.OpenTimeout, lines: podprogram.NewLines(io.Discard)}
	t.Cleanup(s.lnd.http.CloseIdleConnections)
	s.write("tls.cert", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw}))
	s.write("data/chain/bitcoin/regtest/admin.macaroon", []byte(macaroon))
	return s
}

func (s *standIn) write(name string, content []byte) {
	s.t.Helper()
	path := filepath.Join(s.lnd.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.Path
	if got := r.Header.Get("Grpc-Metadata-macaroon"); got != hex.EncodeToString([]byte(macaroon)) && call != "GET /v1/state" {
		s.t.Errorf("%s has the macaroon %q", call, got)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	entry := call
	if r.URL.RawQuery != "" {
		entry += "?" + r.URL.RawQuery
	}
	if len(body) > 0 {
		entry += " " + string(body)
	}
	s.requests = append(s.requests, entry)
	answer := s.answers[call]
	s.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer(w, r)
}

// answer changes an answer.
func (s *standIn) answer(call string, handle http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[call] = handle
}

// requested returns the requests of a call so far.
func (s *standIn) requested(method string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, entry := range s.requests {
		if strings.HasPrefix(entry, method) {
			list = append(list, entry)
		}
	}
	return list
}

func text(body string) http.HandlerFunc { return status(http.StatusOK, body) }

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body) //nolint:errcheck // a client may close early
	}
}

// silent answers when the client is gone.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func mustRead(t *testing.T, s *standIn, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.lnd.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

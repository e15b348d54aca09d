//go:build linux

package agent

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// sent starts a bitcoind that answers each raw transaction, and returns what it got.
func sent(t *testing.T, s *standIn, answers map[string]string) func() []string {
	t.Helper()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if user, password, _ := r.BasicAuth(); err != nil || user != "lightning" || password != "secret" {
			t.Errorf("user %s, password %s, %v", user, password, err)
		}
		for raw, answer := range answers {
			if strings.Contains(string(body), `"method":"sendrawtransaction","params":["`+raw+`"]`) {
				got = append(got, raw)
				text(answer)(w, r)
				return
			}
		}
		t.Errorf("request %s", body)
	}))
	t.Cleanup(server.Close)
	port := server.Listener.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // it listens on TCP
	s.rpc, s.running = server.Client(), &api.Backend{Host: "127.0.0.1", RPCPort: port, User: "lightning", Password: "secret"}
	return func() []string { return got }
}

func TestAClosingTransactionIsPublishedAfterItsFunding(t *testing.T) {
	id := strings.Repeat("ab", 32)
	channel := `{"channel":{"channel_point":"` + id + `:1","capacity":"1","local_balance":"1","remote_balance":"0"},"closing_tx_hex":"c105"}`
	waiting := `{"waiting_close_channels":[` + channel + `]}`
	wallet := `{"transactions":[{"tx_hash":"00","raw_tx_hex":"0bad"},{"tx_hash":"` + id + `","raw_tx_hex":"f00d"}]}`
	accepted := `{"result":"` + id + `","error":null}`
	for name, test := range map[string]struct {
		pending, wallet  string
		funding, closing string // answers of bitcoind
		want             []string
		failure          string
	}{
		"both":                          {waiting, wallet, accepted, accepted, []string{"f00d", "c105"}, ""},
		"the funding is in a block":     {waiting, wallet, `{"error":{"code":-27,"message":"already in utxo set"}}`, accepted, []string{"f00d", "c105"}, ""},
		"both are in a block":           {waiting, wallet, `{"error":{"code":-27,"message":""}}`, `{"error":{"code":-27,"message":""}}`, []string{"f00d", "c105"}, ""},
		"the other end has opened it":   {waiting, `{"transactions":[]}`, "", accepted, []string{"c105"}, ""},
		"the funding is rejected":       {waiting, wallet, `{"error":{"code":-25,"message":"inputs missing"}}`, accepted, []string{"f00d", "c105"}, ""},
		"the closing is rejected":       {waiting, wallet, accepted, `{"error":{"code":-25,"message":"bad-txns-inputs-missingorspent"}}`, []string{"f00d", "c105"}, "the closing transaction is not published: bitcoind rejects it: bad-txns-inputs-missingorspent"},
		"bitcoind sends garbage":        {waiting, wallet, accepted, "<html>", []string{"f00d", "c105"}, "sends an unexpected response"},
		"LND has no transaction":        {strings.Replace(waiting, "c105", "", 1), wallet, "", "", nil, "LND has no closing transaction"},
		"the transaction is in a block": {`{"pending_force_closing_channels":[` + channel + `]}`, wallet, "", "", nil, ""},
		"the channel is gone":           {`{}`, wallet, "", "", nil, ""},
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/channels/pending": text(test.pending), "GET /v1/transactions": text(test.wallet)})
		got := sent(t, s, map[string]string{"f00d": test.funding, "c105": test.closing})
		err := s.closeChannel(t.Context(), api.Close{Point: id + ":1", Publish: true})
		if (err == nil) != (test.failure == "") || err != nil && (!strings.Contains(err.Error(), test.failure) || statusOf(err) != api.StatusLND) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if closed := s.requested("DELETE"); len(closed) > 0 {
			t.Errorf("%s: %v", name, closed)
		}
		// LND leaves out the transactions without it.
		if test.want != nil && !slices.Contains(s.requested("GET"), "GET /v1/channels/pending?include_raw_tx=true") {
			t.Errorf("%s: %v", name, s.requested("GET"))
		}
	}
}

func TestNothingIsPublishedWhileLNDDoesNotRun(t *testing.T) {
	id := strings.Repeat("ab", 32)
	s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/channels/pending": text(`{"waiting_close_channels":[{"channel":{"channel_point":"` + id + `:0","capacity":"1","local_balance":"1","remote_balance":"0"},"closing_tx_hex":"c105"}]}`)})
	s.running = nil
	if err := s.closeChannel(t.Context(), api.Close{Point: id + ":0", Publish: true}); statusOf(err) != api.StatusNotActive {
		t.Error(err)
	}
}

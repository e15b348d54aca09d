//go:build linux

package agent

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// sentTo starts a bitcoind with an answer to each raw transaction, and returns what it got.
func sentTo(t *testing.T, s *standIn, answer func(raw string) string) func() []string {
	t.Helper()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Method string
			Params []string
		}
		err := json.NewDecoder(r.Body).Decode(&request)
		if user, password, _ := r.BasicAuth(); err != nil || user != "lightning" || password != "secret" || request.Method != "sendrawtransaction" || len(request.Params) != 1 {
			t.Errorf("user %s, password %s, %+v, %v", user, password, request, err)
			return
		}
		got = append(got, request.Params[0])
		if body := answer(request.Params[0]); body == "401" {
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			text(body)(w, r)
		}
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
	wallet := map[string]string{id: `{"raw_tx_hex":"f00d"}`}
	accepted, spent := `{"result":"`+id+`","error":null}`, `{"error":{"code":-25,"message":"bad-txns-inputs-missingorspent"}}`
	const rejection = "bitcoind rejects it: bad-txns-inputs-missingorspent"
	for name, test := range map[string]struct {
		pending          string
		wallet           map[string]string
		funding, closing string // answers of bitcoind
		want             []string
		failure          string
	}{
		"both":                          {waiting, wallet, accepted, accepted, []string{"f00d", "c105"}, ""},
		"the funding is in a block":     {waiting, wallet, `{"error":{"code":-27,"message":"already in utxo set"}}`, accepted, []string{"f00d", "c105"}, ""},
		"both are in a block":           {waiting, wallet, `{"error":{"code":-27,"message":""}}`, `{"error":{"code":-27,"message":""}}`, []string{"f00d", "c105"}, ""},
		"the other end has opened it":   {waiting, nil, "", accepted, []string{"c105"}, ""},
		"the funding is rejected":       {waiting, wallet, spent, accepted, []string{"f00d", "c105"}, ""},
		"the closing is rejected":       {waiting, wallet, accepted, spent, []string{"f00d", "c105"}, rejection},
		"both are rejected":             {waiting, wallet, `{"error":{"code":-26,"message":"bad-txns-premature-spend-of-coinbase"}}`, spent, []string{"f00d", "c105"}, rejection + "; the funding transaction: bitcoind rejects it: bad-txns-premature-spend-of-coinbase"},
		"LND cannot read the funding":   {waiting, map[string]string{id: broken}, "", spent, []string{"c105"}, rejection + "; the funding transaction: database not open"},
		"and the closing is accepted":   {waiting, map[string]string{id: broken}, "", accepted, []string{"c105"}, ""},
		"bitcoind sends garbage":        {waiting, wallet, accepted, "<html>", []string{"f00d", "c105"}, "sends an unexpected response"},
		"LND's user is unknown":         {waiting, wallet, accepted, "401", []string{"f00d", "c105"}, "rejects LND's credential"},
		"LND has no transaction":        {strings.Replace(waiting, "c105", "", 1), wallet, "", "", nil, "LND has no closing transaction of the channel"},
		"the transaction is in a block": {`{"pending_force_closing_channels":[` + channel + `]}`, wallet, "", "", nil, ""},
		"the channel is gone":           {`{}`, wallet, "", "", nil, ""},
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/channels/pending": text(test.pending), "GET /v2/wallet/tx": walletOf(test.wallet)})
		got := sentTo(t, s, func(raw string) string { return map[string]string{"f00d": test.funding, "c105": test.closing}[raw] })
		err := s.closeChannel(t.Context(), api.Close{Point: id + ":1", Publish: true})
		if (err == nil) != (test.failure == "") || err != nil && (!strings.HasSuffix(err.Error(), test.failure) || statusOf(err) != api.StatusLND) {
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

// broken is a transaction that LND fails to read.
const broken = "broken"

// walletOf answers with the transactions of LND's wallet, by their id.
func walletOf(transactions map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		transaction, known := transactions[r.URL.Query().Get("txid")]
		switch {
		case transaction == broken:
			status(http.StatusInternalServerError, `{"code":2,"message":"database not open"}`)(w, r)
			return
		case known:
			text(transaction)(w, r)
			return
		}
		status(http.StatusInternalServerError, fmt.Sprintf(`{"code":2,"message":"can not find transaction: txid %s"}`, r.URL.Query().Get("txid")))(w, r)
	}
}

// A node that has opened channels one after the other spends the change of the first ones for the last.
func TestTheTransactionsThatAFundingSpendsAreSentBeforeIt(t *testing.T) {
	id := func(letter string) string { return strings.Repeat(letter, 64) }
	spends := func(raw, point string, own bool) string {
		return fmt.Sprintf(`{"raw_tx_hex":"%s","previous_outpoints":[{"outpoint":"%s","is_our_output":%t},{"outpoint":"%s:1","is_our_output":false}]}`, raw, point, own, id("e"))
	}
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/channels/pending": text(`{"waiting_close_channels":[{"channel":{"channel_point":"` + id("a") + `:0","capacity":"1","local_balance":"1","remote_balance":"0"},"closing_tx_hex":"c105"}]}`),
		"GET /v2/wallet/tx":        walletOf(map[string]string{id("a"): spends("aa", id("b")+":1", true), id("b"): spends("bb", id("c")+":1", true), id("c"): spends("cc", id("d")+":0", false)}),
	})
	known := map[string]bool{}
	needs := map[string]string{"aa": "bb", "bb": "cc", "c105": "aa"}
	got := sentTo(t, s, func(raw string) string {
		if parent := needs[raw]; parent != "" && !known[parent] {
			return `{"error":{"code":-25,"message":"bad-txns-inputs-missingorspent"}}`
		}
		known[raw] = true
		return `{"error":null}`
	})
	if err := s.closeChannel(t.Context(), api.Close{Point: id("a") + ":0", Publish: true}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"aa", "bb", "cc", "bb", "aa", "c105"}, got()); diff != "" {
		t.Error(diff)
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

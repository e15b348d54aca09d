//go:build linux

package agent

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	testtools.Eventually(t, what, 30*time.Second, check)
}

func TestPeersAreConnectedOnce(t *testing.T) {
	s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/peers": text(`{"peers":[{"pub_key":"` + keyA + `"}]}`)})
	third := "03" + strings.Repeat("c", 64)
	s.answer("POST /v1/peers", func(w http.ResponseWriter, r *http.Request) {
		answer := status(500, `{"code":2,"message":"already connected to peer: 03bb@10.0.0.2:9735"}`)
		if all := s.requested("POST /v1/peers"); len(all) > 0 && strings.Contains(all[len(all)-1], third) {
			answer = status(500, `{"message":"connection refused"}`)
		}
		answer(w, r)
	})
	got, err := s.connect(t.Context(), []api.Peer{{PubKey: keyA, Host: "a:9735"}, {PubKey: keyB, Host: "b:9735"}})
	if err != nil || len(got.Failed) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	want := `POST /v1/peers {"addr":{"pubkey":"` + keyB + `","host":"b:9735"},"timeout":"8"}`
	if diff := cmp.Diff([]string{want}, s.requested("POST")); diff != "" {
		t.Error(diff)
	}
	got, err = s.connect(t.Context(), []api.Peer{{PubKey: third, Host: "c:9735"}})
	if diff := cmp.Diff([]api.PeerFailure{{PubKey: third, Message: "connection refused"}}, got.Failed); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestAChannelIsClosedOnce(t *testing.T) {
	id := strings.Repeat("ab", 32)
	entry := `[{"channel":{"channel_point":"` + id + `:1","capacity":"1","local_balance":"1","remote_balance":"0"}}]`
	closed := text(`{"result":{"close_pending":{"txid":"AA==","output_index":0}}}` + "\n")
	for name, test := range map[string]struct {
		pending string
		answer  http.HandlerFunc
		force   bool
		abandon bool
		want    string // the request, or the error
	}{
		"cooperatively":                      {`{}`, closed, false, false, "DELETE /v1/channels/" + id + "/1"},
		"by force":                           {`{}`, closed, true, false, "DELETE /v1/channels/" + id + "/1?force=true"},
		"closing already":                    {`{"waiting_close_channels":` + entry + `}`, closed, true, false, ""},
		"closed by force already":            {`{"pending_force_closing_channels":` + entry + `}`, closed, false, false, ""},
		"not confirmed":                      {`{"pending_open_channels":` + entry + `}`, closed, false, false, "DELETE /v1/channels/" + id + "/1"},
		"not confirmed, by force":            {`{"pending_open_channels":` + entry + `}`, closed, true, false, "is not confirmed"},
		"abandoned":                          {`{"pending_open_channels":` + entry + `}`, closed, false, true, "DELETE /v1/channels/abandon/" + id + "/1?i_know_what_i_am_doing=true"},
		"abandoned already":                  {`{}`, closed, false, true, ""},
		"abandoned while it is closing":      {`{"waiting_close_channels":` + entry + `}`, closed, false, true, "it is WaitingClose"},
		"an error before the stream":         {`{}`, status(500, `{"error":{"code":2,"message":"peer is offline"}}`), false, false, "peer is offline"},
		"an error in the stream":             {`{}`, text(`{"error":{"message":"peer went away"}}`), false, false, "peer went away"},
		"a stream that ends without message": {`{}`, text(""), false, false, "LND does not answer"},
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/channels/pending": text(test.pending), "DELETE /v1/channels/" + id + "/1": test.answer, "DELETE /v1/channels/abandon/" + id + "/1": text(`{"status":"abandoned"}`)})
		err := s.closeChannel(t.Context(), api.Close{Point: id + ":1", Force: test.force, Abandon: test.abandon})
		if strings.HasPrefix(test.want, "DELETE") || test.want == "" {
			if got := strings.Join(s.requested("DELETE"), "\n"); err != nil || got != test.want {
				t.Errorf("%s: %v, requested %q", name, err, got)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.want) || statusOf(err) != api.StatusLND {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another end may have it from before a reorganisation.
func TestAnOpenChannelIsNeverAbandoned(t *testing.T) {
	point := strings.Repeat("ab", 32) + ":1"
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/channels": text(`{"channels":[{"channel_point":"` + point + `","chan_id":"1","capacity":"1","local_balance":"1","remote_balance":"0"}]}`),
	})
	for _, force := range []bool{false, true} {
		err := s.closeChannel(t.Context(), api.Close{Point: point, Abandon: true, Force: force})
		if got := s.requested("DELETE"); !errors.Is(err, errConfirmed) || len(got) > 0 {
			t.Errorf("force %v: %v, requested %q", force, err, got)
		}
	}
}

// An agent of before would close a channel that is to be abandoned.
func TestARequestThatTheAgentDoesNotKnowInFullIsRejected(t *testing.T) {
	id := strings.Repeat("ab", 32)
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/channels":                 text(`{"channels":[{"channel_point":"` + id + `:0","chan_id":"1","capacity":"1","local_balance":"1","remote_balance":"0"}]}`),
		"DELETE /v1/channels/" + id + "/0": text(`{"result":{}}`),
	})
	for name, request := range map[string]func() (any, error){
		"another way to close": func() (any, error) {
			return s.handleClose(false)(t.Context(), []byte(`{"point":"`+id+`:0","gently":true}`))
		},
		"no close": func() (any, error) {
			return s.handleClose(false)(t.Context(), []byte(`{"point":"`+id+`:0","abandon":true}`))
		},
		"no abandonment":  func() (any, error) { return s.handleClose(true)(t.Context(), []byte(`{"point":"`+id+`:0"}`)) },
		"another channel": func() (any, error) { return s.handleChannels(t.Context(), []byte(`{"channels":[],"all":true}`)) },
	} {
		if _, err := request(); !errors.Is(err, errInvalid) || len(s.requested("DELETE")) > 0 {
			t.Errorf("%s: %v, requested %q", name, err, s.requested("DELETE"))
		}
	}
	if _, err := s.handleClose(false)(t.Context(), []byte(`{"point":"`+id+`:0"}`)); err != nil || len(s.requested("DELETE")) != 1 {
		t.Errorf("%v, requested %q", err, s.requested("DELETE"))
	}
}

// After the first message LND keeps a stream open until the closing transaction is confirmed.
func TestACloseDoesNotWaitForConfirmations(t *testing.T) {
	id := strings.Repeat("ab", 32)
	s := newStandIn(t, map[string]http.HandlerFunc{"DELETE /v1/channels/" + id + "/0": func(w http.ResponseWriter, r *http.Request) {
		text(`{"result":{"close_pending":{}}}`)(w, r)
		w.(http.Flusher).Flush() //nolint:errcheck,forcetypeassert // of the standard library
		<-r.Context().Done()
	}})
	if err := s.closeChannel(t.Context(), api.Close{Point: id + ":0"}); err != nil {
		t.Error(err)
	}
}

func TestWhatNeedsAnActiveLNDIsNotRequestedBefore(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"it syncs":       text(`{"state":"RPC_ACTIVE"}`),
		"it has no REST": status(500, ""),
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/state": answer})
		if err := s.requireActive(t.Context()); !errors.Is(err, errNotActive) || statusOf(err) != api.StatusNotActive {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := newStandIn(t, nil)
	if err := s.requireActive(t.Context()); err != nil {
		t.Error(err)
	}
	s.running, s.problem = nil, "bitcoind is away"
	if err := s.requireActive(t.Context()); !errors.Is(err, errNotActive) || !strings.Contains(err.Error(), "bitcoind is away") {
		t.Errorf("it waits: %v", err)
	}
}

func TestAnAddressIsAnUnusedOne(t *testing.T) {
	s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/state": text(`{"state":"RPC_ACTIVE"}`), "GET /v1/newaddress": text(`{"address":"bcrt1q"}`)})
	if got, err := s.address(t.Context()); err != nil || got != "bcrt1q" {
		t.Errorf("%q, %v", got, err)
	}
	if got := s.requested("GET /v1/new"); len(got) != 1 || !strings.HasSuffix(got[0], "?type=UNUSED_WITNESS_PUBKEY_HASH") {
		t.Errorf("requested %v", got)
	}
}

func TestALNDThatWasActiveIsAliveWhileItAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   bool
	}{
		"it answers":            {text(`{}`), true},
		"it answers an error":   {status(500, `{"message":"no chain"}`), true},
		"it stops":              {status(503, `{"message":"shutting down"}`), false},
		"it sends garbage":      {text("<html>"), false},
		"it closes connections": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{"GET /v1/getinfo": test.answer})
		if err := s.alive(t.Context()); err != nil || s.ready(t.Context()) == nil {
			t.Errorf("%s: before it was active: %v", name, err)
		}
		s.answered = true
		for range 3 {
			if err := s.alive(t.Context()); (err == nil) != test.want || s.ready(t.Context()) != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Anybody may ask.
		if got := s.requested("GET /v1/getinfo"); len(got) != 1 {
			t.Errorf("%s: requested %d times", name, len(got))
		}
	}
}

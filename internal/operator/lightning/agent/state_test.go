//go:build linux

package agent

import (
	"encoding/pem"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

func TestTheStateIsWhatLNDReports(t *testing.T) {
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/peers": text(`{"peers":[{"pub_key":"` + keyB + `","address":"10.0.0.1:9735"}]}`),
		"GET /v1/channels": text(`{"channels":[
			{"active":true,"remote_pubkey":"` + keyB + `","channel_point":"aa:0","chan_id":"326554953515008","capacity":"1000000","local_balance":"790000","remote_balance":"200000","initiator":true,"memo":"m1"},
			{"active":false,"remote_pubkey":"` + keyB + `","channel_point":"bb:1","chan_id":"1","capacity":"20000","local_balance":"0","remote_balance":"20000","private":true},
			{"active":true,"remote_pubkey":"` + keyB + `","channel_point":"b2:0","chan_id":"2","capacity":"9","local_balance":"9","remote_balance":"0","private":true},
			{"active":true,"remote_pubkey":"` + keyB + `","channel_point":"b3:0","chan_id":"3","capacity":"9","local_balance":"9","remote_balance":"0","private":true}]}`),
		"GET /v1/channels/pending": text(`{
			"pending_open_channels":[{"channel":{"remote_node_pub":"` + keyB + `","channel_point":"cc:0","capacity":"5","local_balance":"4","remote_balance":"1","initiator":"INITIATOR_LOCAL","memo":"m2"}},
				{"channel":{"channel_point":"bb:1","capacity":"20000","local_balance":"0","remote_balance":"0"}}],
			"waiting_close_channels":[
				{"channel":{"channel_point":"dd:0","capacity":"6","local_balance":"0","remote_balance":"0","initiator":"INITIATOR_REMOTE","chan_status_flags":"ChanStatusCoopBroadcasted|ChanStatusLocalCloseInitiator"}},
				{"channel":{"channel_point":"ff:0","capacity":"8","local_balance":"0","remote_balance":"0","chan_status_flags":"ChanStatusCommitBroadcasted|ChanStatusLocalCloseInitiator"}}],
			"pending_force_closing_channels":[{"channel":{"channel_point":"ee:0","capacity":"7","local_balance":"0","remote_balance":"0","private":true}}]}`),
		"GET /v1/graph": text(`{"nodes":[{"pub_key":"` + keyA + `"}],"edges":[
			{"channel_id":"326554953515008","node1_policy":{"disabled":false},"node2_policy":{"disabled":false},"auth_proof":{"node_sig1":"aa"}},
			{"channel_id":"1","node1_policy":{"disabled":false},"node2_policy":{"disabled":true},"auth_proof":null},
			{"channel_id":"2","node1_policy":{"disabled":true},"node2_policy":{"disabled":true},"auth_proof":null},
			{"channel_id":"326554953515009","node1_policy":{"disabled":false},"node2_policy":{"disabled":false},"auth_proof":{"node_sig1":"aa"}},
			{"channel_id":"326554953515010","node1_policy":{"disabled":false},"node2_policy":null,"auth_proof":{"node_sig1":"aa"}},
			{"channel_id":"326554953515011","node1_policy":{"disabled":false},"node2_policy":{"disabled":true},"auth_proof":{"node_sig1":"aa"}},
			{"channel_id":"326554953515012","node1_policy":{"disabled":false},"node2_policy":{"disabled":false},"auth_proof":null}]}`),
	})
	want := api.State{
		Process: api.Running, LND: api.LNDActive, Backend: api.Backend{}.Digest(),
		Info: &api.Info{
			PubKey: keyA, Alias: "alice", Version: "0.21.0", Height: 7, BlockHash: "ab", BestBlockTime: time.Unix(1700000000, 0).UTC(),
			SyncedToChain: true, SyncedToGraph: true,
		},
		Wallet: &api.Wallet{Confirmed: 5000000000, Unconfirmed: 3}, Peers: []string{keyB},
		Channels: []api.Channel{
			{Memo: "m1", Point: "aa:0", ShortID: "297x1x0", RemotePubKey: keyB, Capacity: 1000000, Local: 790000, Remote: 200000, Active: true, Initiator: true, State: api.Open, Policies: 2, Announced: true},
			{Point: "bb:1", ShortID: "0x0x1", RemotePubKey: keyB, Capacity: 20000, Remote: 20000, Private: true, State: api.Open, Policies: 1},
			{Point: "b2:0", ShortID: "0x0x2", RemotePubKey: keyB, Capacity: 9, Local: 9, Active: true, Private: true, State: api.Open},
			{Point: "b3:0", ShortID: "0x0x3", RemotePubKey: keyB, Capacity: 9, Local: 9, Active: true, Private: true, State: api.Open, NotInGraph: true},
			{Memo: "m2", Point: "cc:0", RemotePubKey: keyB, Capacity: 5, Local: 4, Remote: 1, Initiator: true, State: api.PendingOpen},
			{Point: "dd:0", Capacity: 6, State: api.WaitingClose},
			{Point: "ff:0", Capacity: 8, State: api.WaitingClose, Forced: true},
			{Point: "ee:0", Capacity: 7, Private: true, State: api.ForceClosing, Forced: true},
		},
		// Of others too. Neither those that lack a policy nor those that are not announced.
		Graph: []string{"297x1x0", "297x1x1"},
	}
	if diff := cmp.Diff(want, s.state(t.Context())); diff != "" {
		t.Error(diff)
	}
	// Private channels and the proofs are left out unless they are requested.
	const request = "GET /v1/graph?include_unannounced=true&include_auth_proof=true"
	if got := s.requested("GET /v1/graph"); !slices.Equal(got, []string{request}) {
		t.Errorf("the graph is requested by %q", got)
	}
}

func TestEmptyListsAreNotAbsent(t *testing.T) {
	got := newStandIn(t, nil).state(t.Context())
	if got.Peers == nil || got.Channels == nil || got.Graph == nil || len(got.Problems) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatLNDDoesNotAnswerIsAbsentWithAProblem(t *testing.T) {
	huge := text(`{"channels":[` + strings.Repeat(" ", maxAnswerBytes) + `]}`)
	for name, test := range map[string]struct {
		call   string
		answer http.HandlerFunc
		// absent are the fields of the state that must be missing; all others are present.
		absent  []string
		problem string
	}{
		"slow info":                   {"GET /v1/getinfo", silent, []string{"Info"}, "getinfo is unknown: LND does not answer in time"},
		"info that is no JSON":        {"GET /v1/getinfo", text("<html>"), []string{"Info"}, "getinfo is unknown: LND does not answer: the body is not the expected one"},
		"half an answer":              {"GET /v1/getinfo", text(`{"alias":"a`), []string{"Info"}, "the body is not the expected one"},
		"a rejected macaroon":         {"GET /v1/balance/blockchain", status(401, `{"code":16,"message":"verification failed"}`), []string{"Wallet"}, "the balance of the wallet is unknown: verification failed"},
		"a status without a sentence": {"GET /v1/peers", status(500, ""), []string{"Peers"}, "the list of peers is unknown: LND answers with HTTP status 500"},
		"a redirect":                  {"GET /v1/peers", status(302, ""), []string{"Peers"}, "HTTP status 302"},
		"a long sentence":             {"GET /v1/peers", status(500, `{"message":"`+strings.Repeat("x", 5000)+`"}`), []string{"Peers"}, "xxx"},
		"numbers that are texts":      {"GET /v1/balance/blockchain", text(`{"confirmed_balance":"x"}`), []string{"Wallet"}, "not the expected one"},
		"huge lists":                  {"GET /v1/channels", huge, []string{"Channels", "Graph"}, "more than 8388608 bytes"},
		"slow pending channels":       {"GET /v1/channels/pending", silent, []string{"Channels", "Graph"}, "the list of channels is unknown: LND does not answer in time"},
		"a graph with an error":       {"GET /v1/graph", status(500, ""), []string{"Channels", "Graph"}, "the list of channels is unknown: LND answers with HTTP status 500"},
		"a slow state":                {"GET /v1/state", silent, []string{"LND", "Info", "Wallet", "Peers", "Channels", "Graph"}, "the state of LND is unknown"},
		"a state that is none":        {"GET /v1/state", text(`[]`), []string{"LND", "Info", "Wallet", "Peers", "Channels", "Graph"}, "the state of LND is unknown"},
		"a locked wallet":             {"GET /v1/state", text(`{"state":"LOCKED"}`), []string{"Info", "Wallet", "Peers", "Channels", "Graph"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			// It takes the processor from the others, which then do not answer in time either.
			if name != "huge lists" {
				t.Parallel()
			}
			s := newStandIn(t, map[string]http.HandlerFunc{test.call: test.answer})
			began := time.Now()
			got := s.state(t.Context())
			// Far more than the timeout, since the machine may be busy.
			if took := time.Since(began); took > api.StateTimeout+30*time.Second {
				t.Errorf("it took %v", took)
			}
			var absent []string
			for i := range reflect.TypeFor[api.State]().NumField() {
				field := reflect.TypeFor[api.State]().Field(i).Name
				if reflect.ValueOf(got).Field(i).IsZero() && !slices.Contains([]string{"Problems", "Backend", "Next", "Secret"}, field) {
					absent = append(absent, field)
				}
			}
			if diff := cmp.Diff(test.absent, absent); diff != "" {
				t.Error(diff)
			}
			if problems := strings.Join(got.Problems, "\n"); !strings.Contains(problems, test.problem) || (problems == "") != (test.problem == "") || len(problems) > api.MaxMessageBytes {
				t.Errorf("problems: %s", problems)
			}
		})
	}
}

// Otherwise the balance may be that of before a block that getinfo reports as processed.
func TestTheHeightIsNotNewerThanTheRest(t *testing.T) {
	informed := make(chan struct{})
	var early atomic.Int32
	rest := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-informed:
		default:
			early.Add(1)
		}
		text("{}")(w, r)
	}
	asked := make(chan struct{}, 8)
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/getinfo": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-asked:
			case <-time.After(200 * time.Millisecond):
			}
			close(informed)
			text("{}")(w, r)
		},
		"GET /v1/balance/blockchain": func(w http.ResponseWriter, r *http.Request) { asked <- struct{}{}; rest(w, r) },
		"GET /v1/channels/pending":   rest,
	})
	s.state(t.Context())
	if early.Load() > 0 {
		t.Errorf("%d requests before the answer of getinfo", early.Load())
	}
}

// Another order would be another status at each pass.
func TestProblemsHaveAnOrder(t *testing.T) {
	var s api.State
	g := gathering{state: &s}
	for _, part := range []string{"c", "a", "b"} {
		g.add(part, func() (func(), error) { return nil, errors.New("no") })
		g.group.Wait()
	}
	g.wait()
	if want := []string{"a is unknown: no", "b is unknown: no", "c is unknown: no"}; !slices.Equal(s.Problems, want) {
		t.Errorf("%q", s.Problems)
	}
}

func TestOnlyTheCertificateOfLNDsDirectoryIsTrusted(t *testing.T) {
	s := newStandIn(t, nil)
	raw := s.server.Certificate().Raw
	other := append(slices.Clone(raw[:len(raw)-1]), raw[len(raw)-1]+1)
	for name, content := range map[string][]byte{
		"another certificate": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other}),
		"no certificate":      []byte("garbage"),
	} {
		s.write("tls.cert", content)
		if got := s.state(t.Context()); got.LND != "" || len(s.requested("GET")) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.write("tls.cert", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	if got := s.state(t.Context()); got.LND != api.LNDActive {
		t.Errorf("its own: %+v", got)
	}
}

func TestWithoutAMacaroonNothingIsRequested(t *testing.T) {
	s := newStandIn(t, nil)
	s.lnd.dir = t.TempDir()
	s.write("tls.cert", mustRead(t, newStandIn(t, nil), "tls.cert"))
	if _, err := s.address(t.Context()); statusOf(err) != api.StatusNotActive || len(s.requested("GET")) > 0 {
		t.Errorf("%v, %v", err, s.requested("GET"))
	}
}

// A channel that opens or begins to close between two requests must not be missing: another one with its memo would be opened.
func TestAChannelThatChangesMeanwhileIsNotMissing(t *testing.T) {
	open := text(`{"channels":[{"channel_point":"aa:0","chan_id":"0","capacity":"1","local_balance":"1","remote_balance":"0","memo":"m"}]}`)
	closing := text(`{"waiting_close_channels":[{"channel":{"channel_point":"aa:0","capacity":"1","local_balance":"1","remote_balance":"0","memo":"m"}}]}`)
	opening := text(`{"pending_open_channels":[{"channel":{"channel_point":"aa:0","capacity":"1","local_balance":"1","remote_balance":"0","memo":"m"}}]}`)
	none := text(`{}`)
	for name, answers := range map[string][3]http.HandlerFunc{
		"it opens before the list of pending ones":  {none, none, open},
		"it opens after the list of pending ones":   {none, opening, open},
		"it closes before the list of pending ones": {open, closing, none},
		"it closes after the list of pending ones":  {open, none, none},
		"it is open": {open, none, open},
	} {
		s := newStandIn(t, nil)
		lists := 0
		s.answer("GET /v1/channels", func(w http.ResponseWriter, r *http.Request) {
			lists++
			answers[2*(lists-1)](w, r)
		})
		s.answer("GET /v1/channels/pending", answers[1])
		if _, all, err := s.listChannels(t.Context()); err != nil || len(all) != 1 || all[0].Memo != "m" {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

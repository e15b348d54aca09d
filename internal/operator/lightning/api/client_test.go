package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
)

// serve returns the pod of an agent that answers with a handler.
func serve(t *testing.T, handle http.HandlerFunc) Pod {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr)
	return Pod{Host: address.IP.String(), Port: address.Port, User: "operator", Password: "secret"}
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// calls are all of the client.
var calls = map[string]func(context.Context, *Client, Pod) error{
	"PUT /v1/backend": func(ctx context.Context, c *Client, pod Pod) error {
		return c.PutBackend(ctx, pod, Backend{Host: "h", RPCPort: 1, User: "u", Password: "p"})
	},
	"GET /v1/state":    func(ctx context.Context, c *Client, pod Pod) error { _, err := c.State(ctx, pod); return err },
	"POST /v1/address": func(ctx context.Context, c *Client, pod Pod) error { _, err := c.NewAddress(ctx, pod); return err },
	"PUT /v1/peers": func(ctx context.Context, c *Client, pod Pod) error {
		_, err := c.ConnectPeers(ctx, pod, []Peer{{PubKey: "k", Host: "h"}})
		return err
	},
	"PUT /v1/channels": func(ctx context.Context, c *Client, pod Pod) error {
		_, err := c.OpenChannels(ctx, pod, []NewChannel{{Memo: "m", PubKey: "k", Capacity: 2, Push: 1}})
		return err
	},
	"POST /v1/close": func(ctx context.Context, c *Client, pod Pod) error {
		return c.CloseChannel(ctx, pod, Close{Point: "p", Force: true})
	},
	"POST /v1/abandon": func(ctx context.Context, c *Client, pod Pod) error {
		return c.CloseChannel(ctx, pod, Close{Point: "p", Abandon: true})
	},
}

func TestTheRequestsAreThoseOfTheInterface(t *testing.T) {
	got := map[string]string{}
	pod := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if _, password, _ := r.BasicAuth(); err != nil || password != "secret" {
			t.Errorf("%v, password %s", err, password)
		}
		got[r.Method+" "+r.URL.Path] = string(body)
		io.WriteString(w, `{"process":"Running","address":"bcrt1"}`) //nolint:errcheck // a client may close early
	})
	for name, call := range calls {
		if err := call(deadline(t), NewClient(nil), pod); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := map[string]string{
		"PUT /v1/backend": `{"host":"h","rpcPort":1,"user":"u","password":"p","node":0}`, "GET /v1/state": "", "POST /v1/address": "{}",
		"PUT /v1/peers":    `{"peers":[{"pubKey":"k","host":"h"}]}`,
		"PUT /v1/channels": `{"channels":[{"memo":"m","pubKey":"k","capacity":2,"push":1}]}`,
		"POST /v1/close":   `{"point":"p","force":true}`,
		"POST /v1/abandon": `{"point":"p","abandon":true}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresAreOfTheirKindAndBounded(t *testing.T) {
	long := strings.Repeat("é", MaxMessageBytes)
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
		text   string
	}{
		"unauthorized":       {401, "", ErrUnauthorized, ""},
		"invalid":            {400, `{"message":"no memo"}`, ErrInvalid, ": no memo"},
		"busy":               {409, `{"message":"wait"}`, ErrBusy, ": wait"},
		"stuck":              {423, `{"message":"wait"}`, ErrStuck, ": wait"},
		"an earlier agent":   {404, "404 page not found", ErrUnknownRequest, ""},
		"another pod":        {421, "", ErrOtherPod, ""},
		"an error of LND":    {502, `{"message":"peer is offline"}`, ErrLND, ": peer is offline"},
		"not active":         {503, `{"message":"its state is RPC_ACTIVE"}`, ErrNotActive, ": its state is RPC_ACTIVE"},
		"without a sentence": {503, "", ErrNotActive, "LND is not active"},
		"a long sentence":    {502, `{"message":"` + long + `"}`, ErrLND, ": " + long[:MaxMessageBytes]},
		"another status":     {500, `{"message":"secret"}`, ErrGarbage, "HTTP status 500"},
		"a redirect":         {302, "", ErrGarbage, "HTTP status 302"},
		"no JSON":            {200, "<html>", ErrGarbage, ""},
		"a large response":   {200, strings.Repeat(" ", podhttp.MaxResponseBytes+1), ErrGarbage, ""},
	} {
		pod := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(test.status)
			io.WriteString(w, test.body) //nolint:errcheck // a client may close early
		})
		for call, do := range calls {
			if err := do(deadline(t), NewClient(nil), pod); !errors.Is(err, test.want) || !strings.HasSuffix(err.Error(), test.text) {
				t.Errorf("%s, %s: %.200v", name, call, err)
			}
		}
	}
}

func TestAnAnswerThatLacksWhatItIsForIsGarbage(t *testing.T) {
	pod := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) }) //nolint:errcheck // a client may close early
	for _, call := range []string{"GET /v1/state", "POST /v1/address"} {
		if err := calls[call](deadline(t), NewClient(nil), pod); !errors.Is(err, ErrGarbage) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestSentencesInAnAnswerAreBounded(t *testing.T) {
	long := strings.Repeat("x", MaxMessageBytes+1)
	pod := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"process":"Waiting","problems":["`+long+`"],"failed":[{"message":"`+long+`"}]}`) //nolint:errcheck // a client may close early
	})
	state, err1 := NewClient(nil).State(deadline(t), pod)
	peers, err2 := NewClient(nil).ConnectPeers(deadline(t), pod, nil)
	channels, err3 := NewClient(nil).OpenChannels(deadline(t), pod, nil)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{state.Problems[0], peers[0].Message, channels.Failed[0].Message} {
		if len(text) != MaxMessageBytes {
			t.Errorf("%d bytes", len(text))
		}
	}
}

func TestTheDialFunctionGetsHostAndPort(t *testing.T) {
	failure := errors.New("no such pod")
	address := ""
	client := NewClient(func(_ context.Context, _, to string) (net.Conn, error) {
		address = to
		return nil, failure
	})
	if _, err := client.State(deadline(t), Pod{Host: "ln-lnd-0.default", Password: "secret"}); !errors.Is(err, failure) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if address != "ln-lnd-0.default:18331" {
		t.Errorf("dialled %s", address)
	}
}

func TestTheDigestOfABackendDependsOnAllOfIt(t *testing.T) {
	digests := map[string]bool{}
	all := []Backend{
		{}, {Host: "h"}, {RPCPort: 1}, {User: "u"}, {Password: "p"}, {ZMQRawBlockPort: 1}, {ZMQRawTxPort: 1},
	}
	for _, backend := range all {
		digest := backend.Digest()
		if digests[digest] = true; len(digest) != 64 || digest != backend.Digest() {
			t.Errorf("%+v: %s", backend, digest)
		}
	}
	if len(digests) != len(all) {
		t.Errorf("%d digests", len(digests))
	}
}

package bitcoind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serve starts a node that answers with a handler of the test.
func serve(t *testing.T, handler http.HandlerFunc) Endpoint {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A server detects a closed client only after it has read the request.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return endpointOf(t, server.Listener.Addr().String())
}

func endpointOf(t *testing.T, address string) Endpoint {
	t.Helper()
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	return Endpoint{Host: host, Port: port, User: "user", Password: "top-secret"}
}

// bounded is for a call that ends by itself: its time is over only if it hangs.
func bounded(t *testing.T) context.Context { return within(t, time.Minute) }

// brief is for a call that ends only with its time.
func brief(t *testing.T) context.Context { return within(t, 500*time.Millisecond) }

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestABatchIsOneRoundTripAndEachCallHasItsOwnResult(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "top-secret" {
			t.Errorf("credentials did not arrive")
		}
		var asked []map[string]any
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked) != 3 {
			t.Errorf("asked %v, %v", asked, err)
		}
		if _, found := asked[0]["jsonrpc"]; found {
			t.Error("jsonrpc must be omitted: releases of bitcoind differ in what they accept")
		}
		// Answers may come in any order.
		fmt.Fprint(w, `[{"id":2,"result":"00ff","error":null},{"id":0,"result":{"subversion":"/x/"},"error":null},
			{"id":1,"result":null,"error":{"code":-23,"message":"Error: Node already added"}}]`)
	})
	var info NetworkInfo
	var hash string
	errs, err := NewClient(nil, nil).Batch(bounded(t), at, []Call{GetNetworkInfo(&info), AddNode("10.0.0.1"), GetBlockHash(7, &hash)})
	if err != nil {
		t.Fatal(err)
	}
	if info.Subversion != "/x/" || hash != "00ff" || errs[0] != nil || errs[2] != nil {
		t.Errorf("info %+v, hash %q, errors %v", info, hash, errs)
	}
	if !AlreadySo(errs[1]) {
		t.Errorf("%v is not an error that means that the state exists", errs[1])
	}
}

func TestTheErrorOfANodeThatMisbehavesHasTheCause(t *testing.T) { //nolint:funlen // a table
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		reason  string
		words   string
	}{
		"it does not know the credential":     {answer(401, ""), "unauthorized", "rejects the operator's credential"},
		"it forbids a call":                   {answer(403, ""), "unauthorized", "rejects the operator's credential"},
		"its queue is full":                   {answer(503, "Work queue depth exceeded"), "unreachable", "request queue of the node is full"},
		"it warms up":                         {answer(200, `[{"id":0,"result":null,"error":{"code":-28,"message":"Loading block index…"}}]`), "warmup", "Loading block index"},
		"it answers the batch with one error": {answer(500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`), "refused", "Parse error"},
		"it sends a web page":                 {answer(200, "<html>hello</html>"), "garbage", "is not valid"},
		"it sends nothing":                    {answer(200, ""), "garbage", "is not valid"},
		"it answers too little":               {answer(200, `[]`), "garbage", "no result for getnetworkinfo"},
		"it answers something else":           {answer(200, `[{"id":5,"result":1}]`), "garbage", "not sent"},
		"it answers twice":                    {answer(200, `[{"id":0,"result":{}},{"id":0,"result":{}}]`), "garbage", "not sent"},
		"its result has another form":         {answer(200, `[{"id":0,"result":"a string"}]`), "garbage", "unexpected type"},
		"it redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "garbage", "302"},
		"it never stops talking": {func(w http.ResponseWriter, _ *http.Request) {
			chunk := strings.Repeat("x", 1<<20)
			for range 2 * maxResponseBytes >> 20 {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		}, "garbage", "more than"},
		"it hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "timeout", "no answer in time"},
		"it hangs in the middle of its answer": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `[{"id":0,`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "timeout", "no answer in time"},
		"it cuts the line": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}, "unreachable", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			observed := ""
			client := NewClient(func(_ string, _ time.Duration, err error) { observed = Reason(err) }, nil)
			var info NetworkInfo
			ctx := bounded(t)
			if test.reason == "timeout" {
				ctx = brief(t)
			}
			err := client.Call(ctx, serve(t, test.handler), GetNetworkInfo(&info))
			if err == nil || Reason(err) != test.reason || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %q (%s), want %q with %q", err, Reason(err), test.reason, test.words)
			}
			if err != nil && strings.Contains(err.Error(), "top-secret") {
				t.Error("the password stands in the error")
			}
			if test.reason != "warmup" && observed != test.reason {
				t.Errorf("observed %q, want %q", observed, test.reason)
			}
		})
	}
}

func TestAnAddressWithoutServerFailsAtOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := endpointOf(t, listener.Addr().String())
	listener.Close()
	err = NewClient(nil, nil).Call(bounded(t), at, GetNetworkInfo(&NetworkInfo{}))
	var away *UnreachableError
	if !errors.As(err, &away) || away.Timeout() || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

// The calls of a reconcile share a connection, which is closed before the next one: most networks are reconciled rarely.
func TestAConnectionServesOneReconcileAndIsThenClosed(t *testing.T) {
	t.Parallel()
	opened, closed := make(chan struct{}, 10), make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"id":0,"result":{}}]`) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		case http.StateActive, http.StateIdle, http.StateHijacked:
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := NewClient(nil, nil)
	for range 3 {
		if _, err := client.Batch(t.Context(), endpointOf(t, server.Listener.Addr().String()), []Call{GetNetworkInfo(new(NetworkInfo))}); err != nil {
			t.Fatal(err)
		}
	}
	// A machine that is short of time may take longer than a connection lives, once.
	if len(opened) == 3 {
		t.Error("three calls took three connections")
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("ten seconds later the connection is still open")
	}
}

func TestAReadIsSentAgainWhenTheKeptConnectionHasBeenClosed(t *testing.T) {
	answered := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answered++
		fmt.Fprint(w, `[{"id":0,"result":{"version":1}}]`)
	}))
	defer server.Close()
	client, at := NewClient(nil, nil), endpointOf(t, server.Listener.Addr().String())
	for range 5 {
		if err := client.Call(bounded(t), at, GetNetworkInfo(&NetworkInfo{})); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
	if answered != 5 {
		t.Errorf("%d answers", answered)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(200, []byte(`[{"id":0,"result":{"version":1}}]`))
	f.Add(500, []byte(`{"error":{"code":-1,"message":"x"}}`))
	f.Add(200, []byte(`[{"id":null},{"id":-1},{}]`))
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		var info NetworkInfo
		var peers []PeerInfo
		calls := []Call{GetNetworkInfo(&info), GetPeerInfo(&peers)}
		errs, err := decode("node", status, raw, calls)
		if err == nil && len(errs) != len(calls) {
			t.Errorf("%d errors for %d calls", len(errs), len(calls))
		}
	})
}

package bitcoind

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// net/http and encoding/json quote what they do not understand.
func TestAQuotedResponseIsBounded(t *testing.T) {
	long := strings.Repeat("日", 20_000)
	for name, answer := range map[string]string{
		"no HTTP":         long + "\r\n\r\n",
		"a wrong header":  "HTTP/1.1 200 OK\r\n" + long + "\r\n\r\n",
		"a wrong version": "HTTP/" + long + " 200 OK\r\n\r\n",
	} {
		at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		})
		err := NewClient(nil, nil).Call(bounded(t), at, GetNetworkInfo(&NetworkInfo{}))
		if err == nil || len(err.Error()) > 2*maxErrorBytes || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: an error of %d bytes", name, len(fmt.Sprint(err)))
		}
	}
	digits := strings.Repeat("1", 50_000)
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"id":0,"result":{"blocks":`+digits+`},"error":null}]`)
	})
	err := NewClient(nil, nil).Call(bounded(t), at, GetBlockchainInfo(&ChainInfo{}))
	if !errors.Is(err, ErrGarbage) || len(err.Error()) > 2*maxErrorBytes {
		t.Errorf("a height of 50,000 digits: an error of %d bytes", len(fmt.Sprint(err)))
	}
}

// The message of an error is in conditions and events.
func TestAnErrorOfANodeIsBounded(t *testing.T) {
	message := strings.Repeat("日", 20_000)
	for name, body := range map[string]string{
		"of a call":         `[{"id":0,"result":null,"error":{"code":-1,"message":"` + message + `"}}]`,
		"of the batch":      `{"id":null,"result":null,"error":{"code":-1,"message":"` + message + `"}}`,
		"a result in error": `[{"id":0,"result":` + strings.Repeat("1", 50_000) + `,"error":null}]`,
	} {
		at := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		var hash string
		err := NewClient(nil, nil).Call(bounded(t), at, GetBlockHash(0, &hash))
		if err == nil || len(err.Error()) > 2*maxErrorBytes || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: an error of %d bytes", name, len(fmt.Sprint(err)))
		}
	}
}

// bitcoind answers a path without handler where it accepts connections, with all its RPC threads taken too.
func TestANodeIsAliveWhateverItResponds(t *testing.T) {
	for _, status := range []int{200, 401, 404, 503} {
		at := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if _, _, sent := r.BasicAuth(); sent || r.Method != http.MethodGet || r.URL.Path != "/alive" {
				t.Errorf("%s %s, credential sent: %v", r.Method, r.URL.Path, sent)
			}
			w.WriteHeader(status)
		})
		if err := NewClient(nil, nil).Alive(bounded(t), at); err != nil {
			t.Errorf("status %d: %v", status, err)
		}
	}
	hangs := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	var unreachable *UnreachableError
	if err := NewClient(nil, nil).Alive(brief(t), hangs); !errors.As(err, &unreachable) || !unreachable.Timeout() {
		t.Errorf("a node that hangs: %v", err)
	}
}

func TestAFullQueueIsNoNodeThatStops(t *testing.T) {
	for body, want := range map[string]bool{"Work queue depth exceeded": true, "<HTML><H1>Service Unavailable</H1></HTML>": false} {
		at := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503); fmt.Fprint(w, body) })
		var unreachable *UnreachableError
		if err := NewClient(nil, nil).Call(bounded(t), at, GetBlockHash(0, nil)); !errors.As(err, &unreachable) || unreachable.QueueFull() != want {
			t.Errorf("%q: %v, the queue is full: %v", body, err, unreachable.QueueFull())
		}
	}
}

func TestWalletsServeNoBlocks(t *testing.T) {
	for services, want := range map[string]bool{"0000000000000c09": true, "0000000000000400": true, "0000000000000000": false, "0000000000000048": false, "": false, "x": false} {
		if got := (PeerInfo{Services: services}).ServesBlocks(); got != want {
			t.Errorf("%q: %v", services, got)
		}
	}
}

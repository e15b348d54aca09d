package page

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// secure serves a page over HTTP/2, as it is in a cluster.
func secure(t *testing.T, pages *Shared) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(pages.Handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// unread makes calls over one connection, and never takes a byte of an answer's text.
func unread(t *testing.T, address string, paths ...string) (*http2.Framer, net.Conn) {
	t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}} //nolint:gosec // a server of the test
	connection, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() }) //nolint:errcheck // the test has ended
	framer := http2.NewFramer(connection, connection)
	_, err = io.WriteString(connection, http2.ClientPreface)
	err = errors.Join(err, framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i, path := range paths {
		block.Reset()
		for _, field := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "page"}, {Name: ":path", Value: path}, {Name: "authorization", Value: "Bearer wrong"}} {
			err = errors.Join(err, encoder.WriteField(field))
		}
		err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})) //nolint:gosec // small
	}
	if err != nil {
		t.Fatal(err)
	}
	return framer, connection
}

// Nobody has signed in yet, so a caller who does not read may not keep an answer for ever.
func TestAnAnswerThatNobodyReadsEnds(t *testing.T) {
	c, _ := newCluster(t)
	server := secure(t, &Shared{Access: c, Values: c, writeTimeout: 200 * time.Millisecond})
	paths := []string{"/", "/lib/d3.min.js", "/mode.js", "/missing", "/a/b/c", "/api/stream", "/api/stream?namespace=team-b"}
	framer, connection := unread(t, server.URL, paths...)
	if err := connection.SetReadDeadline(time.Now().Add(browserLimit)); err != nil {
		t.Fatal(err)
	}
	for ended := map[uint32]bool{}; len(ended) < len(paths); {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("%d of %d answers end: %v", len(ended), len(paths), err)
		}
		if reset, is := frame.(*http2.RSTStreamFrame); is {
			ended[reset.StreamID] = true
		}
	}
}

func TestThereIsABoundForAnswersThatNobodyReads(t *testing.T) {
	c, _ := newCluster(t)
	server := secure(t, &Shared{Access: c, Values: c, writeTimeout: browserLimit})
	paths := make([]string, maxCalls/2)
	for i := range paths {
		paths[i] = "/lib/d3.min.js"
	}
	_, one := unread(t, server.URL, paths...)
	_, two := unread(t, server.URL, paths...)
	eventually := func(what string, code int) {
		t.Helper()
		testtools.Eventually(t, what, browserLimit, func() error {
			response, err := server.Client().Get(server.URL + "/missing") //nolint:noctx // the client ends with its server
			if err != nil {
				return err
			}
			defer response.Body.Close() //nolint:errcheck // it was only read
			if response.StatusCode != code {
				return fmt.Errorf("the answer is %d", response.StatusCode)
			}
			return nil
		})
	}
	eventually("the bound", http.StatusServiceUnavailable)
	one.Close() //nolint:errcheck // nothing was read
	two.Close() //nolint:errcheck // nothing was read
	eventually("an answer after the end of the others", http.StatusNotFound)
}

// discard takes an answer without keeping it.
type discard struct{ http.ResponseWriter }

func (discard) Write(text []byte) (int, error) { return len(text), nil }

// allocated is how many bytes an action allocates on average.
func allocated(action func()) uint64 {
	const times = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		action()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / times
}

func TestAllAnswersShareTheTextOfAFile(t *testing.T) {
	mux := files(nil, time.Second)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/lib/d3.min.js", http.NoBody)
	if n := allocated(func() { mux.ServeHTTP(discard{httptest.NewRecorder()}, r) }); n > 8<<10 {
		t.Errorf("an answer with the library needs %d bytes", n)
	}
}

// A token may be over, and a right be taken away, while the reviews of the API server fail.
func TestAStreamEndsAfterSeveralChecksWithoutAnAnswer(t *testing.T) {
	for name, fails := range map[string]func(context.Context) error{
		"an error":  func(context.Context) error { return errors.New("no connection") },
		"no answer": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		checks := 0
		s := &Shared{recheck: time.Millisecond, admitTimeout: time.Millisecond}
		s.Access = admits(func(ctx context.Context) error {
			if checks++; checks == maxFailures { // one answer between, after which the count begins again
				return nil
			}
			return fails(ctx)
		})
		ctx, cancel := context.WithTimeout(t.Context(), browserLimit)
		s.stays(ctx, "token", Viewer{Name: "ann", Namespace: "ns"})
		if ctx.Err() != nil || checks != 2*maxFailures {
			t.Errorf("%s: after %d checks the stream ends with %v", name, checks, ctx.Err())
		}
		cancel()
	}
}

// admits decides about all viewers.
type admits func(context.Context) error

func (a admits) Admit(ctx context.Context, _, _ string) (Viewer, error) {
	return Viewer{Name: "ann", Namespace: "ns"}, a(ctx)
}

// While the API server is slow, callers without a token neither queue up nor make requests.
func TestFewSignInAtTheSameTime(t *testing.T) {
	begun, proceed := make(chan struct{}, 2*maxSignIns), make(chan struct{})
	s := &Shared{Access: admits(func(context.Context) error {
		begun <- struct{}{}
		<-proceed
		return &Denied{http.StatusForbidden, "no"}
	})}
	handler := s.Handler()
	s.callers = flowcontrol.NewFakeAlwaysRateLimiter()
	call := func(token string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/stream?namespace=ns", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	codes := make(chan int, maxSignIns)
	for waiting := range maxSignIns {
		go func() { codes <- call("a-token") }()
		select {
		case <-begun:
		case <-time.After(browserLimit):
			t.Fatalf("%d of %d calls reach the API server", waiting, maxSignIns)
		}
	}
	if got := call("a-token"); got != http.StatusTooManyRequests {
		t.Errorf("one more call: %d", got)
	}
	for _, token := range []string{"", strings.Repeat("x", maxToken+1)} {
		if got := call(token); got != http.StatusUnauthorized {
			t.Errorf("a token of %d bytes: %d", len(token), got)
		}
	}
	close(proceed)
	for range maxSignIns {
		if got := <-codes; got != http.StatusForbidden {
			t.Errorf("a call that waited: %d", got)
		}
	}
	if len(begun) > 0 {
		t.Errorf("%d calls too many reached the API server", len(begun))
	}
	if got := call("a-token"); got != http.StatusForbidden {
		t.Errorf("a call after the others: %d", got)
	}
}

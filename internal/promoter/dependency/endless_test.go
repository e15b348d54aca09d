package dependency

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// endsWithin checks that an attempt ends in an error of the repository with these words.
func endsWithin(t *testing.T, limit time.Duration, words string, attempt func() error) {
	t.Helper()
	err := testtools.InTime(t, limit, attempt)
	if !errors.Is(err, ErrRepository) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %q", err, words)
	}
}

func TestARepositoryThatNeverEndsItsAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	slowly := func(w http.ResponseWriter, r *http.Request) {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_, _ = io.WriteString(w, "#")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"it sends nothing":         func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"it sends slowly":          slowly,
		"it stops sending":         func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() },
		"it redirects without end": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
	} {
		words, limit := "the server is silent", 200*time.Millisecond
		switch name {
		case "it sends slowly":
			words = "the server is " // too slow; on a machine that gets no processor for 200 ms it is silent, and without limits the call does not end
		case "it redirects without end":
			words, limit = "stopped after 10 redirects", time.Minute
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			transport := image.NewTransport(limit)
			b := Builder{Transport: transport, Access: image.Access{Env: func(string) string { return "" }, Transport: transport}}
			for _, repository := range []string{server.URL, "oci://" + strings.TrimPrefix(server.URL, "http://") + "/charts"} {
				dir := declaring(t, repository, "^2.0.0", "2.3.4")
				endsWithin(t, time.Minute, words, func() error { _, err := b.Build(t.Context(), dir, top(dir)); return err })
			}
		})
	}
}

func TestARepositoryThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	dir := declaring(t, "http://"+l.Addr().String(), "^2.0.0", "2.3.4")
	b := Builder{Transport: image.NewTransport(200 * time.Millisecond)}
	endsWithin(t, time.Minute, "it neither sent nor accepted data for 200ms", func() error { _, err := b.Build(t.Context(), dir, top(dir)); return err })
}

// The index of a chart repository may have 256 MiB, and the server sends more.
func TestARepositoryThatSendsWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := strings.Repeat("#", 1<<20)
		for sent.Load() < 2*maxIndex {
			n, err := io.WriteString(w, chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	r := &run{indexes: map[string][]byte{}}
	endsWithin(t, time.Minute, "has more than 8388608 bytes", func() error {
		_, err := r.get(t.Context(), Repository{URL: server.URL}, server.URL+"/index.yaml", 8<<20)
		return err
	})
	if n := sent.Load(); n >= maxIndex {
		t.Errorf("it sent %d bytes", n)
	}
}

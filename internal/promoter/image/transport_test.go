package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// givenUp checks that an attempt ends within a minute, in an error of the registry with these words.
func givenUp(t *testing.T, words string, attempt func() error) {
	t.Helper()
	err := testtools.InTime(t, time.Minute, attempt)
	if !errors.Is(err, ErrRegistry) || failure.Of(err) != failure.External || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %q", err, words)
	}
}

// fileOf is a file of zeros.
func fileOf(size int) File {
	content := make([]byte, size)
	sum := sha256.Sum256(content)
	return File{Name: "zeros", Digest: hex.EncodeToString(sum[:]), Size: int64(size), Content: content}
}

func TestARegistryThatStopsInTheMiddleIsGivenUp(t *testing.T) {
	t.Parallel()
	h, err := devserver.Registry(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := httptest.NewServer(h)
	t.Cleanup(whole.Close)
	host := strings.TrimPrefix(whole.URL, "http://")
	if _, _, err := (Access{}).Push(t.Context(), build(t, spec(program(t, "hello"))), host+"/hi:v1", true); err != nil {
		t.Fatal(err)
	}
	file := fileOf(1 << 20)
	if _, err := (Access{}).PushFiles(t.Context(), host+"/files:v1", []File{file}, ""); err != nil {
		t.Fatal(err)
	}
	for of, size := range map[string]int{"a configuration": 0, "a layer": 1 << 18} {
		stopping := httptest.NewServer(testtools.StopInBlobs(h, size))
		t.Cleanup(stopping.Close)
		host, a := strings.TrimPrefix(stopping.URL, "http://"), Access{Transport: NewTransport(300 * time.Millisecond)}
		for name, read := range map[string]func() error{
			"an archive":   func() error { _, err := a.Archive(t.Context(), host+"/hi:v1", "linux/amd64", io.Discard); return err },
			"its programs": func() error { _, err := a.Programs(t.Context(), host+"/hi:v1"); return err },
			"a file":       func() error { _, err := a.ReadFile(t.Context(), host+"/files:v1", file); return err },
			"a content":    func() error { _, err := a.Layer(t.Context(), host+"/files:v1", fileType, 1<<30); return err },
		} {
			t.Run(name+" in "+of, func(t *testing.T) { givenUp(t, "it neither sent nor accepted data for 300ms", read) })
		}
	}
}

// The buffers of the sockets take up to 36 MiB of what is uploaded.
func TestARegistryThatDoesNotReadAnUploadIsGivenUp(t *testing.T) {
	t.Parallel()
	file := fileOf(64 << 20)
	uploads := unread(t, 500*time.Millisecond, file)
	if uploads == 0 {
		uploads = unread(t, 5*time.Second, file) // on a busy machine a request before the upload took that long
	}
	if uploads != 1 {
		t.Errorf("%d uploads: what timed out is not repeated", uploads)
	}
}

// unread uploads a file to a registry of its own that does not read it, with a limit of silence, and returns how often that began.
func unread(t *testing.T, limit time.Duration, file File) int32 {
	t.Helper()
	inner, err := devserver.Registry(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var uploads atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && r.ContentLength > 2 {
			uploads.Add(1)
			<-over // the request's context ends only after its body was read
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(over) })
	a, ref := Access{Transport: NewTransport(limit)}, strings.TrimPrefix(srv.URL, "http://")+"/files:v1"
	givenUp(t, "it neither sent nor accepted data for "+limit.String(), func() error {
		_, err := a.PushFiles(t.Context(), ref, []File{file}, "")
		return err
	})
	return uploads.Load()
}

// line is a server at the end of a line: it reads and sends chunks at a pace, until the request ends.
type line struct {
	ctx      context.Context
	chunk    int
	pace     time.Duration
	expected int // bytes; 0 is endless
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.ctx = r.Context()
	if r.Body != nil {
		for buffer := make([]byte, l.chunk); ; {
			if _, err := r.Body.Read(buffer); errors.Is(err, io.EOF) {
				break
			}
			select {
			case <-l.ctx.Done():
				return nil, l.ctx.Err()
			case <-time.After(l.pace):
			}
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(l)}, nil
}

func (l *line) Read(p []byte) (int, error) {
	select {
	case <-l.ctx.Done():
		return 0, l.ctx.Err()
	case <-time.After(l.pace):
	}
	n := min(l.chunk, len(p))
	if l.expected -= n; l.expected == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestTheTimeOfARequestDependsOnItsSpeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line  line
		pause time.Duration // of the reader, between two reads
		err   error
		after time.Duration
	}{
		"a large layer over a slow line": {line{chunk: 100 << 10, pace: 10 * time.Second, expected: 100 << 20}, 0, nil, 3 * time.Hour},
		"a byte now and then":            {line{chunk: 1, pace: 50 * time.Second}, 0, errSlow, 11 * time.Minute},
		"a fast server that never ends":  {line{chunk: 512 << 10, pace: time.Second}, 0, errSlow, 6 * time.Hour},
		"a server that stops":            {line{chunk: 1, pace: time.Hour}, 0, errSilent, time.Minute},
		"a reader with other work":       {line{chunk: 512 << 10, pace: time.Second, expected: 1 << 20}, time.Hour, nil, 3 * time.Hour},
		"a reader of a slow server":      {line{chunk: 1, pace: 50 * time.Second, expected: 10}, time.Minute, nil, 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				res, err := (&http.Client{Transport: endingTransport{&c.line, time.Minute}}).Get("http://registry.invalid/")
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				for buffer := make([]byte, 1<<20); err == nil; time.Sleep(c.pause) {
					_, err = res.Body.Read(buffer)
				}
				if took := time.Since(start); took > c.after || c.err != nil && !errors.Is(err, c.err) || c.err == nil && !errors.Is(err, io.EOF) {
					t.Errorf("after %s: %v; want %v within %s", took, err, c.err, c.after)
				}
			})
		})
	}
}

func TestTheTimeOfAnUploadDependsOnItsSpeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line line
		err  error
	}{
		"a large layer over a slow line": {line{chunk: 32 << 10, pace: 20 * time.Second, expected: 1}, nil},
		"a server that stops reading":    {line{chunk: 32 << 10, pace: time.Hour, expected: 1}, errSilent},
		"a server that reads too slowly": {line{chunk: 1 << 10, pace: 20 * time.Second, expected: 1}, errSlow},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &http.Client{Transport: endingTransport{&c.line, time.Minute}}
				res, err := client.Post("http://registry.invalid/", "application/octet-stream", bytes.NewReader(make([]byte, 8<<20)))
				if err == nil {
					res.Body.Close()
				}
				if !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
			})
		})
	}
}

func TestAListWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<"+r.URL.Path+`?last=a>; rel="next"`)
		_, _ = io.WriteString(w, `{"name":"hi","tags":["a"]}`)
	}))
	t.Cleanup(srv.Close)
	givenUp(t, "has more than 2000 pages", func() error {
		_, err := (Access{}).Tags(t.Context(), strings.TrimPrefix(srv.URL, "http://")+"/hi")
		return err
	})
}

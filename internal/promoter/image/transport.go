package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	errSilent = failure.New(failure.External, "the server is silent")
	errSlow   = failure.New(failure.External, "the server is too slow")
)

// The limits of one request, as multiples of how long a server may be silent. The long one is for a large layer over a slow line.
const (
	unmeasured = 10
	longest    = 360
)

// leastSpeed, in bytes per second, is required of a request that has waited for longer than the unmeasured time.
const leastSpeed = 1 << 10

// DefaultTransport is the HTTP transport for registries and chart repositories.
var DefaultTransport = NewTransport(time.Minute)

// NewTransport is the library's transport with an end: without one, a server that accepts a connection and sends nothing, stops in the
// middle of a body, or does not read what is uploaded to it, keeps a request forever. limit is how long no byte may move in either
// direction. A request that waits ten times as long in all must have moved leastSpeed, and none takes longer than 360 times the limit.
// The library does not repeat a request that ended so.
func NewTransport(limit time.Duration) http.RoundTripper {
	return endingTransport{remote.DefaultTransport, limit}
}

type endingTransport struct {
	inner http.RoundTripper
	limit time.Duration
}

func (t endingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	most := longest * t.limit
	total, stop := context.WithTimeoutCause(r.Context(), most, fmt.Errorf("%w: the request takes more than %s", errSlow, most))
	ctx, end := context.WithCancelCause(total)
	w := &watch{limit: t.limit, ctx: ctx, end: func(why error) { end(why); stop() }}
	req := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		req.Body = upload{r.Body, w}
		if r.GetBody != nil {
			req.GetBody = func() (io.ReadCloser, error) {
				body, err := r.GetBody()
				return upload{body, w}, err
			}
		}
	}
	w.await()
	res, err := t.inner.RoundTrip(req)
	w.arrived(0)
	if err != nil {
		err = w.reason(err)
		w.end(nil)
		return nil, err
	}
	res.Request, res.Body = r, download{res.Body, w}
	return res, nil
}

// watch ends a request in which nothing moves while something is awaited. What a caller does between two reads takes as long as it likes.
type watch struct {
	limit time.Duration
	ctx   context.Context
	end   func(why error)

	mu     sync.Mutex
	timer  *time.Timer // nil while nothing is awaited
	since  time.Time
	waited time.Duration
	bytes  int64
}

func (w *watch) await() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arm()
}

// arrived ends the wait.
func (w *watch) arrived(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disarm(bytes)
}

// moved begins the wait anew; after the answer has begun, it is not the upload that is awaited.
func (w *watch) moved(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.disarm(bytes)
		w.arm()
	}
}

func (w *watch) arm() {
	left := unmeasured*w.limit + time.Duration(w.bytes)*(time.Second/leastSpeed) - w.waited
	w.since = time.Now()
	if left < w.limit {
		w.timer = time.AfterFunc(max(left, 0), func() {
			w.end(fmt.Errorf("%w: it sends or accepts less than %d bytes per second", errSlow, leastSpeed))
		})
		return
	}
	w.timer = time.AfterFunc(w.limit, func() { w.end(fmt.Errorf("%w: it neither sent nor accepted data for %s", errSilent, w.limit)) })
}

func (w *watch) disarm(bytes int) {
	if w.timer != nil {
		w.timer.Stop()
		w.waited += time.Since(w.since)
		w.timer = nil
	}
	w.bytes += int64(bytes)
}

// reason is why the request ended, which the transport reports in other words or not at all.
func (w *watch) reason(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// upload is the body of a request, which the transport reads as fast as the server takes it.
type upload struct {
	io.ReadCloser
	w *watch
}

func (u upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	u.w.moved(n)
	return n, err
}

// download is the body of a response.
type download struct {
	io.ReadCloser
	w *watch
}

func (d download) Read(p []byte) (int, error) {
	d.w.await()
	n, err := d.ReadCloser.Read(p)
	d.w.arrived(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = d.w.reason(err)
	}
	return n, err
}

func (d download) Close() error {
	err := d.ReadCloser.Close()
	d.w.end(nil)
	return err
}

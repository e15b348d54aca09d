package tunnel

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/streaming/pkg/httpstream"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

const (
	// reasonTimeout is how long Read waits for the kubelet's error after the data stream has ended.
	reasonTimeout = 250 * time.Millisecond
	maxReason     = 1 << 10
)

// conn is one forwarded connection.
type conn struct {
	httpstream.Stream
	streams httpstream.Connection
	pod     addr
	// reason receives the kubelet's error, or is closed when there is none.
	reason <-chan string
}

// newConn reads the error stream in the background: the kubelet may write to it at any time, and may never end it.
func newConn(streams httpstream.Connection, data, failure httpstream.Stream, pod addr) *conn {
	reason := make(chan string, 1)
	go func() {
		defer close(reason)
		if text, _ := io.ReadAll(io.LimitReader(failure, maxReason)); len(text) > 0 { // what came before an error counts
			reason <- strings.TrimSpace(truncate.UTF8(string(text), maxReason-utf8.UTFMax))
		}
	}()
	return &conn{Stream: data, streams: streams, pod: pod, reason: reason}
}

// Read returns the kubelet's error instead of io.EOF, if there is one.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	select {
	case reason, ok := <-c.reason:
		if ok {
			return 0, errors.New(reason)
		}
	case <-time.After(reasonTimeout):
	}
	return 0, err
}

// Close closes both streams, which also ends the goroutine that reads the error stream.
func (c *conn) Close() error { return c.streams.Close() }

func (c *conn) LocalAddr() net.Addr  { return addr("API server") }
func (c *conn) RemoteAddr() net.Addr { return c.pod }

// net/http needs no deadlines: it closes a connection after a timeout.

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

type addr string

func (addr) Network() string  { return "port-forward" }
func (a addr) String() string { return string(a) }

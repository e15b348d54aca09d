package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
)

// kubelet is the other end of a forwarded port.
type kubelet struct {
	httpstream.Connection
	// data and failure are its ends of the two streams.
	data, failure net.Conn
	headers       []http.Header
	closed        chan struct{}
}

func newKubelet() *kubelet { return &kubelet{closed: make(chan struct{})} }

func (k *kubelet) Dial(...string) (httpstream.Connection, string, error) { return k, "", nil }

func (k *kubelet) CreateStream(headers http.Header) (httpstream.Stream, error) {
	near, far := net.Pipe()
	k.headers = append(k.headers, headers.Clone())
	if headers.Get(corev1.StreamType) == corev1.StreamTypeError {
		k.failure = far
		return stream{Conn: near, halfClosed: true}, nil
	}
	k.data = far
	return stream{Conn: near}, nil
}

func (k *kubelet) Close() error {
	close(k.closed)
	return errors.Join(k.data.Close(), k.failure.Close())
}

// stream is the operator's end. Closing the error stream ends its writes only, as in the protocol.
type stream struct {
	net.Conn
	halfClosed bool
}

func (s stream) Close() error {
	if s.halfClosed {
		return nil
	}
	return s.Conn.Close()
}
func (stream) Reset() error         { return nil }
func (stream) Headers() http.Header { return nil }
func (stream) Identifier() uint32   { return 0 }

func openTo(t *testing.T, k *kubelet) net.Conn {
	t.Helper()
	c, err := openContext(t.Context(), k, "pod.ns", "18332")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // the test has its result
	return c
}

func TestDataPassesInBothDirections(t *testing.T) {
	k := newKubelet()
	c := openTo(t, k)
	go func() {
		request := make([]byte, 4)
		_, _ = io.ReadFull(k.data, request)
		_, _ = k.data.Write(append(request, "pong"...))
	}()
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 8)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "pingpong" {
		t.Errorf("%q, %v", answer, err)
	}
	if got := c.RemoteAddr().String(); got != "pod.ns:18332" {
		t.Errorf("the remote address is %s", got)
	}
	for _, headers := range k.headers {
		if headers.Get(corev1.PortHeader) != "18332" {
			t.Errorf("a stream has the headers %v", headers)
		}
	}
}

func TestReadReturnsTheErrorOfTheKubelet(t *testing.T) {
	k := newKubelet()
	c := openTo(t, k)
	go func() {
		_, _ = io.WriteString(k.failure, "dial tcp4 127.0.0.1:18332: connection refused\n")
		_ = k.failure.Close()
		_ = k.data.Close()
	}()
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.HasSuffix(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestReadEndsWhenTheErrorStreamStaysOpen(t *testing.T) {
	k := newKubelet()
	c := openTo(t, k)
	go func() { _ = k.data.Close() }()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want the end of the stream", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Read waits for the error stream")
	}
}

func TestReadEndsAtOnceWhenTheKubeletHasNoError(t *testing.T) {
	k := newKubelet()
	c := openTo(t, k)
	go func() {
		_ = k.failure.Close()
		_ = k.data.Close()
	}()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the stream", err)
	}
}

// slow is a dialer that answers after the caller has given up.
type slow struct {
	*kubelet
	answer chan struct{}
}

func (s slow) Dial(protocols ...string) (httpstream.Connection, string, error) {
	<-s.answer
	return s.kubelet.Dial(protocols...)
}

func TestAConnectionThatComesAfterTheContextIsClosed(t *testing.T) {
	s := slow{newKubelet(), make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openContext(ctx, s, "pod.ns", "18332"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(s.answer)
	select {
	case <-s.closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection stays open")
	}
}

func TestAnAddressMustNameAPod(t *testing.T) {
	dialer, err := NewDialer(&rest.Config{Host: "https://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"pod:18332", "pod.ns"} {
		if _, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("%s is accepted", address)
		}
	}
	if got := Host(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "net-sts-0", Namespace: "ns"}}); got != "net-sts-0.ns" {
		t.Errorf("the host is %s", got)
	}
}

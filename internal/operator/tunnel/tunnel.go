// Package tunnel reaches pods through the API server, as kubectl port-forward does, from where their addresses lead nowhere.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
)

// Host names a pod in an address for Dialer: <pod>.<namespace>. The pod's name has no dot in it.
func Host(pod *corev1.Pod) string { return pod.Name + "." + pod.Namespace }

// Dialer opens connections to pods.
type Dialer struct {
	config  *rest.Config
	clients kubernetes.Interface
}

// NewDialer returns one for the cluster of a configuration, whose user needs the verb create, in older clusters get, on
// pods/portforward.
func NewDialer(config *rest.Config) (*Dialer, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Dialer{config: config, clients: clients}, nil
}

// DialContext connects with a port of a pod, at an address <pod>.<namespace>:<port>. Each connection has a stream to the
// API server of its own.
func (d *Dialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	pod, namespace, ok := strings.Cut(host, ".")
	if !ok {
		return nil, fmt.Errorf("%s names no pod: it should be <pod>.<namespace>", host)
	}
	url := d.clients.CoreV1().RESTClient().Get().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, d.config)
	if err != nil {
		return nil, err
	}
	type dialled struct {
		conn net.Conn
		err  error
	}
	// The library's dialler knows no context.
	done := make(chan dialled, 1)
	go func() {
		conn, err := open(dialer, host, port)
		done <- dialled{conn, err}
	}()
	select {
	case got := <-done:
		return got.conn, got.err
	case <-ctx.Done():
		go func() {
			if got := <-done; got.conn != nil {
				got.conn.Close() //nolint:errcheck // nobody waits for it any more
			}
		}()
		return nil, ctx.Err()
	}
}

func open(dialer httpstream.Dialer, host, port string) (net.Conn, error) {
	streams, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, fmt.Errorf("forward a port of %s: %w", host, err)
	}
	headers := http.Header{}
	headers.Set(corev1.PortHeader, port)
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	failure, err := streams.CreateStream(headers)
	if err == nil {
		// Nothing is said on it from this end.
		err = failure.Close()
	}
	var data httpstream.Stream
	if err == nil {
		headers.Set(corev1.StreamType, corev1.StreamTypeData)
		data, err = streams.CreateStream(headers)
	}
	if err != nil {
		streams.Close() //nolint:errcheck // the first error says more
		return nil, fmt.Errorf("forward port %s of %s: %w", port, host, err)
	}
	return &conn{Stream: data, failure: failure, streams: streams, pod: addr(net.JoinHostPort(host, port))}, nil
}

// conn is one forwarded connection.
type conn struct {
	httpstream.Stream
	failure httpstream.Stream
	streams httpstream.Connection
	pod     addr
}

// Read says why the other end is gone, where the kubelet has told.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	if why, _ := io.ReadAll(io.LimitReader(c.failure, 1<<10)); len(why) > 0 {
		return 0, errors.New(strings.TrimSpace(string(why)))
	}
	return 0, err
}

func (c *conn) Close() error { return c.streams.Close() }

func (c *conn) LocalAddr() net.Addr  { return addr("API server") }
func (c *conn) RemoteAddr() net.Addr { return c.pod }

// Deadlines are not needed by net/http, which closes a connection whose time is over.

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

type addr string

func (addr) Network() string  { return "port-forward" }
func (a addr) String() string { return string(a) }

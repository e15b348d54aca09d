// Package tunnel connects with pods through the API server, like kubectl port-forward, for an operator outside the cluster.
package tunnel

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
)

// Host returns the host of a pod in addresses for Dialer: <pod>.<namespace>. The name of the pod must not contain a dot.
func Host(pod *corev1.Pod) string { return pod.Name + "." + pod.Namespace }

// Dialer opens connections to pods.
type Dialer struct {
	config  *rest.Config
	clients kubernetes.Interface
}

// NewDialer returns a dialer for the cluster of the configuration. Its user needs the verb create (get in older clusters) on
// pods/portforward.
func NewDialer(config *rest.Config) (*Dialer, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Dialer{config: config, clients: clients}, nil
}

// DialContext connects with a port of a pod; the address is <pod>.<namespace>:<port>. Each connection has its own connection to
// the API server.
func (d *Dialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	pod, namespace, ok := strings.Cut(host, ".")
	if !ok {
		return nil, fmt.Errorf("%s does not name a pod: it must be <pod>.<namespace>", host)
	}
	url := d.clients.CoreV1().RESTClient().Get().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, d.config)
	if err != nil {
		return nil, err
	}
	return openContext(ctx, dialer, host, port)
}

// openContext is open with a context, which the library's dialer does not accept.
func openContext(ctx context.Context, dialer httpstream.Dialer, host, port string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := open(dialer, host, port)
		done <- result{conn, err}
	}()
	select {
	case got := <-done:
		return got.conn, got.err
	case <-ctx.Done():
		go func() {
			if got := <-done; got.conn != nil {
				got.conn.Close() //nolint:errcheck // the caller has given up
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
		// This side sends nothing on it.
		err = failure.Close()
	}
	var data httpstream.Stream
	if err == nil {
		headers.Set(corev1.StreamType, corev1.StreamTypeData)
		data, err = streams.CreateStream(headers)
	}
	if err != nil {
		streams.Close() //nolint:errcheck // the first error is the cause
		return nil, fmt.Errorf("forward port %s of %s: %w", port, host, err)
	}
	return newConn(streams, data, failure, addr(net.JoinHostPort(host, port))), nil
}

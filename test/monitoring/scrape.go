package monitoring

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
)

// Endpoint is where and how a pod's metrics are read.
type Endpoint struct {
	Namespace, Pod string
	Port           int
	// Scheme and Path of the address.
	Scheme, Path string
}

// Scraper reads the metrics of one pod through the API server, until it is closed.
type Scraper struct {
	url  string
	http *http.Client
	stop context.CancelFunc
	done chan error
}

// NewScraper opens the way to a pod.
func NewScraper(ctx context.Context, config *rest.Config, e Endpoint) (*Scraper, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	url := clients.CoreV1().RESTClient().Post().Resource("pods").Namespace(e.Namespace).Name(e.Pod).SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialer(url, config)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddressesWithContext(ctx, dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", e.Port)}, ready, io.Discard, io.Discard)
	if err != nil {
		stop()
		return nil, err
	}
	go func() { done <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		stop()
		return nil, fmt.Errorf("opening the way to %s/%s: %w", e.Namespace, e.Pod, errors.Join(err, ctx.Err()))
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		stop()
		return nil, err
	}
	return &Scraper{
		url:  fmt.Sprintf("%s://127.0.0.1:%d%s", e.Scheme, ports[0].Local, e.Path),
		stop: stop, done: done,
		// The operator signs its certificate itself, and the ServiceMonitor does not verify it either.
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, //nolint:gosec // see above
	}, nil
}

// Get requests the metrics, with a token unless it is empty, and returns the status of the response too.
func (s *Scraper) Get(ctx context.Context, token string) (body []byte, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, 0, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the metrics: %w", err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return body, answer.StatusCode, err
}

// Close ends the way to the pod.
func (s *Scraper) Close() {
	s.http.CloseIdleConnections()
	s.stop()
	<-s.done //nolint:errcheck // it only signals the end
}

package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// listing is an API server that answers lists with these errors, one after the other, and then with success.
type listing struct {
	client.Reader
	errors     chan error
	namespaces chan string
}

func (l listing) List(_ context.Context, _ client.ObjectList, options ...client.ListOption) error {
	o := &client.ListOptions{}
	o.ApplyOptions(options)
	l.namespaces <- o.Namespace
	return <-l.errors
}

func waitingMetric(t *testing.T, d *definition) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(d.collector())
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%v, %v", families, err)
	}
	return families[0].GetMetric()[0].GetGauge().GetValue()
}

func TestTheControllerStartsWhenAllNamespacesCanBeListed(t *testing.T) {
	l := listing{errors: make(chan error), namespaces: make(chan string, 10)}
	started, ended := make(chan struct{}), make(chan error, 1)
	d := &definition{
		reader: l, namespaces: []string{"a", "b"}, logger: logr.Discard(), interval: time.Millisecond,
		found: func() error { close(started); return errors.New("of the controller") },
	}
	go func() { ended <- d.Start(t.Context()) }()
	for _, err := range []error{errors.New("no definition"), nil, errors.New("no rights"), nil} {
		l.errors <- err
	}
	testtools.Eventually(t, "the metric has the wait", time.Minute, func() error {
		if waitingMetric(t, d) != 1 {
			return errors.New("it is 0")
		}
		return nil
	})
	select {
	case <-started:
		t.Fatal("started before the second namespace could be listed")
	default:
	}
	l.errors <- nil
	if err := <-ended; err == nil || err.Error() != "of the controller" || waitingMetric(t, d) != 0 {
		t.Errorf("%v", err)
	}
	got := ""
	for len(l.namespaces) > 0 {
		got += <-l.namespaces
	}
	if got != "aabab" {
		t.Errorf("listed %s", got)
	}
}

func TestAnOperatorThatEndsWhileItWaitsHasNoError(t *testing.T) {
	l := listing{errors: make(chan error, 1), namespaces: make(chan string, 10)}
	l.errors <- errors.New("no definition")
	d := &definition{reader: l, logger: logr.Discard(), interval: time.Hour, found: func() error { return errors.New("started") }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Start(ctx) }()
	if <-l.namespaces != "" {
		t.Error("not all namespaces")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

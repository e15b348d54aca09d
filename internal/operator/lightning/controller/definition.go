package controller

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// definitionInterval is the time between two requests for a definition that does not exist yet.
const definitionInterval = 5 * time.Second

// definition waits until the API server has the definition of LightningNetworks and lets the operator list them. A controller that watches
// a kind without a definition, or without rights, ends the whole operator, and BitcoinNetworks need neither.
type definition struct {
	// reader reads from the API server, since a cache would wait for the definition without an end.
	reader     client.Reader
	namespaces []string
	logger     logr.Logger
	interval   time.Duration
	// found starts the controller.
	found   func() error
	waiting atomic.Bool
}

// Start implements manager.Runnable: only the leader waits.
func (d *definition) Start(ctx context.Context) error {
	reported := ""
	for {
		err := d.list(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the manager ends
		}
		d.waiting.Store(true)
		if reason := err.Error(); reason != reported {
			reported = reason
			d.logger.Info("LightningNetworks are not reconciled until the API server lists them: install their definition, and give the operator rights on them", "reason", reason)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(d.interval):
		}
	}
	if d.waiting.Swap(false) {
		d.logger.Info("LightningNetworks are reconciled from now on, since the API server lists them")
	}
	return d.found()
}

func (d *definition) list(ctx context.Context) error {
	namespaces := d.namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		var networks v1.LightningNetworkList
		if err := d.reader.List(ctx, &networks, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return err
		}
	}
	return nil
}

func (d *definition) collector() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lightning_controller_waiting", Help: "1 while the operator waits for the definition of LightningNetworks, or for rights on them.",
	}, func() float64 {
		if d.waiting.Load() {
			return 1
		}
		return 0
	})
}

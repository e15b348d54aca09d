package apiserver

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/controller"
	lightningresources "github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// NodeImage is that of nodes whose network names none.
const NodeImage = "bitcoind:test"

// LightningImage is that of LND nodes whose network names none.
const LightningImage = "lnd:test"

// OperatorOptions of an operator under test. The zero value is an operator with the chart's defaults, which polls each second.
type OperatorOptions struct {
	// PollInterval; 0 for a second.
	PollInterval time.Duration
	// Now is the operator's clock; nil for time.Now.
	Now func() time.Time
	// MasterKey that the credentials are derived from, and PreviousKey of the time before a rotation; nil for a fixed one, and for none.
	MasterKey, PreviousKey []byte
	// Lightning makes the operator reconcile LightningNetworks too.
	Lightning bool
	// Edit changes all other options; nil for none.
	Edit func(*controller.Options)
}

// Operator is an operator that runs in this process, for one namespace.
type Operator struct {
	// API is the operator's connection to the API server.
	API *API

	cancel context.CancelFunc
	ended  chan error
	log    *buffer
	once   sync.Once
	err    error
}

// StartOperator starts an operator for the namespace, and stops it at the end of the test. Its log is printed if the test fails.
func (ns *Namespace) StartOperator(o OperatorOptions) *Operator {
	ns.t.Helper()
	op := &Operator{API: &API{}, ended: make(chan error, 1), log: &buffer{}}
	config := rest.CopyConfig(ns.Config)
	config.UserAgent = "bitcoin-controller"
	config.Wrap(op.API.wrap)
	caches := controller.CacheOptions()
	caches.DefaultNamespaces = map[string]cache.Config{ns.Name: {}}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: ns.Scheme, Cache: caches, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Logger: zap.New(zap.WriteTo(op.log), zap.Level(zapcore.DebugLevel), zap.StacktraceLevel(zapcore.PanicLevel)),
		// Several operators run in one process.
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	ok(ns.t, err)
	settings := o.settings()
	ok(ns.t, controller.Add(mgr, settings))
	if o.Lightning {
		ok(ns.t, lightning.Add(mgr, o.lightningSettings(settings)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	op.cancel = cancel
	go func() { op.ended <- mgr.Start(ctx) }()
	ns.t.Cleanup(func() {
		if err := op.Stop(); err != nil {
			ns.t.Errorf("the operator ended with: %v", err)
		}
		if ns.t.Failed() {
			ns.t.Logf("log of the operator:\n%s", op.Log())
		}
	})
	return op
}

func (o OperatorOptions) masterKey() []byte {
	if o.MasterKey != nil {
		return o.MasterKey
	}
	return bytes.Repeat([]byte{1}, 32)
}

func (o OperatorOptions) settings() controller.Options {
	key := o.masterKey()
	settings := controller.Options{
		Settings: resources.Settings{
			NodeImage: NodeImage, RPCAuth: resources.RPCAuthDelivery{Image: "bitcoin-controller:test", Volume: true}, Credential: credentials.ForNetworks(key),
		},
		PollInterval: time.Second, MaxConcurrentReconciles: 8, DisruptionBudgets: true, Metrics: prometheus.NewRegistry(), Now: o.Now,
	}
	if o.Lightning {
		settings.Settings.Lightning = func(n *v1.BitcoinNetwork) bitcoind.Credential {
			return bitcoind.DeriveLightningCredential(key, string(n.UID))
		}
	}
	if o.PollInterval != 0 {
		settings.PollInterval = o.PollInterval
	}
	if o.PreviousKey != nil {
		settings.PreviousCredential = credentials.ForNetworks(o.PreviousKey)
	}
	if o.Edit != nil {
		o.Edit(&settings)
	}
	return settings
}

// lightningSettings are those of the controller of LightningNetworks.
func (o OperatorOptions) lightningSettings(base controller.Options) lightning.Options {
	key := o.masterKey()
	settings := lightning.Options{
		Settings: lightningresources.Settings{Image: LightningImage, Delivery: base.Settings.RPCAuth, Credential: func(n *v1.LightningNetwork) bitcoind.Credential {
			return bitcoind.DeriveCredential(key, string(n.UID))
		}},
		Operator:     lightning.BitcoinCredential{Current: base.Settings.Credential, Previous: base.PreviousCredential},
		LND:          lightning.BitcoinCredential{Current: base.Settings.Lightning},
		PollInterval: base.PollInterval, MaxConcurrentReconciles: base.MaxConcurrentReconciles, DisruptionBudgets: base.DisruptionBudgets, Metrics: prometheus.NewRegistry(), Now: o.Now,
	}
	if o.PreviousKey != nil {
		settings.PreviousCredential = func(n *v1.LightningNetwork) bitcoind.Credential {
			return bitcoind.DeriveCredential(o.PreviousKey, string(n.UID))
		}
		settings.LND.Previous = func(n *v1.BitcoinNetwork) bitcoind.Credential {
			return bitcoind.DeriveLightningCredential(o.PreviousKey, string(n.UID))
		}
	}
	return settings
}

// Stop stops the operator and waits for its end.
func (o *Operator) Stop() error {
	o.once.Do(func() {
		o.cancel()
		o.err = <-o.ended
	})
	return o.err
}

// Log is what the operator has logged, one JSON object a line.
func (o *Operator) Log() string { return o.log.String() }

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

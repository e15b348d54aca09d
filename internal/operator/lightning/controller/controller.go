// Package controller reconciles LightningNetworks with their specifications: one file for each phase of a reconcile pass, and one status
// patch at its end. What the nodes need is decided by package plan; this package observes, carries out and reports.
package controller

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Options of the controller.
type Options struct {
	Settings resources.Settings
	// PreviousCredential is for agents whose file the kubelet has not replaced since the master key was rotated; nil for none, and without a user when
	// there is none.
	PreviousCredential func(*v1.LightningNetwork) bitcoind.Credential
	// Operator is the operator's credential at bitcoind, and LND the one that LND has there.
	Operator, LND BitcoinCredential
	// Credentials are read before the first pass, and followed; nil for credentials that do not change.
	Credentials credentials.Reader
	// Dial opens connections to pods, and Host returns the host for it; nil for TCP and the pod's address.
	Dial bitcoind.Dial
	Host func(*corev1.Pod) string
	// PollInterval is the time between passes of a network that is ready: LND has no watch, and a channel that a user closed is seen after
	// this time at the latest. 0 for the default.
	PollInterval time.Duration
	// MaxConcurrentReconciles is the number of networks that are reconciled at the same time.
	MaxConcurrentReconciles int
	// DisruptionBudgets is whether the operator has the permissions for them.
	DisruptionBudgets bool
	// Fence is that of the election; nil for an operator without one.
	Fence *lease.Fence
	// Namespaces are those of the networks; none for all.
	Namespaces []string
	// Metrics is where the metrics are registered; nil for the registry that the manager serves.
	Metrics prometheus.Registerer
	// Now is the clock; nil for time.Now.
	Now func() time.Time
}

// BitcoinCredential is a credential for each BitcoinNetwork, with the one from before the last rotation of the master key.
type BitcoinCredential struct {
	Current func(*v1.BitcoinNetwork) bitcoind.Credential
	// Previous is nil for none, and without a user when there is none.
	Previous func(*v1.BitcoinNetwork) bitcoind.Credential
}

func (c BitcoinCredential) previous(network *v1.BitcoinNetwork) bitcoind.Credential {
	if c.Previous == nil {
		return bitcoind.Credential{}
	}
	return c.Previous(network)
}

// defaultPollInterval is that of a network that is ready.
const defaultPollInterval = 10 * time.Second

// Add registers the controller with a manager, which starts it as soon as the definition of LightningNetworks exists. The cache must have
// the BitcoinNetworks, and the objects with the operator's labels.
func Add(mgr ctrl.Manager, options Options) error {
	if options.Metrics == nil {
		options.Metrics = metrics.Registry
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.PollInterval == 0 {
		options.PollInterval = defaultPollInterval
	}
	states := newStateStore()
	d := &definition{
		reader: mgr.GetAPIReader(), namespaces: options.Namespaces, logger: mgr.GetLogger().WithName("lightning"), interval: definitionInterval,
		found: func() error { return addController(mgr, options, states) },
	}
	for _, collector := range []prometheus.Collector{networkCollector{states}, d.collector()} {
		if err := options.Metrics.Register(collector); err != nil {
			return err
		}
	}
	if err := addIndexes(mgr.GetFieldIndexer(), options.DisruptionBudgets); err != nil {
		return err
	}
	return mgr.Add(d)
}

func addController(mgr ctrl.Manager, options Options, states *stateStore) error {
	requests := make(chan event.GenericEvent, 1024)
	r := &Reconciler{
		client: lease.Client(mgr.GetClient(), options.Fence), live: mgr.GetAPIReader(), recorder: mgr.GetEventRecorder("bitcoin-controller"), options: options, states: states,
		retries: backoff.NewRetries(minBackoff, maxRetryInterval),
		agents:  api.NewClient(podhttp.Dial(options.Dial)), rpc: bitcoind.NewClient(nil, options.Dial),
		background: &background{now: options.Now, fence: options.Fence, requeue: passes.SendTo(requests, func() client.Object { return &v1.LightningNetwork{} })},
	}
	if err := mgr.Add(r.background); err != nil {
		return err
	}
	if err := addNetworkIndex(mgr.GetFieldIndexer()); err != nil {
		return err
	}
	controlled := ctrl.NewControllerManagedBy(mgr).
		Named("lightningnetwork").
		For(&v1.LightningNetwork{}, passes.Changes()).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(networkOfPod)).
		Watches(&v1.BitcoinNetwork{}, handler.EnqueueRequestsFromMapFunc(r.networksOn), builder.WithPredicates(bitcoinChanged{})).
		WatchesRawSource(source.Channel(requests, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: options.MaxConcurrentReconciles, RateLimiter: r.retries})
	if options.Credentials != nil {
		controlled.WatchesRawSource(credentials.NewSource(options.Credentials, networksIn(mgr.GetClient())))
	}
	if options.DisruptionBudgets {
		controlled.Owns(&policyv1.PodDisruptionBudget{}, passes.BudgetChanges())
	}
	return controlled.Complete(r)
}

// Indexes of the cache: the objects by their network, and the networks by their BitcoinNetwork.
const (
	indexNetwork = "lightningnetwork"
	indexBitcoin = "spec.bitcoinNetwork"
)

func addIndexes(indexer client.FieldIndexer, budgets bool) error {
	ctx := context.Background()
	kinds := []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}}
	if budgets {
		kinds = append(kinds, &policyv1.PodDisruptionBudget{})
	}
	for _, kind := range kinds {
		err := indexer.IndexField(ctx, kind, indexNetwork, func(object client.Object) []string {
			if network := resources.NetworkOf(object.GetLabels()); network != "" {
				return []string{network}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addNetworkIndex needs the definition, which the API server may not have when the operator starts.
func addNetworkIndex(indexer client.FieldIndexer) error {
	return indexer.IndexField(context.Background(), &v1.LightningNetwork{}, indexBitcoin, func(object client.Object) []string {
		return []string{object.(*v1.LightningNetwork).Spec.BitcoinNetwork}
	})
}

// objectsOf selects the objects with a network's labels in the cache. They must not be changed.
func objectsOf(network *v1.LightningNetwork) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(network.Namespace), client.MatchingFields{indexNetwork: network.Name}, client.UnsafeDisableDeepCopy,
	}
}

func networkOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	network := resources.NetworkOf(pod.GetLabels())
	if network == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: network}}}
}

// networksOn are the networks on a BitcoinNetwork.
func (r *Reconciler) networksOn(ctx context.Context, bitcoin client.Object) []reconcile.Request {
	keys, err := list(ctx, r.client, client.InNamespace(bitcoin.GetNamespace()), client.MatchingFields{indexBitcoin: bitcoin.GetName()})
	if err != nil {
		return nil // the cache has stopped
	}
	requests := make([]reconcile.Request, len(keys))
	for i, key := range keys {
		requests[i].NamespacedName = key
	}
	return requests
}

// networksIn lists all networks in a cache.
func networksIn(reader client.Reader) func(context.Context) ([]types.NamespacedName, error) {
	return func(ctx context.Context) ([]types.NamespacedName, error) { return list(ctx, reader) }
}

func list(ctx context.Context, reader client.Reader, options ...client.ListOption) ([]types.NamespacedName, error) {
	var networks v1.LightningNetworkList
	if err := reader.List(ctx, &networks, options...); err != nil {
		return nil, err
	}
	keys := make([]types.NamespacedName, len(networks.Items))
	for i := range networks.Items {
		keys[i] = client.ObjectKeyFromObject(&networks.Items[i])
	}
	return keys, nil
}

// bitcoinChanged passes the changes of a BitcoinNetwork that matter at once: not each block.
type bitcoinChanged struct{ predicate.Funcs }

func (bitcoinChanged) Update(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*v1.BitcoinNetwork)
	after, is := e.ObjectNew.(*v1.BitcoinNetwork)
	return !ok || !is || before.Generation != after.Generation || (passes.Deletion{}).Update(e) ||
		before.Status.ReadyNodes != after.Status.ReadyNodes || isForked(before) != isForked(after) || isUpdated(before) != isUpdated(after)
}

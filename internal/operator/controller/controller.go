// Package controller reconciles BitcoinNetworks with their specifications: one file for each phase of a reconcile pass, and one
// status patch at its end. reconcile.go has the order of the phases.
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
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Options of the controller.
type Options struct {
	Settings resources.Settings
	// PreviousCredential is for nodes that have not restarted since the master key was rotated; nil for none, and without a user when
	// there is none.
	PreviousCredential func(*v1.BitcoinNetwork) bitcoind.Credential
	// Credentials are read before the first pass, and followed; nil for credentials that do not change.
	Credentials credentials.Reader
	// Dial opens connections to nodes, and Host returns the host for it; nil for TCP and the pod's address.
	Dial bitcoind.Dial
	Host func(*corev1.Pod) string
	// PollInterval is the time between passes of a network that is ready: a change inside a node, such as a block that a user
	// mined, is seen after this time at the latest.
	PollInterval time.Duration
	// MaxConcurrentReconciles is the number of networks that are reconciled at the same time.
	MaxConcurrentReconciles int
	// DisruptionBudgets is whether the operator has the permissions for them.
	DisruptionBudgets bool
	// Fence is that of the election; nil for an operator without one.
	Fence *lease.Fence
	// Metrics is where the metrics are registered; nil for the registry that the manager serves.
	Metrics prometheus.Registerer
	// Now is the clock; nil for time.Now.
	Now func() time.Time
}

// Add registers the controller with a manager.
func Add(mgr ctrl.Manager, options Options) error {
	if options.Metrics == nil {
		options.Metrics = metrics.Registry
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	states := newStateStore()
	observeRPC, err := registerMetrics(options.Metrics, states)
	if err != nil {
		return err
	}
	requests := make(chan event.GenericEvent, 1024)
	r := &Reconciler{
		client:       lease.Client(mgr.GetClient(), options.Fence),
		live:         mgr.GetAPIReader(),
		recorder:     mgr.GetEventRecorder("bitcoin-controller"),
		settings:     options.Settings,
		budgets:      options.DisruptionBudgets,
		fence:        options.Fence,
		pollInterval: options.PollInterval,
		now:          options.Now,
		states:       states,
		retries:      backoff.NewRetries(minBackoff, maxRetryInterval),
		nodes: &nodeClient{
			rpc: bitcoind.NewClient(observeRPC, options.Dial), supervisors: api.NewClient(api.Dial(options.Dial)), credential: options.Settings.Credential, previous: options.PreviousCredential,
			host: options.Host, now: options.Now, fence: options.Fence, requeue: passes.SendTo(requests, func() client.Object { return &v1.BitcoinNetwork{} }),
		},
	}
	if err := mgr.Add(r.nodes); err != nil {
		return err
	}
	if err := indexByNetwork(mgr.GetFieldIndexer(), options.DisruptionBudgets); err != nil {
		return err
	}
	controlled := ctrl.NewControllerManagedBy(mgr).
		Named("bitcoinnetwork").
		For(&v1.BitcoinNetwork{}, passes.Changes()).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(networkOfPod)).
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

// networksIn lists the networks in a cache.
func networksIn(reader client.Reader) func(context.Context) ([]types.NamespacedName, error) {
	return func(ctx context.Context) ([]types.NamespacedName, error) {
		var networks v1.BitcoinNetworkList
		if err := reader.List(ctx, &networks); err != nil {
			return nil, err
		}
		keys := make([]types.NamespacedName, len(networks.Items))
		for i := range networks.Items {
			keys[i] = client.ObjectKeyFromObject(&networks.Items[i])
		}
		return keys, nil
	}
}

// indexNetwork is the cache's index of objects by network. In a namespace with a thousand networks, matching the labels of all
// objects in each pass would be most of the operator's work.
const indexNetwork = "network"

func indexByNetwork(indexer client.FieldIndexer, budgets bool) error {
	kinds := []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}}
	if budgets {
		kinds = append(kinds, &policyv1.PodDisruptionBudget{})
	}
	for _, kind := range kinds {
		err := indexer.IndexField(context.Background(), kind, indexNetwork, func(object client.Object) []string {
			return []string{resources.NetworkOf(object.GetLabels())}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// objectsOf selects the objects with a network's labels in the cache. They must not be changed.
func objectsOf(network *v1.BitcoinNetwork) []client.ListOption {
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

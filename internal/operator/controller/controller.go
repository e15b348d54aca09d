// Package controller brings BitcoinNetworks to what their specs ask for: one file for each step of a look at a network,
// one status patch at its end.
package controller

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Options of the controller.
type Options struct {
	Settings resources.Settings
	// PreviousCredential is for nodes that have not restarted since the master key was changed; nil for none.
	PreviousCredential func(*v1.BitcoinNetwork) bitcoind.Credential
	// Dial opens connections to nodes, and Host is where it finds one; nil for TCP and the pod's address.
	Dial bitcoind.Dial
	Host func(*corev1.Pod) string
	// PollInterval between looks at a network in which nothing is missing: what a node does by itself, such as a block
	// that somebody mined, is seen after this time at the latest.
	PollInterval time.Duration
	// MaxConcurrentReconciles is the number of networks that are looked at at the same time.
	MaxConcurrentReconciles int
}

// Reconciler looks at networks and acts.
type Reconciler struct {
	client client.Client
	// live reads from the API server, past the cache.
	live     client.Reader
	recorder events.EventRecorder
	settings resources.Settings
	previous func(*v1.BitcoinNetwork) bitcoind.Credential
	host     func(*corev1.Pod) string
	poll     time.Duration
	now      func() time.Time

	memory *memories
	nodes  *fleet
}

// Add registers the controller with a manager.
func Add(mgr ctrl.Manager, options Options) error {
	wake := make(chan event.GenericEvent, 1024)
	r := &Reconciler{
		client:   mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		recorder: mgr.GetEventRecorder("bitcoin-controller"),
		settings: options.Settings,
		previous: options.PreviousCredential,
		host:     options.Host,
		poll:     options.PollInterval,
		now:      time.Now,
		memory:   newMemories(),
	}
	r.nodes = &fleet{rpc: bitcoind.NewClient(observeRPC, options.Dial), now: r.now, wake: func(key types.NamespacedName) {
		network := &v1.BitcoinNetwork{}
		network.Namespace, network.Name = key.Namespace, key.Name
		select {
		case wake <- event.GenericEvent{Object: network}:
		default: // so many are waiting that the next poll is soon enough
		}
	}}
	if err := mgr.Add(r.nodes); err != nil {
		return err
	}
	if err := indexByNetwork(mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := registerMetrics(r.memory); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("bitcoinnetwork").
		For(&v1.BitcoinNetwork{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, deletion{}))).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(networkOfPod)).
		WatchesRawSource(source.Channel(wake, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.MaxConcurrentReconciles,
			// The default would have a network wait for a quarter of an hour after the API server's recovery.
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstWait, longestRetry),
		}).
		Complete(r)
}

// indexNetwork is the index in the cache by which the objects of a network are found. To go through the labels of all that
// there are, at each look, would be most of the operator's work where a namespace has a thousand networks.
const indexNetwork = "network"

func indexByNetwork(indexer client.FieldIndexer) error {
	for _, kind := range []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}} {
		err := indexer.IndexField(context.Background(), kind, indexNetwork, func(object client.Object) []string {
			return []string{resources.NetworkOf(object.GetLabels())}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// objectsOf selects what is labelled as a network's in the cache; the objects are not to be changed.
func objectsOf(network *v1.BitcoinNetwork) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(network.Namespace), client.MatchingFields{indexNetwork: network.Name}, client.UnsafeDisableDeepCopy,
	}
}

// deletion lets the update through that sets a deletion timestamp; it changes the generation of some kinds only.
type deletion struct{ predicate.Funcs }

func (deletion) Update(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}

func networkOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	network := resources.NetworkOf(pod.GetLabels())
	if network == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: network}}}
}

// Reconcile takes one look at a network.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var network v1.BitcoinNetwork
	if err := r.client.Get(ctx, req.NamespacedName, &network); err != nil {
		if apierrors.IsNotFound(err) {
			r.memory.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, err
	}
	if !network.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	memory := r.memory.of(&network)
	running, err := r.runningNodes(ctx, &network)
	if err != nil {
		return ctrl.Result{}, err
	}
	if early := memory.lastLook.early(r.now(), running); early > 0 {
		return ctrl.Result{RequeueAfter: early}, nil
	}
	memory.rejoin(&network)
	started := r.now()
	l := &look{network: network.DeepCopy(), memory: memory, now: started}
	// A look that ends in the middle has nothing true to report: the status stays, and the queue tries again.
	err = r.steps(ctx, l)
	if err == nil {
		err = r.report(ctx, &network, l)
	}
	ended := r.now()
	memory.lastLook = pastLook{ended: ended, took: ended.Sub(started), nodes: len(l.nodes), settled: l.settled}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: r.next(l)}, nil
}

// steps are what a look consists of. Each reads and changes the look only, apart from the calls that it makes.
func (r *Reconciler) steps(ctx context.Context, l *look) error {
	for _, step := range []struct {
		name string
		run  func(context.Context, *look) error
	}{
		{"apply the network's objects", r.applyObjects},
		{"read the network's pods", r.readPods},
		{"ask the nodes", r.askNodes},
		{"compare the chains", r.compareChains},
		{"connect the nodes", r.connect},
		{"see which changed nodes have caught up", r.catchUp},
		{"mine", r.mine},
	} {
		if err := step.run(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// next says when to look again: soon while something is missing, and less soon the longer nothing changes about it.
func (r *Reconciler) next(l *look) time.Duration {
	wait := r.poll
	switch {
	case l.refused != nil:
		// Only somebody's help mends it, and each look asks the API server.
		wait = l.memory.backoff(l.fingerprint(), longestRetry)
	case !l.settled:
		wait = min(wait, l.memory.backoff(l.fingerprint(), lastWait))
	}
	if l.nextBlockIn > 0 {
		wait = min(wait, l.nextBlockIn)
	}
	if l.lingering > 0 {
		wait = min(wait, l.lingering)
	}
	if l.recheckIn > 0 {
		wait = min(wait, l.recheckIn)
	}
	return max(wait, time.Millisecond)
}

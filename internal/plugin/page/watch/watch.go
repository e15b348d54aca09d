// Package watch keeps the values of the page up to date with the API server: one watch each of networks, pods, events and Lightning networks,
// and no other request.
package watch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// settle is the time in which changes become one.
const settle = 40 * time.Millisecond

// Watcher watches the networks of a namespace.
type Watcher struct {
	Cluster *cluster.Client
	// Name is that of the only network, or empty.
	Name string
	// WithoutPods leaves the pods out: nodes are then what the operator reports.
	WithoutPods bool
	// WithoutLightning leaves the Lightning networks out, without a request whether the cluster has them.
	WithoutLightning bool
	Store            *state.Store
	// Lightning is for the Lightning networks. Served is called when they are watched, and when they are not, with the right without which that is
	// not possible, if that is why.
	Lightning *state.Store
	Served    func(watched bool, lacks *cluster.MissingRight)
	// Changed is called for each network whose status may have changed, and Removed for one that was deleted.
	Changed func(*v1.BitcoinNetwork)
	Removed func(name string)
	// Limit is how many bytes the objects and values may need in memory; 0 means without one. With a limit, Kept returns what Changed keeps, and
	// Counted is called with the sum, and whether that is all: while a list arrives, more may come.
	Limit   int
	Kept    func() int
	Counted func(bytes int, all bool)
	// Reachable is called when a request to the API server has succeeded or failed, with the error of any resource whose latest one failed, and
	// since when the values of one are not known to be those of the API server: zero if there have been none of it yet.
	Reachable func(err error, since time.Time)

	mu    sync.Mutex
	last  error         // of a request of an informer
	limit time.Duration // of the first lists
	// failures are the errors of the latest requests, by resource.
	failures map[string]error
	// confirmed is when the API server last sent something of a resource.
	confirmed map[string]time.Time
	accounts  map[string]*account
	// shown is true when the first values are all in the store.
	shown    bool
	dirty    map[string]bool
	events   bool
	signal   chan struct{}
	end      context.CancelCauseFunc
	ended    chan struct{}
	exceeded atomic.Bool
	// lightning is nil while the Lightning networks are not watched.
	lightning      *lightning
	dirtyLightning map[string]bool
	seek           chan struct{}

	networks, pods, happened cache.SharedIndexInformer
}

// Start reads what exists, and follows it until the context ends. It returns the rights that the caller's account lacks, without which the
// page lacks what they are needed for; a missing right on networks is an error.
func (w *Watcher) Start(ctx context.Context) (missing []string, err error) {
	w.dirty, w.failures, w.accounts, w.confirmed = map[string]bool{}, map[string]error{}, map[string]*account{}, map[string]time.Time{}
	w.signal, w.ended, w.seek, w.dirtyLightning = make(chan struct{}, 1), make(chan struct{}), make(chan struct{}, 1), map[string]bool{}
	ctx, w.end = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			w.end(err)
		}
	}()
	if w.limit == 0 {
		w.limit = syncTimeout
	}
	w.networks = w.networkInformer()
	if err := w.check(ctx, "networks"); err != nil {
		return nil, err
	}
	informers, missing, err := w.others(ctx)
	if err != nil {
		return nil, err
	}
	synced, err := w.beginLightning(ctx)
	if err != nil {
		return nil, err
	}
	for _, informer := range append(informers, w.networks) {
		handled, err := w.handle(informer)
		if err != nil {
			return nil, err
		}
		synced = append(synced, handled)
		go informer.RunWithContext(ctx)
	}
	if err := w.synced(ctx, synced); err != nil {
		return nil, err
	}
	w.round() // the first reader sees what exists
	w.mu.Lock()
	w.shown = true
	w.mu.Unlock()
	_ = w.fits() // it ends the watch itself
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	go w.run(ctx)
	go w.seekLightning(ctx)
	return missing, nil
}

// Exceed ends the watch because of the memory that it needs.
func (w *Watcher) Exceed() {
	w.exceeded.Store(true)
	w.end(ErrTooLarge)
}

// Ended is closed at the end of the watch, after which no value changes any more.
func (w *Watcher) Ended() <-chan struct{} { return w.ended }

// syncTimeout is how long the first lists take at most.
const syncTimeout = 30 * time.Second

// synced waits for the first lists.
func (w *Watcher) synced(ctx context.Context, all []cache.InformerSynced) error {
	limited, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	if cache.WaitForCacheSync(limited.Done(), all...) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last != nil {
		return fmt.Errorf("the API server has not sent the networks, pods and events within %s: %w", w.limit, w.last)
	}
	return fmt.Errorf("the API server has not sent the networks, pods and events within %s: check the cluster, and start the command again", w.limit)
}

// check is the first request for a resource, whose error has a sentence: an informer only tries again.
func (w *Watcher) check(ctx context.Context, resource string) error {
	switch resource {
	case "pods":
		return probe(ctx, w, resource, "", w.Cluster.Core.CoreV1().Pods(w.Cluster.Namespace))
	case "events":
		return probe(ctx, w, resource, "", w.Cluster.Core.CoreV1().Events(w.Cluster.Namespace))
	case lightningNetworks:
		return probe(ctx, w, resource, "", w.Cluster.Networks.BitcoincontrollerV1().LightningNetworks(w.Cluster.Namespace))
	}
	if w.Name != "" {
		if _, err := w.Cluster.Get(ctx, w.Name); err != nil {
			return err
		}
	}
	return probe(ctx, w, "bitcoinnetworks", w.Name, w.Cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(w.Cluster.Namespace))
}

// probe lists and watches a resource for a moment, as its informer does.
func probe[T runtime.Object](ctx context.Context, w *Watcher, resource, name string, requests lists[T]) error {
	return w.Cluster.Check(ctx, resource, func(options metav1.ListOptions) error {
		if name != "" {
			options.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		}
		if _, err := requests.List(ctx, options); err != nil {
			return err
		}
		stream, err := requests.Watch(ctx, metav1.ListOptions{FieldSelector: options.FieldSelector, TimeoutSeconds: new(int64(1))})
		if err == nil {
			stream.Stop()
		}
		return err
	})
}

func (w *Watcher) mark(object any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch object := object.(type) {
	case *v1.BitcoinNetwork:
		w.dirty[object.Name] = true
	case *corev1.Pod:
		if network := resources.NetworkOf(object.Labels); network != "" {
			w.dirty[network] = true
		}
	case *corev1.Event:
		w.events = true
	case *v1.LightningNetwork:
		w.dirtyLightning[object.Name] = true
	}
	w.wake()
}

// wake begins a round, which takes over what is marked.
func (w *Watcher) wake() {
	select {
	case w.signal <- struct{}{}:
	default: // the next round is due already
	}
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.ended)
	for {
		select {
		case <-w.signal:
			w.round()
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Watcher) round() {
	w.mu.Lock()
	dirty, lightning, events := w.dirty, w.dirtyLightning, w.events
	w.dirty, w.dirtyLightning, w.events = map[string]bool{}, map[string]bool{}, false
	w.mu.Unlock()
	for name := range dirty {
		if w.update(name); w.fits() != nil {
			return
		}
	}
	for name := range lightning {
		if w.updateLightning(name); w.fits() != nil {
			return
		}
	}
	if events {
		w.updateEvents()
		_ = w.fits() // it ends the watch itself
	}
}

func (w *Watcher) update(name string) {
	object, exists, err := w.networks.GetStore().GetByKey(w.Cluster.Namespace + "/" + name)
	network, ok := object.(*v1.BitcoinNetwork)
	if err != nil || !exists || !ok {
		w.Store.Delete(view.NetworkKey(name))
		w.Store.Replace(view.NodesPrefix(name), nil)
		w.Removed(name)
		return
	}
	w.Store.Set(view.NetworkKey(name), view.OfNetwork(network))
	w.Store.Replace(view.NodesPrefix(name), view.OfNodes(network, w.podLookup()))
	w.Changed(network)
}

// Network returns a network as it was last seen.
func (w *Watcher) Network(name string) (*v1.BitcoinNetwork, error) {
	object, exists, err := w.networks.GetStore().GetByKey(w.Cluster.Namespace + "/" + name)
	network, ok := object.(*v1.BitcoinNetwork)
	if err != nil || !exists || !ok {
		return nil, fmt.Errorf("the network %s does not exist any more: choose another one", name)
	}
	return network, nil
}

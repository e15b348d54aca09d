package watch

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// lightningNetworks is the name of the resource, which a cluster may not have.
	lightningNetworks = "lightningnetworks"
	// seekPause is the least time between two requests whether the cluster has it.
	seekPause = 2 * time.Second
)

// lightning is the watch of the Lightning networks while it runs.
type lightning struct {
	informer cache.SharedIndexInformer
	cancel   context.CancelFunc
	// names are those of the networks that have values.
	names map[string]bool
}

// Seek watches the Lightning networks soon, if that was not possible before and now is. A page calls it when it is opened: nothing but requests
// at an interval would report that the definition was installed or a right was given, to an account without rights on definitions.
func (w *Watcher) Seek() {
	select {
	case w.seek <- struct{}{}:
	default: // it is due already
	}
}

func (w *Watcher) seekLightning(ctx context.Context) {
	for {
		select {
		case <-time.After(seekPause):
		case <-ctx.Done():
			return
		}
		select {
		case <-w.seek:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		watched := w.lightning != nil
		w.mu.Unlock()
		if !watched {
			if _, err := w.beginLightning(ctx); err != nil {
				w.Seek() // no page has a reason to be opened again
			}
		}
	}
}

// beginLightning watches the Lightning networks, if the cluster has their definition and the caller's account the right to them. It returns
// whether the first list is marked, for each watch that begins.
func (w *Watcher) beginLightning(ctx context.Context) ([]cache.InformerSynced, error) {
	if w.WithoutLightning {
		return nil, nil
	}
	defined, certain, err := w.definesLightning(ctx)
	if err != nil {
		return nil, err
	}
	if !defined {
		w.Served(false, nil) // a right that was missing is not why any more
		return nil, nil
	}
	err = w.check(ctx, lightningNetworks)
	right, lacks := errors.AsType[*cluster.MissingRight](err)
	switch {
	case apierrors.IsNotFound(err) || lacks && !certain:
		w.Served(false, nil)
		return nil, nil
	case lacks:
		w.Served(false, right)
		return nil, nil
	case err != nil:
		return nil, err
	}
	watched := &lightning{informer: w.lightningInformer(), names: map[string]bool{}}
	synced, err := w.handle(watched.informer)
	if err != nil {
		return nil, err
	}
	ctx, watched.cancel = context.WithCancel(ctx)
	w.mu.Lock()
	w.lightning = watched
	w.mu.Unlock()
	w.Served(true, nil)
	go watched.informer.RunWithContext(ctx)
	return []cache.InformerSynced{synced}, nil
}

// definesLightning reports whether the cluster has the definition. Without it, an account that has no right to its resource gets the same answer
// as with it; so does an account that may not know which resources there are, of which nothing is certain.
func (w *Watcher) definesLightning(ctx context.Context) (defined, certain bool, err error) {
	list, err := w.Cluster.Networks.Discovery().ServerResourcesForGroupVersionWithContext(ctx, v1.SchemeGroupVersion.String())
	switch {
	case apierrors.IsForbidden(err):
		return true, false, nil
	case apierrors.IsNotFound(err):
		return false, true, nil
	case err != nil:
		return false, false, err
	}
	for i := range list.APIResources {
		if list.APIResources[i].Name == lightningNetworks {
			return true, true, nil
		}
	}
	return false, true, nil
}

func (w *Watcher) lightningInformer() cache.SharedIndexInformer {
	return informer(w, lightningNetworks, w.Cluster.Networks, w.Cluster.Networks.BitcoincontrollerV1().LightningNetworks(w.Cluster.Namespace), &v1.LightningNetwork{},
		func(*metav1.ListOptions) {})
}

// endLightning ends the watch of the Lightning networks when an error means that there is none any more: the definition was deleted, or the right
// was taken away. It reports whether that is so. The networks are watched as before. One answer is no proof: the definition may be installed again
// at this moment, and open pages stay open. So it is sought once more.
func (w *Watcher) endLightning(err error) bool {
	right, lacks := errors.AsType[*cluster.MissingRight](err)
	if !lacks && !apierrors.IsNotFound(err) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock() // also while the end is reported: the next watch may begin at once
	ended := w.lightning
	if ended == nil {
		return true
	}
	ended.cancel()
	w.lightning = nil
	delete(w.accounts, lightningNetworks)
	delete(w.failures, lightningNetworks)
	for name := range ended.names {
		w.dirtyLightning[name] = true
	}
	w.wake()
	if lacks {
		w.Served(false, right)
	} else {
		w.Served(false, nil)
	}
	time.AfterFunc(seekPause, w.Seek)
	return true
}

// updateLightning brings the values of a Lightning network up to date.
func (w *Watcher) updateLightning(name string) {
	w.mu.Lock()
	watched := w.lightning
	if watched != nil {
		watched.names[name] = true
	}
	w.mu.Unlock()
	if watched != nil {
		object, _, err := watched.informer.GetStore().GetByKey(types.NamespacedName{Namespace: w.Cluster.Namespace, Name: name}.String())
		network, ok := object.(*v1.LightningNetwork)
		if err == nil && ok && (w.Name == "" || w.Name == network.Spec.BitcoinNetwork) {
			w.Lightning.Replace(view.LightningPrefix(name), view.OfLightning(network))
			return
		}
	}
	w.Lightning.Replace(view.LightningPrefix(name), nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	if watched != nil {
		delete(watched.names, name)
	}
}

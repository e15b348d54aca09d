package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lists are the two requests of an informer.
type lists[T runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (T, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// informer returns an informer that reports whether its requests succeed.
func informer[T runtime.Object](w *Watcher, resource string, client any, requests lists[T], object runtime.Object, tweak func(*metav1.ListOptions)) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			tweak(&options)
			all, err := list(ctx, w, resource, requests, options)
			w.report(ctx, resource, err)
			return all, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			tweak(&options)
			stream, err := requests.Watch(ctx, options)
			w.report(ctx, resource, err)
			if err != nil {
				return nil, err
			}
			return w.arriving(resource, &options, stream), nil
		},
	}, client), object, 0, cache.Indexers{})
}

// report passes on whether the latest requests for all resources have succeeded: while one fails, values are old. A right that was taken away
// meanwhile has the sentence of one that is missing from the beginning.
func (w *Watcher) report(ctx context.Context, resource string, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		err = w.Cluster.Check(ctx, resource, func(metav1.ListOptions) error { return err })
	}
	ended := err != nil && resource == lightningNetworks && w.endLightning(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if ended {
		err = nil // the others may still fail
	} else {
		w.last, w.failures[resource] = err, err
	}
	if err == nil {
		w.confirmed[resource] = time.Now()
	}
	since := time.Now()
	for _, name := range slices.Sorted(maps.Keys(w.failures)) {
		if w.failures[name] == nil {
			continue
		}
		if err == nil {
			err = w.failures[name]
		}
		if at := w.confirmed[name]; at.Before(since) {
			since = at // that of a resource which has never arrived is zero, before all others
		}
	}
	w.Reachable(err, since)
}

func (w *Watcher) networkInformer() cache.SharedIndexInformer {
	return informer(w, "bitcoinnetworks", w.Cluster.Networks, w.Cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(w.Cluster.Namespace), &v1.BitcoinNetwork{},
		func(options *metav1.ListOptions) { w.selected(options, "metadata.name") })
}

func (w *Watcher) podInformer() cache.SharedIndexInformer {
	set := labels.Set{resources.LabelName: resources.NameValue, resources.LabelManagedBy: resources.ManagedByValue}
	if w.Name != "" {
		set[resources.LabelInstance] = w.Name
	}
	return informer(w, "pods", w.Cluster.Core, w.Cluster.Core.CoreV1().Pods(w.Cluster.Namespace), &corev1.Pod{},
		func(options *metav1.ListOptions) { options.LabelSelector = set.String() })
}

func (w *Watcher) eventInformer() cache.SharedIndexInformer {
	return informer(w, "events", w.Cluster.Core, w.Cluster.Core.CoreV1().Events(w.Cluster.Namespace), &corev1.Event{},
		func(options *metav1.ListOptions) {
			w.selected(options, "involvedObject.name")
			options.FieldSelector = strings.Trim(options.FieldSelector+",involvedObject.kind=BitcoinNetwork", ",")
		})
}

// others are the informers besides that of the networks, but for resources to which the caller's account has no right.
func (w *Watcher) others(ctx context.Context) (informers []cache.SharedIndexInformer, missing []string, err error) {
	others := map[string]cache.SharedIndexInformer{"events": w.eventInformer()}
	if !w.WithoutPods {
		others["pods"] = w.podInformer()
	}
	for resource, informer := range others {
		err := w.check(ctx, resource)
		if right, lacks := errors.AsType[*cluster.MissingRight](err); lacks {
			missing = append(missing, right.Error())
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if resource == "pods" {
			w.pods = informer
		} else {
			w.happened = informer
		}
		informers = append(informers, informer)
	}
	slices.Sort(missing)
	return informers, missing, nil
}

// selected are the options for one network, or for all.
func (w *Watcher) selected(options *metav1.ListOptions, field string) {
	if w.Name != "" {
		options.FieldSelector = fields.OneTermEqualSelector(field, w.Name).String()
	}
}

// handle marks what an informer reports for the next round, and returns whether the first list is marked.
func (w *Watcher) handle(informer cache.SharedIndexInformer) (cache.InformerSynced, error) {
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.mark,
		UpdateFunc: func(_, object any) { w.mark(object) },
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			w.mark(object)
		},
	})
	if err != nil {
		return nil, err
	}
	return registration.HasSynced, nil
}

// podLookup returns the pods that are known; nil without the right to see them.
func (w *Watcher) podLookup() func(string) *corev1.Pod {
	if w.pods == nil {
		return nil
	}
	return func(name string) *corev1.Pod {
		object, exists, err := w.pods.GetStore().GetByKey(w.Cluster.Namespace + "/" + name)
		pod, ok := object.(*corev1.Pod)
		if err != nil || !exists || !ok {
			return nil
		}
		return pod
	}
}

package watch

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// listPage is how many objects are read at once, and boundedPage how many of those that may be large: up to 1.5 MiB each.
	listPage    = 500
	boundedPage = 16
	// objectOverhead is about what an object needs beside its texts.
	objectOverhead = 1 << 10
)

// ErrTooLarge is the end of a watch whose objects and values need more than the limit.
var ErrTooLarge = errors.New("the networks and events need more memory than the limit")

// account are the bytes of what is kept of the objects of one resource, by name.
type account struct {
	sizes map[string]int
	total int
	// arriving is true from the beginning of a list to its end.
	arriving bool
}

// list reads all objects in pages, each of which is reduced before the next one arrives.
func list[T runtime.Object](ctx context.Context, w *Watcher, resource string, requests lists[T], options metav1.ListOptions) (all T, err error) {
	options.ResourceVersion, options.ResourceVersionMatch, options.Continue, options.Limit = "", "", "", listPage
	if w.Limit > 0 {
		options.Limit = boundedPage
	}
	w.begin(resource)
	var objects []runtime.Object
	for {
		page, err := requests.List(ctx, options)
		if err != nil {
			return all, err
		}
		if err := meta.EachListItem(page, func(object runtime.Object) error {
			objects = append(objects, object)
			return w.arrived(resource, object)
		}); err != nil {
			return all, err
		}
		about, err := meta.ListAccessor(page)
		if err != nil {
			return all, err
		}
		if options.Continue = about.GetContinue(); options.Continue == "" {
			w.complete(resource)
			return page, meta.SetList(page, objects)
		}
	}
}

// arriving reduces the objects of a watch.
func (w *Watcher) arriving(resource string, options *metav1.ListOptions, stream watch.Interface) watch.Interface {
	if options.SendInitialEvents != nil && *options.SendInitialEvents {
		w.begin(resource)
	}
	return watch.Filter(stream, func(event watch.Event) (watch.Event, bool) {
		if event.Type != watch.Error {
			w.confirm(resource)
		}
		switch event.Type {
		case watch.Added, watch.Modified:
			return event, w.arrived(resource, event.Object) == nil
		case watch.Deleted:
			w.gone(resource, event.Object)
		case watch.Bookmark:
			if about, err := meta.Accessor(event.Object); err == nil && about.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
				w.complete(resource)
			}
		}
		return event, true
	})
}

// confirm keeps when the API server last sent something, which may be a bookmark only.
func (w *Watcher) confirm(resource string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.confirmed[resource] = time.Now()
}

// begin forgets what was counted of a resource, which is read again.
func (w *Watcher) begin(resource string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts[resource] = &account{sizes: map[string]int{}, arriving: true}
}

// complete notes that all objects of a resource have arrived.
func (w *Watcher) complete(resource string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if of := w.accounts[resource]; of != nil { // of a watch that has not ended meanwhile
		of.arriving = false
	}
}

// arrived reduces and counts an object. The error is ErrTooLarge.
func (w *Watcher) arrived(resource string, object runtime.Object) error {
	reduce(object)
	if w.Limit == 0 {
		return nil
	}
	w.count(resource, object, size(object))
	return w.fits()
}

func (w *Watcher) gone(resource string, object runtime.Object) {
	reduce(object)
	if w.Limit > 0 {
		w.count(resource, object, 0)
	}
}

func (w *Watcher) count(resource string, object runtime.Object, bytes int) {
	about, err := meta.Accessor(object)
	if err != nil {
		return // an error of the API server, which the informer handles
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.accounts[resource]
	if of == nil {
		of = &account{sizes: map[string]int{}}
		w.accounts[resource] = of
	}
	of.total += bytes - of.sizes[about.GetName()]
	if of.sizes[about.GetName()] = bytes; bytes == 0 {
		delete(of.sizes, about.GetName())
	}
}

// fits ends the watch when objects and values need more than the limit.
func (w *Watcher) fits() error {
	if w.exceeded.Load() {
		return ErrTooLarge
	}
	if w.Limit == 0 {
		return nil
	}
	total := w.Store.Bytes() + w.Lightning.Bytes() + w.Kept()
	w.mu.Lock()
	all := w.shown
	for _, of := range w.accounts {
		total += of.total
		all = all && !of.arriving
	}
	w.mu.Unlock()
	if w.Counted(total, all); total <= w.Limit {
		return nil
	}
	w.Exceed()
	return ErrTooLarge
}

// size is about what an object needs in memory.
func size(object runtime.Object) int {
	if event, ok := object.(*corev1.Event); ok {
		return objectOverhead + len(event.Message) + len(event.Reason) + len(event.Type) + len(event.InvolvedObject.Name)
	}
	text, err := json.Marshal(object)
	if err != nil {
		return objectOverhead
	}
	return objectOverhead + len(text)
}

// reduce leaves out what the page does not show, which may be large: anybody with the right to edit a namespace can write it.
func reduce(object runtime.Object) {
	switch object := object.(type) {
	case *v1.BitcoinNetwork:
		object.ObjectMeta = about(&object.ObjectMeta)
	case *v1.LightningNetwork:
		object.ObjectMeta = about(&object.ObjectMeta)
		object.Spec = v1.LightningNetworkSpec{BitcoinNetwork: object.Spec.BitcoinNetwork, Nodes: object.Spec.Nodes}
	case *corev1.Event:
		*object = corev1.Event{
			ObjectMeta: about(&object.ObjectMeta), InvolvedObject: corev1.ObjectReference{Kind: view.Text(object.InvolvedObject.Kind), Name: view.Text(object.InvolvedObject.Name)},
			Type: view.Text(object.Type), Reason: view.Text(object.Reason), Message: view.Text(object.Message),
			FirstTimestamp: object.FirstTimestamp, LastTimestamp: object.LastTimestamp, EventTime: object.EventTime, Series: object.Series, Count: object.Count,
		}
	case *corev1.Pod:
		labels := map[string]string{}
		for _, name := range []string{resources.LabelName, resources.LabelManagedBy, resources.LabelInstance} {
			if value, has := object.Labels[name]; has {
				labels[name] = value
			}
		}
		*object = corev1.Pod{ObjectMeta: about(&object.ObjectMeta), Status: corev1.PodStatus{
			Phase: object.Status.Phase, StartTime: object.Status.StartTime, Conditions: object.Status.Conditions, ContainerStatuses: object.Status.ContainerStatuses,
		}}
		object.Labels = labels
	}
}

// about is what is kept of an object's metadata.
func about(object *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: object.Name, Namespace: object.Namespace, UID: object.UID, ResourceVersion: object.ResourceVersion, Generation: object.Generation,
		CreationTimestamp: object.CreationTimestamp, DeletionTimestamp: object.DeletionTimestamp,
	}
}

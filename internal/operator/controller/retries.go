package controller

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// maxRetryInterval bounds the time between two requests that the API server does not carry out. With the default, a network would
// wait up to a quarter of an hour after a recovery of the API server.
const maxRetryInterval = 30 * time.Second

// retries is the rate limiter of the work queue. The queue calls Forget after each reconcile without an error, also after one that was
// put off, or that left out the requests that fail: the retries would never grow. So the reconciler resets them itself.
type retries struct {
	exponential workqueue.TypedRateLimiter[reconcile.Request]

	mu sync.Mutex
	// next is the time until the next pass of a network whose pass has failed, until the queue reads it.
	next map[reconcile.Request]time.Duration
}

func newRetries() *retries {
	return &retries{
		exponential: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](minBackoff, maxRetryInterval),
		next:        map[reconcile.Request]time.Duration{},
	}
}

// When is called by the work queue after a reconcile with an error.
func (r *retries) When(request reconcile.Request) time.Duration {
	r.mu.Lock()
	next, known := r.next[request]
	delete(r.next, request)
	r.mu.Unlock()
	if known {
		return next
	}
	return r.exponential.When(request)
}

// Forget does nothing, see retries.
func (r *retries) Forget(reconcile.Request) {}

// NumRequeues is the number of failures of a network since it was reset.
func (r *retries) NumRequeues(request reconcile.Request) int {
	return r.exponential.NumRequeues(request)
}

// failed counts a failure. It returns the time until what failed is tried again. The next pass comes then, or earlier when something
// else is due.
func (r *retries) failed(network types.NamespacedName, due time.Duration) (retryIn time.Duration) {
	request := reconcile.Request{NamespacedName: network}
	retryIn = r.exponential.When(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next[request] = min(retryIn, due)
	return retryIn
}

// reset forgets the failures of a network.
func (r *retries) reset(network types.NamespacedName) {
	request := reconcile.Request{NamespacedName: network}
	r.exponential.Forget(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.next, request)
}

// heldWrites are the writes of a network's objects after the API server has not carried out one of them. Until it is time to try again,
// or the network or one of the objects changes, passes report the result and write no object: a network may mine, or restart nodes,
// every second.
type heldWrites struct {
	marks  map[string]string
	result appliedObjects
}

// holdsWrites reports whether a pass leaves the writes out.
func (p *applyPass) holdsWrites() bool {
	held := p.state.held
	return held != nil && p.now.Before(p.state.retryAt) && maps.Equal(held.marks, p.marks())
}

// marks are texts that change when an object of the network, or what the operator wants of it, changes.
func (p *applyPass) marks() map[string]string {
	marks := make(map[string]string, len(p.existing)+len(p.state.rollouts)+1)
	for key, object := range p.existing {
		marks[key] = markOf(object)
	}
	marks[""] = p.salt
	for name, step := range p.state.rollouts {
		marks[name] = fmt.Sprint(step.partition)
	}
	return marks
}

// markOf an object changes with everything but the status of a StatefulSet, which changes whenever one of its pods does.
func markOf(object client.Object) string {
	set, ok := object.(*appsv1.StatefulSet)
	if !ok {
		return fmt.Sprint(object.GetUID(), object.GetResourceVersion())
	}
	var mark strings.Builder
	fmt.Fprint(&mark, set.UID, set.Generation, set.Labels, set.Annotations, set.OwnerReferences)
	for _, entry := range set.ManagedFields {
		if entry.Subresource == "" {
			fmt.Fprint(&mark, entry.Manager, entry.Operation, entry.Time)
		}
	}
	return mark.String()
}

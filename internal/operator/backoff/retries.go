package backoff

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Retries is the rate limiter of the work queue. The queue calls Forget after each reconcile without an error, also after one that was
// put off, or that left out the requests that fail: the retries would never grow. So the reconciler resets them itself.
type Retries struct {
	exponential workqueue.TypedRateLimiter[reconcile.Request]

	mu sync.Mutex
	// next is the time until the next pass of a network whose pass has failed, until the queue reads it.
	next map[reconcile.Request]time.Duration
}

// NewRetries returns retries with these times between two of them.
func NewRetries(shortest, longest time.Duration) *Retries {
	return &Retries{
		exponential: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](shortest, longest),
		next:        map[reconcile.Request]time.Duration{},
	}
}

// When is called by the work queue after a reconcile with an error.
func (r *Retries) When(request reconcile.Request) time.Duration {
	r.mu.Lock()
	next, known := r.next[request]
	delete(r.next, request)
	r.mu.Unlock()
	if known {
		return next
	}
	return r.exponential.When(request)
}

// Forget does nothing, see Retries.
func (r *Retries) Forget(reconcile.Request) {}

// NumRequeues is the number of failures of a network since it was reset.
func (r *Retries) NumRequeues(request reconcile.Request) int {
	return r.exponential.NumRequeues(request)
}

// Failed counts a failure. It returns the time until what failed is tried again. The next pass comes then, or earlier when something
// else is due.
func (r *Retries) Failed(network types.NamespacedName, due time.Duration) (retryIn time.Duration) {
	request := reconcile.Request{NamespacedName: network}
	retryIn = r.exponential.When(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next[request] = min(retryIn, due)
	return retryIn
}

// Reset forgets the failures of a network.
func (r *Retries) Reset(network types.NamespacedName) {
	request := reconcile.Request{NamespacedName: network}
	r.exponential.Forget(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.next, request)
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// callTimeout ends a call to a node.
const callTimeout = 10 * time.Second

// nodeClient makes the calls to nodes, in the background: a call may take longer than the pass that starts it.
type nodeClient struct {
	rpc *bitcoind.Client
	// supervisors are those of the pods with several nodes.
	supervisors *api.Client
	// credential of the operator for a network, and the previous one for nodes that have not restarted since the master key was
	// rotated; previous is nil for none.
	credential func(*v1.BitcoinNetwork) bitcoind.Credential
	previous   func(*v1.BitcoinNetwork) bitcoind.Credential
	// host of a pod; nil for its address.
	host func(*corev1.Pod) string
	now  func() time.Time
	// fence is that of the operator.
	fence *lease.Fence
	// requeue starts another pass of a network.
	requeue func(types.NamespacedName)

	mu sync.Mutex
	// base is the context of all calls, and stop ends it; nil before the first call.
	base context.Context
	stop context.CancelFunc
	// stopped is true when no more calls start. It is set before calls is waited for, since a WaitGroup may not grow meanwhile.
	stopped bool
	// started is when the operator was elected, or zero.
	started time.Time
	calls   sync.WaitGroup
	// slots are those of all networks together; nil before the first call.
	slots *slots
}

// Start implements manager.Runnable: background calls end with the manager.
func (c *nodeClient) Start(ctx context.Context) error {
	c.mu.Lock()
	c.started = c.now()
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.prepare()
	c.stopped = true
	c.stop()
	c.mu.Unlock()
	c.calls.Wait()
	return nil
}

// prepare sets what the first call needs. The manager starts the client and the passes at the same time, so that calls may begin
// before Start. The caller holds the lock.
func (c *nodeClient) prepare() {
	if c.base == nil {
		c.base = context.Background()
	}
	if c.stop == nil {
		c.base, c.stop = context.WithCancel(c.base)
		c.slots = newSlots(maxCalls)
	}
}

// begin counts a call, unless no more calls may start.
func (c *nodeClient) begin() (base context.Context, all *slots, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepare()
	if !c.stopped {
		c.calls.Add(1)
	}
	return c.base, c.slots, !c.stopped
}

// run makes a call in the background when there is a slot for it, with a context that ends after callTimeout or with the manager, and
// that has the logger of ctx. A call always runs, since it returns what it has claimed: after the manager has stopped its context has
// ended, as has that of a call that would change something without a lease.
func (c *nodeClient) run(ctx context.Context, network *slots, kind callKind, call func(context.Context)) {
	base, all, ok := c.begin()
	base = log.IntoContext(base, log.FromContext(ctx))
	if !ok {
		protect(base, call)
		return
	}
	go func() {
		defer c.calls.Done()
		// A call that waits for its network takes no slot from the others.
		defer network.acquire(base, kind)()
		defer all.acquire(base, kind)()
		ctx, end := context.WithCancelCause(base)
		defer end(nil)
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if kind == changingCalls {
			if err := c.fence.Check(); err != nil {
				end(err)
			}
		}
		protect(ctx, call)
	}()
}

// withoutLease reports whether a call is not sent since the operator has no lease: that is no failure of the node.
func withoutLease(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), lease.ErrNotRenewed)
}

// protect runs a background call, and logs its panic, which would end the operator. A call returns what it has claimed in defers.
func protect(ctx context.Context, call func(context.Context)) {
	defer func() {
		if cause := recover(); cause != nil {
			log.FromContext(ctx).Error(fmt.Errorf("panic: %v", cause), "A background call panicked", "stack", string(debug.Stack()))
		}
	}()
	call(ctx)
}

// errPanicked is the result of a call that panicked.
var errPanicked = errors.New("the operator failed to call the node; its log has the cause")

// endpoint is the address of a node and the operator's credential for it.
func (c *nodeClient) endpoint(network *v1.BitcoinNetwork, n *node) bitcoind.Endpoint {
	credential := c.credential(network)
	endpoint := bitcoind.Endpoint{Host: n.ip(), Port: n.port(v1.RPCPort), User: credential.User, Password: credential.Password}
	if c.host != nil {
		endpoint.Host = c.host(n.pod)
	}
	if c.previous != nil {
		endpoint.PreviousPassword = c.previous(network).Password
	}
	return endpoint
}

// leadingSince is when this operator was elected: before, another one may have called the nodes.
func (c *nodeClient) leadingSince() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// waitFor waits for the group, up to the timeout.
func waitFor(ctx context.Context, group *sync.WaitGroup, timeout time.Duration) {
	ctx, cancel := passes.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

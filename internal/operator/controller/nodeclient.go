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
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// callTimeout ends a call to a node.
const callTimeout = 10 * time.Second

// nodeClient makes the calls to nodes, in the background: a call may take longer than the pass that starts it.
type nodeClient struct {
	rpc *bitcoind.Client
	// credential of the operator for a network, and the previous one for nodes that have not restarted since the master key was
	// rotated; previous is nil for none.
	credential func(*v1.BitcoinNetwork) bitcoind.Credential
	previous   func(*v1.BitcoinNetwork) bitcoind.Credential
	// host of a pod; nil for its address.
	host func(*corev1.Pod) string
	now  func() time.Time
	// requeue starts another pass of a network.
	requeue func(types.NamespacedName)

	mu    sync.Mutex
	base  context.Context
	calls sync.WaitGroup
}

// Start implements manager.Runnable: background calls end with the manager.
func (c *nodeClient) Start(ctx context.Context) error {
	c.mu.Lock()
	c.base = ctx
	c.mu.Unlock()
	<-ctx.Done()
	c.calls.Wait()
	return nil
}

// run calls a function in the background, with a context that ends after callTimeout or with the manager.
func (c *nodeClient) run(call func(context.Context)) { c.runInSlot(nil, call) }

// runInSlot is run for one of many calls: it waits for a free slot first, if slots are given, and its timeout begins after that.
func (c *nodeClient) runInSlot(slots chan struct{}, call func(context.Context)) {
	c.mu.Lock()
	base := c.base
	c.mu.Unlock()
	if base == nil {
		base = context.Background()
	}
	c.calls.Go(func() {
		if slots != nil {
			slots <- struct{}{}
			defer func() { <-slots }()
		}
		ctx, cancel := context.WithTimeout(base, callTimeout)
		defer cancel()
		defer logPanic(ctx)
		call(ctx)
	})
}

// logPanic ends the panic of a background call, which would end the operator. A call returns what it has claimed in defers.
func logPanic(ctx context.Context) {
	if cause := recover(); cause != nil {
		log.FromContext(ctx).Error(fmt.Errorf("panic: %v", cause), "A background call panicked", "stack", string(debug.Stack()))
	}
}

// errPanicked is the result of a call that panicked.
var errPanicked = errors.New("the operator failed to call the node; its log has the cause")

// endpoint is the address of a node and the operator's credential for it.
func (c *nodeClient) endpoint(network *v1.BitcoinNetwork, n *node) bitcoind.Endpoint {
	credential := c.credential(network)
	endpoint := bitcoind.Endpoint{Host: n.ip(), User: credential.User, Password: credential.Password}
	if c.host != nil {
		endpoint.Host = c.host(n.pod)
	}
	if c.previous != nil {
		endpoint.PreviousPassword = c.previous(network).Password
	}
	return endpoint
}

// waitFor waits for the group, up to the timeout.
func waitFor(ctx context.Context, group *sync.WaitGroup, timeout time.Duration) {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

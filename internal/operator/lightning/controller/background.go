package controller

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
)

// background runs the actions of all networks: one may take longer than a pass.
type background struct {
	now func() time.Time
	// fence is that of the operator.
	fence *lease.Fence
	// requeue starts another pass of a network.
	requeue func(types.NamespacedName)

	mu sync.Mutex
	// base is the context of all actions, and stop ends it; nil before the first.
	base    context.Context //nolint:containedctx // it ends with the manager, and not with a pass
	stop    context.CancelFunc
	stopped bool
	actions sync.WaitGroup
}

// Start implements manager.Runnable: actions end with the manager.
func (b *background) Start(ctx context.Context) error {
	<-ctx.Done()
	b.mu.Lock()
	b.prepare()
	b.stopped = true
	b.stop()
	b.mu.Unlock()
	b.actions.Wait()
	return nil
}

func (b *background) prepare() {
	if b.base == nil {
		b.base, b.stop = context.WithCancel(context.Background())
	}
}

// run carries out an action of a network, unless it is in progress, and requests a pass when it has ended.
func (b *background) run(ctx context.Context, state *networkState, key string, timeout time.Duration, action func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepare()
	if b.stopped || !state.shared.begin(key) {
		return
	}
	logger := log.FromContext(ctx).WithValues("action", key)
	base := log.IntoContext(b.base, logger)
	b.actions.Go(func() {
		ctx, cancel := context.WithTimeout(base, timeout)
		defer cancel()
		defer b.requeue(state.key)
		defer state.shared.end(key)
		defer func() {
			if cause := recover(); cause != nil {
				logger.Error(fmt.Errorf("panic: %v", cause), "A background action panicked", "stack", string(debug.Stack()))
			}
		}()
		err := b.fence.Check()
		if err == nil {
			err = action(ctx)
		}
		if err != nil && base.Err() == nil {
			logger.V(1).Info("The action failed", "error", err.Error())
		}
		state.shared.report(key, failureOf(err, b.now()))
	})
}

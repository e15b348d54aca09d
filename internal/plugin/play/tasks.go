package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

// taskEndTimeout is how long what runs in the background has to end: a node may not answer any more.
const taskEndTimeout = 15 * time.Second

// task runs in the background.
type task struct {
	cancel context.CancelFunc
	done   chan struct{}
	result any
	err    error
}

// background runs a function until it is stopped, or for a time, which it waits for then.
func (p *Player) background(ctx context.Context, as string, lasts time.Duration, run func(context.Context) (any, error)) (any, error) {
	if lasts > 0 {
		limited, cancel := context.WithTimeout(ctx, lasts)
		defer cancel()
		result, err := run(limited)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return result, err
	}
	running, cancel := context.WithCancel(p.alive)
	t := &task{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.result, t.err = run(running)
		if running.Err() != nil && errors.Is(t.err, running.Err()) {
			t.err = nil // stopped
		}
	}()
	if as == "" {
		as = fmt.Sprintf("step %d", p.number)
	}
	p.tasks[as] = t
	return nil, nil
}

// longer is a context that ends some time after another one.
func longer(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		defer cancel()
		_ = cluster.Sleep(out, after) // its only error is the end of out
	})
	return out, cancel
}

// failed is why a task has ended by itself, nil while it runs.
func (t *task) failed() error {
	select {
	case <-t.done:
		return t.err
	default:
		return nil
	}
}

// dead is the error of the first task that has failed: what is expected of its effects would be met without it.
func (p *Player) dead() error {
	for _, name := range slices.Sorted(maps.Keys(p.tasks)) {
		if err := p.tasks[name].failed(); err != nil {
			return fmt.Errorf("%s in the background has failed meanwhile: %w", name, err)
		}
	}
	return nil
}

// stop ends what runs under a name, which has its result then.
func (p *Player) stop(ctx context.Context, name string) (any, error) {
	t := p.tasks[name]
	if t == nil {
		return nil, fmt.Errorf("nothing runs under the name %s", name)
	}
	t.cancel()
	timer := time.NewTimer(p.endTimeout)
	defer timer.Stop()
	select {
	case <-t.done:
	case <-timer.C:
		delete(p.tasks, name)
		return nil, fmt.Errorf("%s in the background did not end within %s: a node does not answer", name, p.endTimeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	delete(p.tasks, name)
	if t.err != nil {
		return nil, fmt.Errorf("%s in the background has failed meanwhile: %w", name, t.err)
	}
	value, err := generic(t.result)
	p.Values[name] = value
	p.note("%s: %s", name, scenario.Text(value))
	return t.result, err
}

// stopAll ends everything in the background, for a limited time in all. It returns the first error.
func (p *Player) stopAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.endTimeout)
	defer cancel()
	for _, t := range p.tasks {
		t.cancel()
	}
	var first error
	for _, name := range slices.Sorted(maps.Keys(p.tasks)) {
		_, err := p.stop(ctx, name)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			err = fmt.Errorf("%s in the background did not end within %s: a node does not answer", name, p.endTimeout)
		}
		if err != nil {
			p.note("%s", err.Error())
			first = both(first, err)
		}
	}
	return first
}

package passes

import (
	"context"
	"errors"
	"time"
)

// timeoutParts are the parts of a timeout.
const timeoutParts = 10

// WithTimeout is context.WithTimeout for answers of others. Of a process that was stopped meanwhile, or got no processor time, the answers may
// have come without having been read: parts of the timeout that took much longer than they are do not count, up to as many as there are.
func WithTimeout(parent context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		part := time.NewTicker(timeout / timeoutParts)
		defer part.Stop()
		began := time.Now()
		for left, spared := timeoutParts, timeoutParts; left > 0; {
			select {
			case <-part.C:
			case <-ctx.Done():
				return
			}
			now := time.Now()
			if now.Sub(began) > 2*timeout/timeoutParts && spared > 0 {
				spared--
			} else {
				left--
			}
			began = now
		}
		cancel(context.DeadlineExceeded)
	}()
	return timed{ctx}, func() { cancel(nil) }
}

// timed is a context whose error is that of a timeout when it ended by one.
type timed struct{ context.Context }

// Err implements context.Context.
func (t timed) Err() error {
	if err := t.Context.Err(); err == nil || !errors.Is(context.Cause(t.Context), context.DeadlineExceeded) {
		return err
	}
	return context.DeadlineExceeded
}

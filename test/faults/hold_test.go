//go:build faults

package faults

import (
	"context"
	"sync"
	"time"
)

// holds are faults of which several may last at the same time for one thing, such as a process that is frozen twice.
type holds struct {
	mu      sync.Mutex
	lasting map[string]int
}

// hold begins a fault, which ends with the last one for the same thing, and at the latest with all faults.
func (r *run) hold(ctx context.Context, what string, lasts time.Duration, begin, end func()) {
	h := &r.holds
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lasting[what]++
	begin()
	r.pending.Go(func() {
		r.keep(ctx, lasts)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.lasting[what]--; h.lasting[what] == 0 {
			end()
		}
	})
}

// Package backoff decides when a reconciler starts the next pass: soon after progress, and later with each pass without it.
package backoff

import "time"

// Backoff makes the time between two passes grow while a network makes no progress.
type Backoff struct {
	wait     time.Duration
	progress string
}

// Next returns the time until the next pass: the shortest after progress, longer with each pass without it.
func (b *Backoff) Next(progress string, shortest, longest time.Duration) time.Duration {
	if progress != b.progress || b.wait == 0 {
		b.progress, b.wait = progress, shortest
		return b.wait
	}
	b.wait = min(b.wait*3/2, longest)
	return b.wait
}

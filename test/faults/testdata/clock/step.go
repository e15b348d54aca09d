package time

import "sync/atomic"

// Step is what the wall clock is ahead, in seconds. The monotonic clock has no steps.
var Step atomic.Int64

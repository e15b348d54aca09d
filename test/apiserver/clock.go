package apiserver

import (
	"sync/atomic"
	"time"
)

// Clock is the time of day, and ahead of it by what a test has added. It never stands still, which no timer of the operator expects.
type Clock struct{ ahead atomic.Int64 }

// Now is for OperatorOptions.Now and for Nodes.Now.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance sets the clock forward.
func (c *Clock) Advance(by time.Duration) { c.ahead.Add(int64(by)) }

package testtools

import (
	"testing"
	"time"
)

// Eventually calls a check every 50 milliseconds until it returns nil, and fails the test with its last error when the time is over. It
// returns how long that took.
func Eventually(t testing.TB, what string, limit time.Duration, check func() error) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		took := time.Since(start)
		if err == nil {
			return took
		}
		if took > limit {
			t.Fatalf("waited %s for %s; last: %v", limit, what, err)
		}
		<-tick.C
	}
}

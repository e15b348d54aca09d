package e2e

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// LimitFactor multiplies all limits of waits, which are those of a machine with time to spare: by 3 on one or two cores, which the
// cluster and all its nodes share with the tests, and by 1 elsewhere. LIMIT_FACTOR overrides it.
var LimitFactor = sync.OnceValue(func() time.Duration {
	if factor, err := strconv.Atoi(os.Getenv("LIMIT_FACTOR")); err == nil && factor > 0 {
		return time.Duration(factor)
	}
	if runtime.NumCPU() <= 2 {
		return 3
	}
	return 1
})

// Eventually calls the condition at this interval until it holds, and fails the test with the last error when the limit times LimitFactor is
// over. A wait that is longer than the limit itself is logged.
func Eventually(t testing.TB, interval time.Duration, what string, limit time.Duration, condition func() error) {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := condition()
		took := time.Since(start)
		switch {
		case err == nil && took <= limit:
			return
		case err == nil:
			t.Logf("slow: waited %s for: %s; the limit on a machine with time to spare is %s", took.Round(time.Second), what, limit)
			return
		case took > LimitFactor()*limit:
			t.Fatalf("waited %s for: %s; last: %v", took.Round(time.Second), what, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended while it waited for: %s", what)
		}
	}
}

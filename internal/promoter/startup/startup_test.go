package startup

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// percent is the present value of GOGC.
func percent() int {
	now := debug.SetGCPercent(100)
	debug.SetGCPercent(now)
	return now
}

func TestOnlyTheFirstCollectionIsPostponed(t *testing.T) {
	if runtime.GC(); started != nil {
		<-started
	}
	defer debug.SetGCPercent(debug.SetGCPercent(90))
	restored := postpone(firstPercent)
	if got := percent(); got != firstPercent {
		t.Errorf("before the first collection GOGC is %d", got)
	}
	runtime.GC()
	select {
	case <-restored:
	case <-time.After(time.Minute):
		t.Fatal("it is not restored after a collection")
	}
	if got := percent(); got != 90 {
		t.Errorf("after the first collection GOGC is %d", got)
	}
}

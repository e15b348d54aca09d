// Package startup postpones the first collection of garbage. The libraries of Helm and Kubernetes allocate nine MiB before main runs;
// the collector would run three times for them, which is a fifth of the processor time of a short command. The package imports the
// standard library only, so that it is initialised before them.
package startup

import (
	"os"
	"runtime"
	"runtime/debug"
)

// firstPercent lets the heap grow to 16 MiB, four times the size at which the first collection would begin.
const firstPercent = 400

// started is closed after the first collection; nil where the user has set GOGC.
var started <-chan struct{}

func init() {
	if os.Getenv("GOGC") == "" {
		started = postpone(firstPercent)
	}
}

// sentinel is garbage that the first collection finds.
type sentinel struct{ _ *byte }

// postpone sets GOGC until the first collection; restored is closed when it has its old value again.
func postpone(percent int) (restored <-chan struct{}) {
	done := make(chan struct{})
	usual := debug.SetGCPercent(percent)
	runtime.SetFinalizer(&sentinel{new(byte)}, func(*sentinel) {
		debug.SetGCPercent(usual)
		close(done)
	})
	return done
}

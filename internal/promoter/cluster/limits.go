package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// Limits are how long calls of the container engine may take.
type Limits struct {
	// Answer is for lists and inspections.
	Answer time.Duration
	// Pull is for one attempt to pull a node image, Silence for the time in which such a pull prints nothing.
	Pull, Silence time.Duration
	// Create is for all that kind does to create a cluster, Load for one image and all nodes.
	Create, Load time.Duration
	// Logs is for the export of the logs of all nodes.
	Logs time.Duration
	// Delete is for the deletion of a cluster, Cancelled for one after the run was cancelled.
	Delete, Cancelled time.Duration
}

// EngineLimits are generous, as they only end what would never end: an engine that hangs accepts connections and does not answer, and
// neither its commands nor kind give up. Slow machines and lines must not meet them: into a pipe, an engine prints one line when a layer of
// a node image begins and one when it ends, and most of its 400 MB are one layer. Tests shorten them.
var EngineLimits = Limits{
	Answer: time.Minute, Pull: 6 * time.Hour, Silence: 2 * time.Hour, Create: time.Hour, Load: time.Hour,
	Logs: 5 * time.Minute, Delete: 10 * time.Minute, Cancelled: 20 * time.Second,
}

// within runs a call of the engine, which may know no context; a call that does not end in time continues in the background. Errors:
// ErrEngine when the limit is over, that of the context, and those of the call.
func within[T any](ctx context.Context, limit time.Duration, what string, call func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := helm.Background(limited, func() (T, error) { return call(limited) })
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return result, fmt.Errorf("%w: %s did not %s within %s; if it hangs, restart Docker, or the engine that you use", ErrEngine, engine(), what, limit)
	}
	return result, err
}

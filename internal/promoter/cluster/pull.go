package cluster

import (
	"bytes"
	"context"
	"fmt"
	osexec "os/exec"
	"time"
)

// pullAttempts is how often an image is pulled, with a second more between the attempts each time, as kind does it.
const pullAttempts = 4

func second(attempt int) time.Duration { return time.Duration(attempt) * time.Second }

// pause is the time before an attempt; tests do not wait.
var pause = second

func pull(ctx context.Context, image string) error {
	var out string
	var err error
	for i := range pullAttempts {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause(i)):
		}
		var limit error
		out, limit, err = pullOnce(ctx, image)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case limit != nil: // an attempt that takes this long is not worth another one
			return fmt.Errorf("%w: the node image %s: %w: check the connection to its registry, and restart the container engine if it hangs; if the line is slow, pull the image before the run, without any limit: %s pull %[2]s",
				ErrCreate, image, limit, engine())
		}
	}
	return fmt.Errorf("%w: the node image %s cannot be pulled: %s", ErrCreate, image, lastOf(out, err))
}

// pullOnce returns what the pull printed, and the limit that ended it if one did.
func pullOnce(ctx context.Context, image string) (out string, limit, err error) {
	total, stop := context.WithTimeoutCause(ctx, EngineLimits.Pull, fmt.Errorf("it was not pulled within %s", EngineLimits.Pull))
	defer stop()
	limited, end := context.WithCancelCause(total)
	defer end(nil)
	silence := EngineLimits.Silence
	w := &heard{silence: silence, timer: time.AfterFunc(silence, func() { end(fmt.Errorf("its pull printed nothing within %s", silence)) })}
	defer w.timer.Stop()
	cmd := osexec.CommandContext(limited, engine(), "pull", image)
	// What the engine's command started may hold its output open.
	cmd.WaitDelay = time.Second
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Run()
	return w.out.String(), context.Cause(limited), err
}

// heard keeps what a command prints, and begins the time of its silence anew with each output.
type heard struct {
	out     bytes.Buffer
	silence time.Duration
	timer   *time.Timer
}

func (h *heard) Write(p []byte) (int, error) {
	h.timer.Reset(h.silence)
	return h.out.Write(p)
}

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Interruptible returns a context that ends with the first interrupt or SIGTERM. A second interrupt ends the program at once. A SIGTERM
// after an interrupt does not: GitHub sends one 7.5 seconds after it, while a release is still being uninstalled.
func Interruptible() (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	return ctx, stop
}

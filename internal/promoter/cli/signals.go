package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// secondTerm is how long after a SIGTERM another one is part of the same wish: engines send it to a process and to its parents, which
// pass it on.
const secondTerm = 3 * time.Second

// Interruptible returns a context that ends with the first interrupt or SIGTERM. A second interrupt ends the program at once, and so does
// a second SIGTERM that comes later than secondTerm. A SIGTERM after an interrupt does not: GitHub sends one 7.5 seconds after it, while a
// release is still being uninstalled.
func Interruptible() (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	go func() {
		<-terms
		time.AfterFunc(secondTerm, func() { signal.Reset(syscall.SIGTERM) })
	}()
	return ctx, stop
}

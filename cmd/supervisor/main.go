//go:build linux

// Command supervisor runs the nodes of a pod with several, as the first process of the node image. It starts each bitcoind with
// a configuration of its own, starts one again that ends, and ends all of them with the pod.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// Without this, a reader of the output that is gone would end the program and with it the nodes. The processes of the nodes would
	// inherit a signal that is ignored, and not one that is received.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "supervisor: %v\n", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

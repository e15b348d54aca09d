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
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "supervisor: %v\n", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

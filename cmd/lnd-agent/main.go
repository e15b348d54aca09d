//go:build linux

// Command lnd-agent runs the LND of a pod, as the first process of LND's image. It gets the bitcoind for LND, with the password, from the
// operator, since no object of the cluster may have it, and carries out the operator's short list of calls with LND's own macaroon,
// which leaves the pod no more than LND's keys do.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/agent"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// Without this, a reader of the output that is gone would end the program and with it LND, which would inherit a signal that is
	// ignored, and not one that is received.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "lnd-agent: %v\n", err)
		code := 1
		if exit, ok := errors.AsType[*agent.ExitError](err); ok {
			code = exit.Code
		}
		os.Exit(code) //nolint:gocritic // nothing is left to stop
	}
}

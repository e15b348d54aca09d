// Command bitcoin-controller runs bitcoin regtest networks on Kubernetes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := cli.Command().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "bitcoin-controller: %v\n", err)
		stop()
		os.Exit(1)
	}
}

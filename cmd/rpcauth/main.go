// Command rpcauth lets a network's users into its nodes: it turns the name and the password of their Secret, which the kubelet
// puts into its environment, into a file for bitcoin.conf, and becomes bitcoind. A program of its own, since each node starts
// it, and the operator takes ten times as long to begin.
package main

import (
	"fmt"
	"os"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

func main() {
	if err := rpcauth.Run(os.Args[1:], os.Environ(), os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "rpcauth: %v\n", err)
		os.Exit(1)
	}
}

// Command rpcauth gives the users of a network access to its nodes. It reads the user and the password of their Secret, which
// the kubelet passes in environment variables, writes them hashed to a file that bitcoin.conf includes, and executes bitcoind.
// It is a program of its own because every node starts it, and the operator's program takes ten times as long to start.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Environ(), os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "rpcauth: %v\n", err)
		os.Exit(1)
	}
}

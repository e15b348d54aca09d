// Command registry is an image registry in memory, for a container in the network of a kind cluster. It ends with its standard input, and
// so with the process that started the container, whichever way that ends.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := &http.Server{Addr: ":5000", Handler: registry.New(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

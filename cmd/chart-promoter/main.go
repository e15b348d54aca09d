// Command chart-promoter takes a commit of a program with a Helm chart through its stages to a chart repository.
package main

import (
	"os"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cli"
	_ "github.com/christianb93/bitcoin-controller/internal/promoter/startup" // before the libraries' own initialisation
)

func main() {
	ctx, stop := cli.Interruptible()
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Getenv)
	stop()
	os.Exit(code)
}

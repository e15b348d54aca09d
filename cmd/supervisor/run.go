//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// run runs the nodes. With --copy-to it copies the program instead, to a volume that containers of other images mount: images of nodes
// have no program that could. With --calls it calls the nodes that another process runs.
func run(ctx context.Context, arguments, env []string, input io.Reader, output, usage io.Writer) error {
	settings := supervisor.Settings{Env: env, Output: output}
	flags := flag.NewFlagSet("supervisor", flag.ContinueOnError)
	flags.SetOutput(usage)
	copyTo := flags.String("copy-to", "", "directory to copy this program to, instead of running nodes")
	calls := flags.Bool(api.CallsFlag, false, "call bitcoin-cli for nodes of this pod instead of running them; input and output are lines of JSON")
	flags.StringVar(&settings.Config, "config", "/bitcoin.conf", "bitcoin.conf of the first node, which those of the others follow from")
	flags.StringVar(&settings.NodesDir, "nodes-dir", api.NodesDir, "directory for the configurations of the nodes")
	flags.StringVar(&settings.SlotsDir, "slots-dir", api.SlotsDir, "directory with the number of nodes of the group and of a pod")
	flags.StringVar(&settings.Listen, "listen", fmt.Sprint(":", api.Port), "address of the HTTP interface")
	flags.IntVar(&settings.PortStep, "port-step", 0, "difference of the ports of neighbours in the pod (required)")
	flags.DurationVar(&settings.Grace, "grace", 55*time.Second, "how long a process may take to end before it is killed")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *copyTo != "" {
		return podprogram.CopyTo(*copyTo, api.Program)
	}
	if *calls {
		cli, err := supervisor.BitcoinCLI(settings.NodesDir)
		if err != nil {
			return err
		}
		return supervisor.Calls(ctx, input, output, cli)
	}
	settings.Command = flags.Args()
	if len(settings.Command) == 0 || settings.PortStep < 1 {
		return errors.New("--port-step and a program are required: supervisor --port-step=10 -- bitcoind runs the bitcoind on the PATH, with ports that are 10 apart")
	}
	return supervisor.Run(ctx, settings)
}

//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/agent"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
)

// run runs LND. With --copy-to it copies the program instead, to a volume that containers of other images mount: an image of LND has no
// program that could.
func run(ctx context.Context, arguments, env []string, output, usage io.Writer) error {
	settings := agent.Settings{Env: env, Output: output}
	flags := flag.NewFlagSet("lnd-agent", flag.ContinueOnError)
	flags.SetOutput(usage)
	copyTo := flags.String("copy-to", "", "directory to copy this program to, instead of running LND")
	flags.StringVar(&settings.ConfigDir, "config-dir", api.ConfigDir, "directory with lnd.conf and the operator's credential")
	flags.StringVar(&settings.SecretDir, "secret-dir", "", "directory with the Secret of the user, which LND waits for; none by default")
	flags.StringVar(&settings.RunDir, "run-dir", api.RunDir, "directory in memory for the backend and LND's configuration")
	flags.StringVar(&settings.DataDir, "data-dir", api.DataDir, "LND's directory")
	flags.StringVar(&settings.Listen, "listen", fmt.Sprint(":", api.Port), "address of the HTTP interface")
	flags.StringVar(&settings.REST, "rest", api.RESTAddress, "address of LND's REST interface")
	flags.DurationVar(&settings.Grace, "grace", 25*time.Second, "how long LND may take to end before it is killed")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *copyTo != "" {
		return podprogram.CopyTo(*copyTo, api.Program)
	}
	settings.Command = flags.Args()
	if len(settings.Command) == 0 {
		return errors.New("a program is required: lnd-agent -- lnd runs the LND on the PATH, and options of LND follow it; options of lnd-agent come before the --")
	}
	return agent.Run(ctx, settings)
}

package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

type serveOptions struct{ listen, registry, charts, branch, addressFile string }

// serveCommand replaces a hosted registry and a hosted web page in a demonstration on one machine.
func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve", Args: cobra.NoArgs,
		Short: "Serve an image registry (/v2/) and a chart repository (/charts/) on a loopback address",
		RunE:  func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback address to listen on")
	f.StringVar(&o.registry, "registry", "registry", "directory with the registry's images")
	f.StringVar(&o.charts, "charts", "", "chart repository to serve: a git repository, or a directory")
	f.StringVar(&o.branch, "branch", "main", "branch of a git repository")
	f.StringVar(&o.addressFile, "address-file", "", "file to write the address to, once the server listens")
	return c
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	if a.dryRun {
		return fmt.Errorf("%w: serve does not support --dry-run; omit the flag", failure.ErrInput)
	}
	server, err := devserver.Listen(devserver.Options{Listen: o.listen, RegistryDir: o.registry, Charts: o.charts, Branch: o.branch})
	if err != nil {
		return err
	}
	defer server.Close()
	address := server.Address()
	if o.addressFile != "" {
		if err := os.WriteFile(o.addressFile, []byte(address+"\n"), 0o644); err != nil {
			return fmt.Errorf("%w: %w", failure.ErrInput, err)
		}
	}
	if err := a.serving(address, o.charts != ""); err != nil {
		return err
	}
	return server.Serve(ctx)
}

// serving prints the addresses once the server listens. As text they go to standard error: the command has no result yet.
func (a *app) serving(address string, charts bool) error {
	a.report.close() // a server that waits for requests is not silent by mistake
	where := map[string]string{"registry": address}
	if charts {
		where["charts"] = "http://" + address + "/charts"
	}
	if a.output == "json" {
		return a.result(where)
	}
	fmt.Fprintf(a.Err, "registry: %s\n", address)
	if charts {
		fmt.Fprintf(a.Err, "charts: %s\n", where["charts"])
	}
	return nil
}

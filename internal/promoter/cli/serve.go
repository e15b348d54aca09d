package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// serveTimeout bounds reading a request's head.
const serveTimeout = 10 * time.Second

type serveOptions struct{ listen, registry, charts, branch, addressFile string }

// serveCommand is what a demonstration on one machine needs in place of a hosted registry and a hosted web page.
func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve", Args: cobra.NoArgs,
		Short: "Serve an image registry (/v2/) and a chart repository (/charts/) on a loopback address",
		RunE:  func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback address to listen on")
	f.StringVar(&o.registry, "registry", "registry", "directory that keeps the registry's images")
	f.StringVar(&o.charts, "charts", "", "chart repository to serve: a git repository, or a directory")
	f.StringVar(&o.branch, "branch", "main", "branch of a git repository")
	f.StringVar(&o.addressFile, "address-file", "", "file to write the address to, when it is known")
	return c
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	if a.dryRun {
		return fmt.Errorf("%w: serve has no --dry-run, it changes nothing until somebody pushes; leave the flag out", failure.ErrInput)
	}
	host, _, err := net.SplitHostPort(o.listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		// The registry lets everybody push.
		return fmt.Errorf("%w: --listen %s is no loopback address; use 127.0.0.1:PORT", failure.ErrInput, o.listen)
	}
	registry, err := image.NewRegistry(o.registry, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry)
	if o.charts != "" {
		mux.Handle("/charts/", http.StripPrefix("/charts", files(o.charts, o.branch)))
		mux.Handle("/{$}", http.RedirectHandler("/charts/", http.StatusFound))
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	address := l.Addr().String()
	if o.addressFile != "" {
		if err := os.WriteFile(o.addressFile, []byte(address+"\n"), 0o644); err != nil {
			return fmt.Errorf("%w: %w", failure.ErrInput, err)
		}
	}
	if err := a.serving(address, o.charts != ""); err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: serveTimeout}
	stopped := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = srv.Shutdown(end)
	})
	defer stopped()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serving says where, as soon as requests are answered. As text it is no result: the command goes on.
func (a *app) serving(address string, charts bool) error {
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

// files serves a directory, or the last commit of a git repository: what was pushed is there at the next request.
func files(path, branch string) http.Handler {
	for _, head := range []string{"HEAD", ".git/HEAD"} {
		if _, err := os.Stat(filepath.Join(path, head)); err == nil {
			return gitrepo.Handler(path, branch)
		}
	}
	return http.FileServer(http.Dir(path))
}

package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/access"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/backend"
)

// servePage are the flags of the page in a cluster.
type servePage struct {
	*session
	address, health string
	namespaces      []string
	audience, tls   string
	lightning       bool
}

func servePageCommand(s *session) *cobra.Command {
	p := servePage{session: s}
	command := &cobra.Command{
		Use:   "serve-page",
		Short: "Serve the live page in a cluster, read-only, as the chart does with page.enabled",
		Long: "Serve the live page over TLS to those who may watch networks and events of a namespace. A caller signs in with a token, which the API server\n" +
			"checks (TokenReview, SubjectAccessReview). The page has no actions, and the program reads no node, pod or Secret.\n\n" +
			"The account of the program needs list and watch of networks, Lightning networks and events, and create of tokenreviews and subjectaccessreviews.\n" +
			"With --lightning=false it needs no right to Lightning networks.",
		Example: "  kubectl btcnet serve-page --bind-address 127.0.0.1:8443 --health-bind-address 127.0.0.1:8081",
		Args:    arguments(0, 0),
		RunE:    func(command *cobra.Command, _ []string) error { return p.serve(command.Context()) },
	}
	flags := command.Flags()
	flags.StringVar(&p.address, "bind-address", ":8443", "Address of the page.")
	flags.StringVar(&p.health, "health-bind-address", ":8081", "Address of the health endpoint /healthz.")
	flags.StringSliceVar(&p.namespaces, "watch-namespaces", nil, "Namespaces that the page shows. Default: all.")
	flags.StringVar(&p.audience, "audience", "bitcoin-controller-page", "Audience of the tokens with which people sign in. Empty means that of the API server, whose tokens are good for all that their owner may do.")
	flags.BoolVar(&p.lightning, "lightning", true, "Show Lightning networks, when the cluster has their definition.")
	flags.StringVar(&p.tls, "tls-directory", "", "Directory with tls.crt and tls.key, which are read for each connection. Default: a certificate that the program creates.")
	return command
}

func (p *servePage) serve(ctx context.Context) error {
	client, err := p.connect()
	if err != nil {
		return err
	}
	record := log.New(p.streams.ErrOut, "", log.LstdFlags|log.LUTC) // of several goroutines
	failed := func(err error) { record.Print(err) }
	certificate, err := p.certificate(failed)
	if err != nil {
		return err
	}
	pages := &page.Shared{
		Access:   &access.Reviewer{Core: client.Core, Audience: p.audience},
		Values:   &backend.Namespaces{Client: client, Only: p.namespaces, WithoutLightning: !p.lightning, Failed: failed},
		Audience: p.audience,
		Opened:   func(v page.Viewer) { record.Printf("%s watches namespace %s", v.Name, v.Namespace) },
	}
	healthy := http.NewServeMux()
	healthy.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	var config net.ListenConfig
	public, err := config.Listen(ctx, "tcp", p.address)
	if err != nil {
		return err
	}
	health, err := config.Listen(ctx, "tcp", p.health)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.streams.Out, "The page is served on %s, and /healthz on %s.\n", public.Addr(), health.Addr()); err != nil {
		return err
	}
	secure := tls.NewListener(public, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate, NextProtos: []string{"h2", "http/1.1"}})
	return serveAll(ctx, record, map[net.Listener]http.Handler{secure: pages.Handler(), health: healthy})
}

// serveAll serves until the context ends, or one server does.
func serveAll(ctx context.Context, record *log.Logger, handlers map[net.Listener]http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(handlers))
	for listener, handler := range handlers {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
			BaseContext: func(net.Listener) context.Context { return ctx },
			ErrorLog:    log.New(withoutHandshakes{record.Writer()}, record.Prefix(), record.Flags()),
		}
		go func() { ended <- server.Serve(listener) }()
		defer func() {
			cancel() // the streams end
			closing, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer done()
			if server.Shutdown(closing) != nil {
				server.Close() //nolint:errcheck // its time is over
			}
		}()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

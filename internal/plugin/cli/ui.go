package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/backend"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

func uiCommand(s *session) *cobra.Command {
	o := uiOptions{}
	command := &cobra.Command{
		Use:   "ui [NAME]",
		Short: "Open a live page of a network in the browser, served on this machine until Ctrl-C",
		Long: "Open a page in the browser, and serve it on this machine, on 127.0.0.1 only: nodes and connections, blocks that travel, branches, partitions, mempools, events, logs and Lightning networks.\n" +
			"Blocks can be mined, and the network partitioned and healed, from the page. Without NAME, the page has all networks of the namespace.\n\n" +
			"The address has a token, without which the page shows and does nothing. It is valid until the command ends. It is printed, too, for another\n" +
			"browser, or where none can be opened.",
		Example:           "  kubectl btcnet ui my-network\n  kubectl btcnet ui my-network --no-browser --port 8080",
		Args:              arguments(0, 1),
		ValidArgsFunction: s.completeFirst(false),
		RunE: func(command *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return s.ui(command.Context(), name, o)
		},
	}
	command.Flags().IntVar(&o.port, "port", 0, "Local port of the page. Default: a free one.")
	command.Flags().BoolVar(&o.noBrowser, "no-browser", false, "Print the address, and open no browser.")
	return command
}

type uiOptions struct {
	port      int
	noBrowser bool
}

func (s *session) ui(ctx context.Context, name string, o uiOptions) error {
	if o.port < 0 || o.port > maxPort {
		return invalid.Errorf("--port %d is not from 1 to %d: choose another one, or leave it out", o.port, maxPort)
	}
	client, err := s.connect()
	if err != nil {
		return err
	}
	values := state.New()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	back, err := backend.Start(watching, client, name, values)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)))
	if err != nil {
		return fmt.Errorf("port %d of this machine cannot be used: choose another one with --port, or leave it out for a free one (%w)", o.port, err)
	}
	pages := &page.Server{Store: values, Lightning: back.Lightning, Backend: back, Token: rand.Text(), Host: listener.Addr().String()}
	entry := newTicket(pages.Handler(), pages.Host, pages.Token)
	server := &http.Server{
		Handler: entry, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		// The calls that run end with the command.
		BaseContext: func(net.Listener) context.Context { return watching },
	}
	if _, err := fmt.Fprintf(s.streams.Out, "http://%s/#%s\n", listener.Addr(), pages.Token); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.show(entry, o)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// An action that runs, such as a pause, restores its node before the command ends.
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer done()
	cancel()
	pages.Close(closing)
	if err := server.Shutdown(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// show opens the page in the browser. The address has been printed: without a browser nothing is lost.
func (s *session) show(entry *ticket, o uiOptions) {
	if !o.noBrowser {
		err := s.open(entry.address())
		if err == nil {
			s.note("The page is opened in your browser, and is served until Ctrl-C.")
			return
		}
		s.note("No browser was opened: %s", err.Error())
	}
	s.note("Open this address in a browser. The page is served until Ctrl-C.")
}

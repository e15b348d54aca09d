// Package devserver serves an image registry and a chart repository on one machine, for demonstrations and tests.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

const (
	readHeaderTimeout = 10 * time.Second
	// shutdownTimeout is for the requests that are running when the server ends.
	shutdownTimeout = 3 * time.Second
)

// Options are what is served where.
type Options struct {
	// Listen is a loopback address with a port, 0 for a free one.
	Listen string
	// RegistryDir stores the registry's images.
	RegistryDir string
	// Charts is the chart repository, a git repository or a directory; empty for none. Branch is for a git repository.
	Charts, Branch string
}

// Server has the registry at /v2/ and the charts at /charts/.
type Server struct {
	listener net.Listener
	handler  http.Handler
}

// Listen prepares a server and takes its address. Errors: failure.ErrInput.
func Listen(o Options) (*Server, error) {
	host, _, err := net.SplitHostPort(o.Listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		// The registry lets everybody push.
		return nil, fmt.Errorf("%w: --listen %s is not a loopback address; use 127.0.0.1:PORT", failure.ErrInput, o.Listen)
	}
	registry, err := Registry(o.RegistryDir, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry)
	if o.Charts != "" {
		mux.Handle("/charts/", http.StripPrefix("/charts", Charts(o.Charts, o.Branch)))
		mux.Handle("/{$}", http.RedirectHandler("/charts/", http.StatusFound))
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	return &Server{l, mux}, nil
}

// Address is the server's HOST:PORT.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close gives the address up without having served.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers requests until the context ends.
func (s *Server) Serve(ctx context.Context) error {
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: readHeaderTimeout}
	stopped := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		_ = srv.Shutdown(end)
	})
	defer stopped()
	if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

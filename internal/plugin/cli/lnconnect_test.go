package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// connectLimit is the deadline of what a test waits for.
const connectLimit = 30 * time.Second

// nodePort is the port of a node with TLS, at which all forwards end.
func nodePort(t *testing.T, w *world) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.EnableHTTP2 = true                           // as gRPC
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that only try the port
	server.StartTLS()
	t.Cleanup(server.Close)
	w.forward = func(ctx context.Context, _, address string) (net.Conn, error) {
		if address != "ln-lnd-1.ns:10009" && address != "ln-lnd-1.ns:8080" {
			return nil, fmt.Errorf("%s is no port of the node", address)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	return server
}

func TestConnectWritesCertificateAndMacaroonForTheirOwnerOnly(t *testing.T) {
	w := newLightning(t)
	server := nodePort(t, w)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		done <- w.runContext(ctx, "ln", "connect", "ln/1", "--credentials", dir, "--first-port", "28765")
	}()
	ports := regexp.MustCompile(`(?m)^ln-lnd-1  grpc (\S+)  rest (\S+)$`)
	testtools.Eventually(t, "the lines", connectLimit, func() error {
		if !strings.Contains(w.running.String(), "/v1/getinfo") || !ports.MatchString(w.running.String()) {
			return errors.New(w.running.String())
		}
		return nil
	})
	for _, word := range []string{"--macaroonpath=" + filepath.Join(dir, "ln-lnd-1.macaroon"), "--cacert " + filepath.Join(dir, "ln-lnd-1.cert")} {
		if !strings.Contains(w.running.String(), word) {
			t.Errorf("it printed, without %q:\n%s", word, w.running)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("the directory has %v (%v)", files, err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", file.Name(), info.Mode(), err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "ln-lnd-1.macaroon"))
	if err != nil || hex.EncodeToString(raw) != bakedMacaroon {
		t.Errorf("the macaroon is %x (%v)", raw, err)
	}
	certificate, err := os.ReadFile(filepath.Join(dir, "ln-lnd-1.cert"))
	if block, _ := pem.Decode(certificate); err != nil || block == nil || !slices.Equal(block.Bytes, server.Certificate().Raw) {
		t.Errorf("the certificate is %s (%v)", certificate, err)
	}
	reaches(t, ports.FindStringSubmatch(w.running.String())[1], certificate)
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
	if w.lnds.called("ln-lnd-1 bakemacaroon --root_key_id=20260 address:write ") != 1 || strings.Contains(w.out.String()+w.err.String(), bakedMacaroon) {
		t.Errorf("the calls are %q, the output is %s%s", w.lnds.calls, w.out.String(), w.err.String())
	}
}

// reaches verifies that a client that trusts the written certificate alone is connected.
func reaches(t *testing.T, address string, certificate []byte) {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close() //nolint:errcheck // the handshake was all
}

func TestConnectThatCannotHaveCredentialsWritesNone(t *testing.T) {
	w := newLightning(t)
	dir := t.TempDir()
	args := []string{"ln", "connect", "ln/1", "--credentials", dir, "--read-only"}
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		return nil, lacking("create", "pods/portforward")
	}
	w.fails(exitFailed, "no right to create pods/portforward", args...)
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		return near, far.Close()
	}
	w.fails(exitFailed, "the node ln-lnd-1 does not answer: it shows no certificate", args...)
	if w.lnds.called("ln-lnd-1 bakemacaroon --root_key_id=20260 address:read info:read ") != 1 {
		t.Errorf("the calls are %q", w.lnds.calls)
	}
	nodePort(t, w)
	w.lnds.failing["ln-lnd-1 bakemacaroon"] = "permission denied"
	w.fails(exitFailed, "LND in ln-lnd-1 returned an error: permission denied", args...)
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the directory has %v (%v)", files, err)
	}
}

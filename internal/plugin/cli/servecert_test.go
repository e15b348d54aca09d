package cli

import (
	"bytes"
	"crypto/tls"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/util/cert"
)

// A certificate that is renewed is used without a restart; one that is broken is reported, and the last good one is used.
func TestThePageOfAClusterUsesTheCertificateOfADirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew := func(host string) {
		t.Helper()
		public, private, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		write("tls.crt", public)
		write("tls.key", private)
	}
	w := newWorld(t, three())
	w.fails(exitFailed, "has no certificate with its key", "serve-page", "--tls-directory="+dir)
	renew("first.example.com")
	address, _, end := w.pages("--tls-directory=" + dir)
	shows := func(host string) {
		t.Helper()
		dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test checks the certificate itself
		connection, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()                                                                                  //nolint:errcheck // it was only read
		if err := connection.(*tls.Conn).ConnectionState().PeerCertificates[0].VerifyHostname(host); err != nil { //nolint:forcetypeassert // of tls.Dialer
			t.Error(err)
		}
	}
	shows("first.example.com")
	renew("second.example.com")
	shows("second.example.com")
	write("tls.crt", []byte("broken"))
	shows("second.example.com")
	shows("second.example.com")
	renew("third.example.com")
	shows("third.example.com")
	write("tls.key", nil)
	shows("third.example.com")
	end()
	if got := strings.Count(w.err.String(), "has no certificate with its key any more"); got != 2 {
		t.Errorf("two broken pairs are reported %d times: %s", got, w.err.String())
	}
}

func TestOnlyFailedHandshakesAreLeftOutOfTheLog(t *testing.T) {
	var got bytes.Buffer
	record := log.New(withoutHandshakes{&got}, "", 0)
	record.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
	record.Print("http: panic serving 127.0.0.1:1: a fault")
	if got.String() != "http: panic serving 127.0.0.1:1: a fault\n" {
		t.Errorf("the log is %q", got.String())
	}
}

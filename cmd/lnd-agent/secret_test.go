//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestLNDWaitsForTheSecretOfTheUser(t *testing.T) {
	p := newPod(t, conf)
	if err := os.Mkdir(p.dir+"/secret", 0o700); err != nil {
		t.Fatal(err)
	}
	p.start("--secret-dir=" + p.dir + "/secret")
	backend := someBitcoind(t)
	p.putBackend(backend)
	p.until("the missing Secret is reported", func(s api.State) bool {
		return s.Process == api.Waiting && s.Secret == api.SecretMissing && s.Backend == backend.Digest()
	})
	p.write("secret/tls.crt", "none")
	p.until("the certificate is reported", func(s api.State) bool {
		return s.Process == api.Waiting && s.Secret == api.SecretUnusable && strings.Contains(strings.Join(s.Problems, ""), "it has tls.crt, and no tls.key")
	})
	p.write("secret/token", "for the user only")
	if err := os.Remove(p.dir + "/secret/tls.crt"); err != nil {
		t.Fatal(err)
	}
	p.untilProbe(api.ReadyPath, http.StatusOK)
	if s := p.state(); s.Secret != "" || s.Process != api.Running {
		t.Errorf("%+v", s)
	}
}

// They are those of the certificate that LND makes itself.
func TestOtherHostsDoNotRestartAnLNDWithTheCertificateOfTheUser(t *testing.T) {
	const restart = "to start with another backend"
	p := newPod(t, conf)
	p.usersPair("localhost")
	p.start("--secret-dir=" + p.dir + "/secret")
	backend := someBitcoind(t)
	p.putBackend(backend)
	p.untilProbe(api.ReadyPath, http.StatusOK)
	backend.CertificateHosts = "lnd.example.com"
	p.putBackend(backend)
	p.until("the hosts are taken", func(s api.State) bool { return s.Backend == backend.Digest() && s.Next == "" })
	if strings.Contains(p.output.String(), restart) {
		t.Errorf("LND was restarted\n%s", p.output)
	}
	backend.Node++
	p.putBackend(backend)
	p.until("another process", func(s api.State) bool { return s.Backend == backend.Digest() })
	if got := strings.Count(p.output.String(), restart); got != 1 {
		t.Errorf("another bitcoind has restarted LND %d times\n%s", got, p.output)
	}
}

// usersPair writes a Secret with a certificate for these names, and returns the one that has signed it.
func (p *pod) usersPair(names ...string) *x509.CertPool {
	p.t.Helper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			p.t.Fatal(err)
		}
		if signer == nil {
			parent, signer = template, key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			p.t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			p.t.Fatal(err)
		}
		return certificate, key
	}
	authority, signer := sign(&x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	leaf, key := sign(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, authority, signer)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("secret/tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})))
	p.write("secret/tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	trusted := x509.NewCertPool()
	trusted.AddCert(authority)
	return trusted
}

// ownCertificate is the one in LND's directory, as a client outside gets it.
func (p *pod) ownCertificate() *x509.CertPool {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "data/tls.cert"))
	if err != nil {
		p.t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(text) {
		p.t.Fatalf("no certificate: %s", text)
	}
	return trusted
}

// presented fails unless a server presents a certificate that is valid for these names and addresses, for a client that trusts so much.
func presented(t *testing.T, address string, trusted *x509.CertPool, hosts ...string) {
	t.Helper()
	for _, host := range hosts {
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: trusted, ServerName: host, MinVersion: tls.VersionTLS12}}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		conn, err := dialer.DialContext(ctx, "tcp", address)
		cancel()
		if err != nil {
			t.Errorf("%s for %s: %v", address, host, err)
			continue
		}
		_ = conn.Close() //nolint:errcheck // nothing was written
	}
}

// The certificate is LND's own with the addresses of its Service, then one of the user, and then its own again. lncli, and the agent, work
// with each.
func TestARealLNDPresentsTheCertificateThatItsClientsNeed(t *testing.T) {
	dir, chain := testtools.LND(t), newBitcoind(t)
	grpc := fmt.Sprint("127.0.0.1:", testtools.FreePort(t))
	l := &realLND{pod: newPod(t, "")}
	// Without sections, as the operator writes it.
	l.write("config/lnd.conf", strings.Join([]string{
		"alias=ln-$(ORDINAL)", "bitcoin.node=bitcoind", "bitcoin.regtest=true", "listen=" + fmt.Sprint("127.0.0.1:", testtools.FreePort(t)), "nobootstrap=true",
		"noseedbackup=true", "restlisten=" + l.rest, "rpclisten=" + grpc, "tlsautorefresh=true", "tlsdisableautofill=true", "tlsextradomain=ln-lnd-$(ORDINAL)", "",
	}, "\n"))
	l.lnd = []string{filepath.Join(dir, "lnd")}
	chain.mine(1, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
	works := func(trusted *x509.CertPool, hosts ...string) {
		t.Helper()
		l.untilProbe(api.ReadyPath, http.StatusOK)
		l.until("LND is active", active)
		if trusted == nil {
			trusted = l.ownCertificate()
		}
		for _, address := range []string{grpc, l.rest} {
			presented(t, address, trusted, hosts...)
		}
		lncli := exec.CommandContext(l.deadline(), filepath.Join(dir, "lncli"), "--lnddir="+l.dir+"/data", "--network=regtest", "--rpcserver="+strings.Replace(grpc, "127.0.0.1", "localhost", 1), "getinfo") //nolint:gosec // of this test
		if out, err := lncli.CombinedOutput(); err != nil {
			t.Errorf("lncli: %v\n%s", err, out)
		}
	}
	l.start()
	backend := chain.backend
	l.putBackend(backend)
	works(nil, "localhost", "127.0.0.1", "ln-lnd-3")
	// The Services of spec.expose are created while LND runs.
	backend.CertificateHosts = "ln-lnd-3-expose,192.0.2.1,fd00::,lnd.example.com"
	l.putBackend(backend)
	l.until("another process", func(s api.State) bool { return s.Backend == backend.Digest() })
	works(nil, "localhost", "127.0.0.1", "ln-lnd-3", "ln-lnd-3-expose", "192.0.2.1", "fd00::", "lnd.example.com")
	l.stop()
	trusted := l.usersPair("localhost", "users.example.com")
	for range 2 {
		l.start("--secret-dir=" + l.dir + "/secret")
		works(trusted, "localhost", "127.0.0.1", "users.example.com")
		l.stop()
	}
	l.start()
	works(nil, "ln-lnd-3-expose", "lnd.example.com")
	if text, err := os.ReadFile(filepath.Join(l.dir, "secret/tls.key")); err != nil || slices.ContainsFunc(strings.Split(strings.TrimSpace(string(text)), "\n")[1:2], l.printed) {
		t.Errorf("the output has the key of the user (%v)", err)
	}
}

package agent

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
)

func TestTheConfigurationHasTheBackend(t *testing.T) {
	const text = "[Application Options]\nalias=ln-$(ORDINAL)\ntlsextradomain=ln-lnd-$(ORDINAL)\n"
	const begin = "[Application Options]\nalias=ln-3\ntlsextradomain=ln-lnd-3\n\n[Bitcoind]\n"
	const polling = "bitcoind.rpcpolling=true\nbitcoind.blockpollinginterval=1s\nbitcoind.txpollinginterval=3s\n"
	for name, test := range map[string]struct {
		backend api.Backend
		want    string
	}{
		"polling": {api.Backend{Host: "10.0.0.1", RPCPort: 18332, User: "lightning", Password: "ab12"},
			"bitcoind.rpchost=10.0.0.1:18332\nbitcoind.rpcuser=lightning\nbitcoind.rpcpass=ab12\n" +
				polling},
		"ZMQ and IPv6": {api.Backend{Host: "fd00::1", RPCPort: 1, User: "u", Password: "p", ZMQRawBlockPort: 2, ZMQRawTxPort: 3},
			"bitcoind.rpchost=[fd00::1]:1\nbitcoind.rpcuser=u\nbitcoind.rpcpass=p\n" +
				"bitcoind.zmqpubrawblock=tcp://[fd00::1]:2\nbitcoind.zmqpubrawtx=tcp://[fd00::1]:3\n"},
	} {
		if diff := cmp.Diff(begin+test.want, confOf(text, 3, test.backend, false)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err := validate(test.backend); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// These are in the section of those before them: LND finds an option in its own section only, or in a text without sections.
	exposed := api.Backend{Host: "h", RPCPort: 1, User: "u", Password: "p", CertificateHosts: "ln-lnd-3-expose,192.0.2.1,fd00::1,lnd.example.com"}
	want := strings.Replace(begin, "\n\n", "\ntlsextradomain=ln-lnd-3-expose\ntlsextraip=192.0.2.1\ntlsextraip=fd00::1\ntlsextradomain=lnd.example.com\ntlsautorefresh=false\n\n", 1) +
		"bitcoind.rpchost=h:1\nbitcoind.rpcuser=u\nbitcoind.rpcpass=p\n" + polling
	if diff := cmp.Diff(want, confOf(text, 3, exposed, true)); diff != "" {
		t.Error(diff)
	}
	if err := validate(exposed); err != nil {
		t.Error(err)
	}
	for host, valid := range lightningtest.Hosts {
		exposed.CertificateHosts = host
		if got := validate(exposed) == nil; got != valid && host != "" && host != "a,b" {
			t.Errorf("%q is valid for a certificate: %v", host, got)
		}
	}
}

func TestABackendCannotChangeOtherOptions(t *testing.T) {
	valid := api.Backend{Host: "my-network-lnd-0-bitcoind.default.svc", RPCPort: 18332, User: "lightning", Password: "0aZ+/=_.~-", ZMQRawBlockPort: 1, ZMQRawTxPort: 2}
	if err := validate(valid); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*api.Backend){
		"no host":                   func(b *api.Backend) { b.Host = "" },
		"a line in the host":        func(b *api.Backend) { b.Host = "a\nnomacaroons=true" },
		"a path in the host":        func(b *api.Backend) { b.Host = "a/b" },
		"no port":                   func(b *api.Backend) { b.RPCPort = 0 },
		"a large port":              func(b *api.Backend) { b.RPCPort = 65536 },
		"no user":                   func(b *api.Backend) { b.User = "" },
		"a line in the user":        func(b *api.Backend) { b.User = "a\nb" },
		"no password":               func(b *api.Backend) { b.Password = "" },
		"a variable of environment": func(b *api.Backend) { b.Password = "${HOME}" },
		"a comment":                 func(b *api.Backend) { b.Password = "a#b" },
		"a quote":                   func(b *api.Backend) { b.Password = `a"b` },
		"one port of ZMQ":           func(b *api.Backend) { b.ZMQRawTxPort = 0 },
		"the same ports of ZMQ":     func(b *api.Backend) { b.ZMQRawTxPort = 1 },
		"a negative port of ZMQ":    func(b *api.Backend) { b.ZMQRawBlockPort = -1 },
		"a line in the certificate": func(b *api.Backend) { b.CertificateHosts = "a,b\nno-macaroons=true" },
		"no name in it":             func(b *api.Backend) { b.CertificateHosts = "a,,b" },
		"too many names in it":      func(b *api.Backend) { b.CertificateHosts = strings.Repeat("a,", api.MaxCertificateHosts) + "a" },
	} {
		b := valid
		edit(&b)
		if validate(b) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

func TestTheReasonWhyBitcoindCannotBeUsedIsReported(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	unused := closed.Addr().(*net.TCPAddr).Port
	for name, test := range map[string]struct {
		status int
		body   string
		zmq    bool
		want   string // "" for none
	}{
		"regtest":                 {200, `{"result":{"chain":"regtest"},"error":null}`, false, ""},
		"another chain":           {200, `{"result":{"chain":"main"},"error":null}`, false, "is on the chain main, not on regtest"},
		"an unknown credential":   {401, "", false, "rejects LND's credential"},
		"a call that is rejected": {403, "", false, "does not allow LND's user the call getblockchaininfo"},
		"it starts":               {500, `{"result":null,"error":{"code":-28,"message":"Loading block index…"}}`, false, "is not ready: Loading block index…"},
		"no bitcoind":             {200, "<html>", false, "sends an unexpected response with HTTP status 200"},
		"a redirect":              {302, "", false, "unexpected response with HTTP status 302"},
		"no ZMQ":                  {200, `{"result":{"chain":"regtest"}}`, true, "bitcoind has no ZMQ at 127.0.0.1:"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "lightning" || password != "secret" {
				t.Errorf("%s: user %s, password %s", name, user, password)
			}
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body)) //nolint:errcheck // a client may close early
		}))
		port := server.Listener.Addr().(*net.TCPAddr).Port
		b := api.Backend{Host: "127.0.0.1", RPCPort: port, User: "lightning", Password: "secret"}
		if test.zmq {
			b.ZMQRawBlockPort, b.ZMQRawTxPort = port, unused
		}
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		err := reachable(t.Context(), client, b)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
	err = reachable(t.Context(), http.DefaultClient, api.Backend{Host: "127.0.0.1", RPCPort: unused, User: "u", Password: "p"})
	if err == nil || !strings.Contains(err.Error(), "bitcoind at 127.0.0.1:"+strconv.Itoa(unused)+" cannot be reached") || strings.Contains(err.Error(), "http://") {
		t.Error(err)
	}
}

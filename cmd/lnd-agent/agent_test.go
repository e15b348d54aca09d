//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

const conf = "[Application Options]\nalias=ln-$(ORDINAL)\n"

// someBitcoind answers LND's user.
func someBitcoind(t *testing.T) api.Backend {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != bitcoindPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"result":{"chain":"regtest"},"error":null}`) //nolint:errcheck // a client may close early
	}))
	t.Cleanup(server.Close)
	return api.Backend{Host: "127.0.0.1", RPCPort: server.Listener.Addr().(*net.TCPAddr).Port, User: "lightning", Password: bitcoindPassword}
}

func active(s api.State) bool { return s.LND == api.LNDActive && s.Info != nil }

func TestLNDRunsFromItsBackendToItsEnd(t *testing.T) {
	p := newPod(t, conf).start()
	p.untilProbe(api.AlivePath, http.StatusOK)
	if s := p.state(); s.Process != api.Waiting || s.Backend != "" || s.LND != "" || p.probe(api.ReadyPath) != http.StatusServiceUnavailable {
		t.Errorf("before the backend: %+v", s)
	}
	if _, err := p.client.NewAddress(p.deadline(), p.at); !errors.Is(err, api.ErrNotActive) || !strings.Contains(err.Error(), "has not sent the bitcoind") {
		t.Errorf("before the backend: %v", err)
	}
	backend := someBitcoind(t)
	wrong := backend
	wrong.Password = "another"
	p.putBackend(wrong)
	p.until("the rejected credential is reported", func(s api.State) bool {
		return s.Process == api.Waiting && s.Backend == wrong.Digest() && strings.Contains(strings.Join(s.Problems, ""), "rejects LND's credential")
	})
	p.putBackend(backend)
	p.untilProbe(api.ReadyPath, http.StatusOK)
	if s := p.until("LND is active", active); s.Backend != backend.Digest() || s.Process != api.Running || s.Info.Alias != "alice" {
		t.Errorf("%+v", s)
	}
	if p.probe(api.AlivePath) != http.StatusOK || !p.printed("started with alias=ln-3\n") {
		t.Errorf("the output is\n%s", p.output)
	}
	p.stop()
	if !p.printed("ended by SIGTERM") {
		t.Errorf("the output is\n%s", p.output)
	}
	for _, secret := range []string{bitcoindPassword, operatorPassword, "the macaroon", "74686520"} {
		if p.printed(secret) {
			t.Errorf("%s is in the output\n%s", secret, p.output)
		}
	}
	// The container starts again, without the operator.
	p.start()
	p.untilProbe(api.ReadyPath, http.StatusOK)
}

func TestAnotherBackendRestartsLNDInItsContainer(t *testing.T) {
	p := newPod(t, conf).start()
	first, second := someBitcoind(t), someBitcoind(t)
	p.putBackend(first)
	p.untilProbe(api.ReadyPath, http.StatusOK)
	p.putBackend(first)
	p.putBackend(second)
	p.untilPrinted(fmt.Sprint("started with bitcoind.rpchost=127.0.0.1:", second.RPCPort))
	p.untilProbe(api.ReadyPath, http.StatusOK)
	if got := strings.Count(p.output.String(), "started with alias"); got != 2 {
		t.Errorf("LND was started %d times\n%s", got, p.output)
	}
	if s := p.state(); s.Backend != second.Digest() {
		t.Errorf("%+v", s)
	}
}

// The operator must not take an LND that has yet to end for one with the new backend.
func TestTheStateHasTheBackendThatLNDWasStartedWith(t *testing.T) {
	p := newPod(t, conf)
	p.write("data/behaviour", "ends on request")
	p.start("--grace=1m")
	first, second := someBitcoind(t), someBitcoind(t)
	p.putBackend(first)
	p.untilProbe(api.ReadyPath, http.StatusOK)
	p.putBackend(second)
	p.untilPrinted("to start with another backend")
	if s := p.state(); s.Process != api.Running || s.LND != api.LNDActive || s.Backend != first.Digest() || s.Next != second.Digest() {
		t.Errorf("before LND has ended: %+v", s)
	}
	p.write("data/behaviour", "")
	p.write("data/end", "")
	if s := p.until("another process", func(s api.State) bool { return s.Backend != first.Digest() }); s.Backend != second.Digest() || s.Next != "" {
		t.Errorf("%+v", s)
	}
	p.untilProbe(api.ReadyPath, http.StatusOK)
}

// A pod may have got the address of another one of its network, which has the same credential.
func TestRequestsForAnotherPodAreRejected(t *testing.T) {
	p := newPod(t, conf).start()
	p.untilProbe(api.AlivePath, http.StatusOK)
	at := p.at
	for name, want := range map[string]error{"": nil, "my-lightning-lnd-3": nil, "my-lightning-lnd-1": api.ErrOtherPod} {
		at.Name = name
		if _, err := p.client.State(p.deadline(), at); !errors.Is(err, want) {
			t.Errorf("the state of %q: %v", name, err)
		}
		if err := p.client.PutBackend(p.deadline(), at, someBitcoind(t)); !errors.Is(err, want) {
			t.Errorf("the backend of %q: %v", name, err)
		}
	}
}

func TestTheContainerEndsAsLNDDoes(t *testing.T) {
	p := newPod(t, conf)
	p.write("data/behaviour", "fails")
	p.start().putBackend(someBitcoind(t))
	err := p.wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 7 {
		t.Errorf("%v", err)
	}
	if want := "lnd-agent: lnd ended with exit code 7: missing address manager namespace\n"; !strings.HasSuffix(p.output.String(), want) {
		t.Errorf("the output is\n%s", p.output)
	}
}

func TestAnLNDThatDoesNotEndIsKilled(t *testing.T) {
	p := newPod(t, conf)
	p.write("data/behaviour", "ignores SIGTERM")
	p.start("--grace=100ms").putBackend(someBitcoind(t))
	p.untilProbe(api.ReadyPath, http.StatusOK)
	p.stop()
	if !p.printed("lnd did not end within 100ms and is killed") {
		t.Errorf("the output is\n%s", p.output)
	}
}

func TestTheAgentEndsWithoutABackend(t *testing.T) {
	p := newPod(t, conf).start()
	p.untilProbe(api.AlivePath, http.StatusOK)
	p.stop()
}

func TestOnlyTheOperatorIsServed(t *testing.T) {
	p := newPod(t, conf).start()
	p.untilProbe(api.AlivePath, http.StatusOK)
	foreign := p.at
	foreign.Password = "guessed"
	if _, err := p.client.State(p.deadline(), foreign); !errors.Is(err, api.ErrUnauthorized) {
		t.Errorf("a guessed password: %v", err)
	}
	for _, path := range []string{api.BackendPath, api.StatePath, api.AddressPath, api.PeersPath, api.ChannelsPath, api.ClosePath, api.AbandonPath} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost} {
			req, err := http.NewRequestWithContext(p.deadline(), method, fmt.Sprintf("http://127.0.0.1:%d%s", p.at.Port, path), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close() //nolint:errcheck // not read
			if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, resp.StatusCode)
			}
		}
	}
	// The kubelet replaces the file when the operator has another credential.
	p.write("config/rpcauth", rpcauth.Value(rpcauth.OperatorUser, "guessed", "salt"))
	if _, err := p.client.State(p.deadline(), foreign); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

func TestRequestsThatAreInvalidAreRejected(t *testing.T) {
	p := newPod(t, conf).start()
	p.untilProbe(api.AlivePath, http.StatusOK)
	if err := p.client.PutBackend(p.deadline(), p.at, api.Backend{Host: "a\nb"}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("a backend: %v", err)
	}
	if _, err := p.client.OpenChannels(p.deadline(), p.at, []api.NewChannel{{Memo: strings.Repeat("x", api.MaxRequestBytes)}}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("a large body: %v", err)
	}
	if _, err := p.client.ConnectPeers(p.deadline(), p.at, []api.Peer{{PubKey: "x", Host: "y"}}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("a peer: %v", err)
	}
	if err := p.client.CloseChannel(p.deadline(), p.at, api.Close{Point: "../../stop"}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("a point: %v", err)
	}
	if err := p.client.CloseChannel(p.deadline(), p.at, api.Close{Point: strings.Repeat("ab", 32) + ":0"}); !errors.Is(err, api.ErrNotActive) {
		t.Errorf("without LND: %v", err)
	}
}

func TestNothingIsStartedWithoutWhatItNeeds(t *testing.T) {
	p := newPod(t, conf)
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close() //nolint:errcheck // nothing connects
	for name, test := range map[string]struct {
		arguments []string
		podName   string
		want      string
	}{
		"no program":      {nil, "ln-lnd-0", "a program is required: lnd-agent -- lnd runs"},
		"no such program": {[]string{"--", "no-such-lnd"}, "ln-lnd-0", "no no-such-lnd on its PATH"},
		"no ordinal":      {[]string{"--", os.Args[0], asLND}, "ln", "does not end with its ordinal"},
		"no credential":   {[]string{"--config-dir", "/no-such-directory", "--", os.Args[0], asLND}, "ln-lnd-0", "/no-such-directory/rpcauth: no such file"},
		"no port":         {[]string{"--listen", used.Addr().String(), "--", os.Args[0], asLND}, "ln-lnd-0", "address already in use"},
	} {
		arguments := append([]string{asAgent, "--config-dir", p.dir + "/config", "--run-dir", p.dir + "/run", "--listen", "127.0.0.1:0"}, test.arguments...)
		command := exec.CommandContext(t.Context(), os.Args[0], arguments...) //nolint:gosec // this test
		command.Env = []string{api.PodNameVariable + "=" + test.podName}
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}

func TestSecretsAreForTheUserOfTheProgramOnly(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	p := newPod(t, conf)
	p.usersPair("localhost")
	p.start("--secret-dir=" + p.dir + "/secret")
	p.putBackend(someBitcoind(t))
	p.untilProbe(api.ReadyPath, http.StatusOK)
	for _, name := range []string{"run/backend.json", "run/lnd.conf", "data/tls.key"} {
		info, err := os.Stat(filepath.Join(p.dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestTheProgramCopiesItselfIntoAVolume(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), []string{"--copy-to", dir}, nil, os.Stdout, os.Stderr); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lnd-agent")); err != nil {
		t.Error(err)
	}
}

// Every pod starts the program, and what it imports takes time to initialise.
func TestTheProgramImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(pkg, "github.com/christianb93/bitcoin-controller/internal/") && !strings.HasSuffix(pkg, "/cmd/lnd-agent") {
			t.Errorf("the program imports %s", pkg)
		}
	}
}

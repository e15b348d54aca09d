//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

const (
	operatorPassword = "operatorspassword"
	bitcoindPassword = "bitcoindspassword"
	limit            = 60 * time.Second
)

// pod is the pod of an LND, whose agent is a process of this machine.
type pod struct {
	t       *testing.T
	dir     string
	rest    string
	lnd     []string
	env     []string
	command *exec.Cmd
	output  *testtools.Buffer
	at      api.Pod
	client  *api.Client
	exited  chan error
}

// newPod has the configuration of a pod, which start starts. Its LND is this program.
func newPod(t *testing.T, conf string) *pod {
	t.Helper()
	p := &pod{t: t, dir: t.TempDir(), rest: fmt.Sprint("127.0.0.1:", testtools.FreePort(t)), lnd: []string{os.Args[0], asLND}, client: api.NewClient(nil)}
	p.at = api.Pod{Host: "127.0.0.1", Port: testtools.FreePort(t), User: rpcauth.OperatorUser, Password: operatorPassword}
	p.write("config/lnd.conf", conf)
	p.write("config/rpcauth", rpcauth.Value(rpcauth.OperatorUser, operatorPassword, "salt")+"\n")
	for _, dir := range []string{"run", "data"} {
		if err := os.MkdirAll(filepath.Join(p.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *pod) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start starts the pod's container.
func (p *pod) start(arguments ...string) *pod {
	p.t.Helper()
	arguments = append([]string{
		asAgent, "--config-dir", p.dir + "/config", "--run-dir", p.dir + "/run", "--data-dir", p.dir + "/data",
		"--listen", fmt.Sprint("127.0.0.1:", p.at.Port), "--rest", p.rest,
	}, arguments...)
	arguments = append(append(arguments, "--"), p.lnd...)
	p.command = exec.Command(os.Args[0], arguments...) //nolint:gosec,noctx // this test, ended by stop
	p.command.Env = append([]string{api.PodNameVariable + "=my-lightning-lnd-3", restVariable + "=" + p.rest, "HOME=" + p.dir}, p.env...)
	if p.output == nil {
		p.output = &testtools.Buffer{} // of all containers of the pod
	}
	p.exited = make(chan error, 1)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	command, exited := p.command, p.exited
	go func() { exited <- command.Wait() }()
	p.t.Cleanup(func() {
		if p.command == command {
			p.stop()
		}
	})
	return p
}

// stop ends the pod's container, which must succeed.
func (p *pod) stop() {
	p.t.Helper()
	if p.command == nil {
		return
	}
	_ = p.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	if err := p.wait(); err != nil {
		p.t.Errorf("the agent: %v\n%.4000s", err, p.output)
	}
}

// wait for the end of the pod's container.
func (p *pod) wait() error {
	p.t.Helper()
	defer func() { p.command = nil }()
	select {
	case err := <-p.exited:
		return err
	case <-time.After(limit):
		_ = p.command.Process.Kill() //nolint:errcheck // the test fails already
		p.t.Fatalf("the agent does not end\n%.4000s", p.output)
		return nil
	}
}

func (p *pod) deadline() context.Context {
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	p.t.Cleanup(cancel)
	return ctx
}

func (p *pod) state() api.State {
	p.t.Helper()
	state, err := p.client.State(p.deadline(), p.at)
	if err != nil {
		p.t.Fatalf("%v\n%.4000s", err, p.output)
	}
	return state
}

// until waits for a state.
func (p *pod) until(what string, check func(api.State) bool) api.State {
	p.t.Helper()
	var state api.State
	testtools.Eventually(p.t, what, limit, func() (err error) {
		state, err = p.client.State(p.deadline(), p.at)
		if err == nil && !check(state) {
			err = fmt.Errorf("the state is %+v; the output ends with\n%s", state, tailOf(p.output.String()))
		}
		return err
	})
	return state
}

func tailOf(text string) string { return text[max(len(text)-4000, 0):] }

// probe returns the status of a probe.
func (p *pod) probe(path string) int {
	resp, err := http.Get("http://127.0.0.1:" + strconv.Itoa(p.at.Port) + path) //nolint:noctx // answers at once
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() //nolint:errcheck // not read
	return resp.StatusCode
}

func (p *pod) untilProbe(path string, want int) {
	p.t.Helper()
	testtools.Eventually(p.t, path, limit, func() error {
		if got := p.probe(path); got != want {
			return fmt.Errorf("it is %d; the output ends with\n%s", got, tailOf(p.output.String()))
		}
		return nil
	})
}

func (p *pod) putBackend(b api.Backend) {
	p.t.Helper()
	// The agent may not listen yet.
	testtools.Eventually(p.t, "the agent takes a backend", limit, func() error { return p.client.PutBackend(p.deadline(), p.at, b) })
}

func (p *pod) printed(text string) bool { return strings.Contains(p.output.String(), text) }

func (p *pod) untilPrinted(text string) {
	p.t.Helper()
	testtools.Eventually(p.t, "it prints "+text, limit, func() error {
		if !p.printed(text) {
			return errors.New(tailOf(p.output.String()))
		}
		return nil
	})
}

package apiserver

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
)

// programVariable is set in a process that is an operator.
const programVariable = "APISERVER_OPERATOR"

// operate runs the command line of bitcoin-controller, until its input ends, which it does with the process that has started it.
func operate() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end too
		stop()
	}()
	command := cli.Command()
	command.SetArgs(os.Args[1:])
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// ProgramOptions of an operator in a process of its own. The zero value is one without LightningNetworks, from this source.
type ProgramOptions struct {
	// File is a program bitcoin-controller; "" for one in the binary of the test.
	File string
	// Direct leaves out the recording of requests.
	Direct bool
	// Flags after those with which an operator runs here.
	Flags []string
}

// Program is an operator in a process of its own, which works as the command line of bitcoin-controller sets it up, for one namespace.
type Program struct {
	// API is its connection to the API server.
	API *API

	t     testing.TB
	run   *exec.Cmd
	input io.Closer
	ended chan struct{}
	err   error
	log   *buffer
}

// StartProgram starts an operator for the namespace, and stops it at the end of the test. Its log is printed if the test fails.
func (ns *Namespace) StartProgram(o ProgramOptions) *Program {
	ns.t.Helper()
	p := &Program{API: &API{bodies: true}, t: ns.t, ended: make(chan struct{}), log: &buffer{}}
	kubeconfig := ns.Kubeconfig
	if !o.Direct {
		kubeconfig = ns.recording(p.API)
	}
	file := o.File
	if file == "" {
		self, err := os.Executable()
		ok(ns.t, err)
		file = self
	}
	p.run = exec.Command(file, append([]string{ //nolint:gosec // the program under test
		"--kubeconfig", kubeconfig, "--namespace", ns.Name, "--watch-namespaces", ns.Name, "--node-image", NodeImage, "--rpcauth-image", "bitcoin-controller:test",
		"--node-access", "direct", "--metrics-bind-address", "0", "--health-probe-bind-address", "0",
	}, o.Flags...)...)
	p.run.Env = append(os.Environ(), programVariable+"=1")
	p.run.Stdout, p.run.Stderr = p.log, p.log
	input, err := p.run.StdinPipe()
	ok(ns.t, err)
	p.input = input
	ok(ns.t, p.run.Start())
	go func() {
		p.err = p.run.Wait()
		close(p.ended)
	}()
	ns.t.Cleanup(func() {
		p.Stop()
		if ns.t.Failed() {
			ns.t.Logf("log of the operator:\n%s", p.log)
		}
	})
	return p
}

// recording is a kubeconfig with a way to the API server that records the requests.
func (ns *Namespace) recording(api *API) string {
	ns.t.Helper()
	target, _, err := rest.DefaultServerUrlFor(ns.Config)
	ok(ns.t, err)
	next, err := rest.TransportFor(ns.Config)
	ok(ns.t, err)
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: api.wrap(next), FlushInterval: -1,
	})
	ns.t.Cleanup(server.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["api"] = &clientcmdapi.Cluster{Server: server.URL}
	config.Contexts["api"] = &clientcmdapi.Context{Cluster: "api"}
	config.CurrentContext = "api"
	file := filepath.Join(ns.t.TempDir(), "kubeconfig")
	ok(ns.t, clientcmd.WriteToFile(*config, file))
	return file
}

// PID is that of the process.
func (p *Program) PID() int { return p.run.Process.Pid }

// Freeze stops the process without its knowledge, until Wake.
func (p *Program) Freeze() {
	p.t.Helper()
	p.t.Cleanup(func() { _ = p.run.Process.Signal(syscall.SIGCONT) }) // it may have ended
	ok(p.t, p.run.Process.Signal(syscall.SIGSTOP))
}

// Wake lets a frozen process continue.
func (p *Program) Wake() {
	p.t.Helper()
	ok(p.t, p.run.Process.Signal(syscall.SIGCONT))
}

// Kill ends the process at once, before it can release a lease.
func (p *Program) Kill() {
	p.t.Helper()
	ok(p.t, p.run.Process.Kill())
	<-p.ended
	p.err = nil
}

// WaitFailed waits until the process has ended by itself with an error. Its log has the reason.
func (p *Program) WaitFailed() (log string) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Limit):
		p.t.Fatal("the operator has not ended")
	}
	if p.err == nil {
		p.t.Error("the operator has ended without an error")
	}
	p.err = nil
	return p.log.String()
}

// Running fails the test when the process has ended.
func (p *Program) Running() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("the operator has ended: %v", p.err)
	default:
	}
}

// Stop ends the process, and waits for its end.
func (p *Program) Stop() {
	p.t.Helper()
	select {
	case <-p.ended:
	default:
		_ = p.run.Process.Signal(syscall.SIGTERM) // it may end at this moment
		select {
		case <-p.ended:
		case <-time.After(Limit):
			_ = p.run.Process.Kill()
			<-p.ended
		}
	}
	_ = p.input.Close() // the process has ended
	if p.err != nil {
		p.t.Errorf("the operator ended with: %v", p.err)
		p.err = nil
	}
}

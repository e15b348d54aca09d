//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

const (
	password = "the operator's password"
	slots    = 4
	limit    = 30 * time.Second
)

// pod is a pod with several nodes, whose supervisor is a process of this machine.
type pod struct {
	t       *testing.T
	dir     string
	command *exec.Cmd
	output  *testtools.Buffer
	// stdout is where the supervisor writes to instead of output; nil for none.
	stdout *os.File
	at     api.Pod
	exited chan error
	// program of the nodes.
	program []string
}

// freePorts returns the first ports of the pod's first node, of which each node has three, and one for the supervisor.
func freePorts(t *testing.T) (first, own int) {
	t.Helper()
	var above []int
	for slot := range slots {
		for port := range 3 {
			above = append(above, 1+port+10*slot)
		}
	}
	own = testtools.FreePort(t, above...)
	return own + 1, own
}

// newPod is the first one of a group with so many nodes.
func newPod(t *testing.T, nodes int, behaviour map[int]string) *pod {
	t.Helper()
	p := &pod{t: t, dir: t.TempDir(), program: []string{os.Args[0], asNode}}
	first, own := freePorts(t)
	p.at = api.Pod{Host: "127.0.0.1", Port: own, User: rpcauth.OperatorUser, Password: password}
	p.write("bitcoin.conf", fmt.Sprintf("datadir=%s/data\nrpcauth=%s\n\n[regtest]\nrpcport=%d\n", p.dir,
		rpcauth.Value(rpcauth.OperatorUser, password, "salt"), first))
	for slot, text := range behaviour {
		p.write(fmt.Sprintf("data/nodes/%d/behaviour", slot), text)
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "nodes"), 0o750); err != nil {
		t.Fatal(err)
	}
	p.configMap(nodes, 1)
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

// configMap changes the mounted ConfigMap as the kubelet does.
func (p *pod) configMap(nodes, revision int) {
	p.t.Helper()
	version := fmt.Sprintf("..%d-%d", nodes, revision)
	for key, value := range map[string]int{api.NodesKey: nodes, api.NodesPerPodKey: slots, api.RevisionKey: revision} {
		p.write(filepath.Join("slots", version, key), fmt.Sprint(value))
		if err := os.Symlink(filepath.Join("..data", key), filepath.Join(p.dir, "slots", key)); err != nil && !os.IsExist(err) {
			p.t.Fatal(err)
		}
	}
	link := filepath.Join(p.dir, "slots", "..data")
	if err := os.Symlink(version, link+"_tmp"); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(link+"_tmp", link); err != nil {
		p.t.Fatal(err)
	}
}

// start starts the pod's container.
func (p *pod) start(arguments ...string) *pod {
	p.t.Helper()
	arguments = append([]string{
		asSupervisor, "--config", p.dir + "/bitcoin.conf", "--nodes-dir", p.dir + "/nodes", "--slots-dir", p.dir + "/slots",
		"--listen", fmt.Sprint("127.0.0.1:", p.at.Port), "--port-step", "10",
	}, arguments...)
	//nolint:gosec // this test
	p.command = exec.Command(os.Args[0], append(append(arguments, "--"), p.program...)...) //nolint:noctx // ended by stop
	p.command.Env = []string{api.PodNameVariable + "=my-network-sts-0", api.PodIPsVariable + "=127.0.0.1", rpcauth.UserKey + "=alice",
		rpcauth.PasswordKey + "=the users' password", "KEPT=kept"}
	p.output, p.exited = &testtools.Buffer{}, make(chan error, 1)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if p.stdout != nil {
		p.command.Stdout, p.command.Stderr = p.stdout, p.stdout
	}
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	command, exited := p.command, p.exited
	go func() { exited <- command.Wait() }()
	p.t.Cleanup(func() { p.stop() })
	return p
}

// stop ends the pod's container, which must succeed.
func (p *pod) stop() {
	p.t.Helper()
	_ = p.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	select {
	case err := <-p.exited:
		if err != nil {
			p.t.Errorf("the supervisor: %v\n%.4000s", err, p.output)
		}
		p.exited <- nil
	case <-time.After(limit):
		_ = p.command.Process.Kill() //nolint:errcheck // the test fails already
		p.t.Fatalf("the supervisor does not end\n%.4000s", p.output)
	}
}

// nodes are what the supervisor reports.
func (p *pod) nodes() ([]api.Node, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	return api.NewClient(nil).Nodes(ctx, p.at)
}

func (p *pod) set(target api.Target) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	return api.NewClient(nil).SetTarget(ctx, p.at, target)
}

// until waits until the nodes are as a check expects.
func (p *pod) until(what string, check func([]api.Node) bool) {
	p.t.Helper()
	testtools.Eventually(p.t, what, limit, func() error {
		nodes, err := p.nodes()
		if err == nil && !check(nodes) {
			err = fmt.Errorf("the nodes are %+v; the output is\n%.4000s", nodes, p.output)
		}
		return err
	})
}

func running(number int) func([]api.Node) bool {
	return func(nodes []api.Node) bool {
		for _, n := range nodes {
			if !n.Running {
				return false
			}
		}
		return len(nodes) == number
	}
}

func (p *pod) ready() bool {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", p.at.Port, api.ReadyPath)) //nolint:noctx // answers at once
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

func (p *pod) untilReady() {
	p.t.Helper()
	testtools.Eventually(p.t, "the pod is ready", limit, func() error {
		if !p.ready() {
			return fmt.Errorf("it is not; its output is\n%.4000s", p.output)
		}
		return nil
	})
}

// printed returns the word after a text in the latest line of a node that has it.
func (p *pod) printed(slot int, text string) string {
	found := ""
	for line := range strings.Lines(p.output.String()) {
		if rest, ok := strings.CutPrefix(line, fmt.Sprintf("[%d] %s ", slot, text)); ok {
			found = strings.Fields(rest)[0]
		}
	}
	return found
}

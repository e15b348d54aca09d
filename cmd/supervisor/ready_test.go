//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestThePodIsReadyWhenAllOfItsNodesHaveAnswered(t *testing.T) {
	p := newPod(t, 2, map[int]string{1: "does not answer", 2: "does not answer"}).start()
	p.until("2 nodes", running(2))
	if p.ready() {
		t.Error("the pod is ready before all nodes have answered")
	}
	p.write("data/nodes/1/behaviour", "")
	p.kill(1, syscall.SIGTERM)
	p.untilReady()
	// A node that is added takes no other one out of its Services.
	p.configMap(3, 2)
	p.until("3 nodes", running(3))
	if !p.ready() {
		t.Error("the pod is not ready any more")
	}
}

func TestANodeThatCannotStartKeepsThePodOutForThreeExitsOnly(t *testing.T) {
	p := newPod(t, 2, map[int]string{1: "fails"}).start()
	p.untilReady()
	if nodes, err := p.nodes(); err != nil || nodes[1].Exits < 3 {
		t.Errorf("%+v, %v", nodes, err)
	}
}

// A rollout waits for pods to be ready.
func TestAPodOfWhichNoNodeStartsIsNotReady(t *testing.T) {
	p := newPod(t, 2, map[int]string{0: "fails", 1: "fails"}).start()
	p.until("both have failed three times", func(nodes []api.Node) bool { return len(nodes) == 2 && nodes[0].Exits >= 3 && nodes[1].Exits >= 3 })
	if p.ready() {
		t.Error("the pod is ready")
	}
}

func TestConnectionsThatAreHeldKeepNobodyOut(t *testing.T) {
	p := newPod(t, 1, nil).start()
	p.untilReady()
	for range 300 {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.at.Port)) //nolint:noctx // on this machine
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck,gosec // all of them, at the end
	}
	p.until("1 node", running(1))
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil || len(open) > 160 {
		t.Errorf("the supervisor has %d open files, %v", len(open), err)
	}
}

// Its pod would lose all nodes when the program that reads its log ends.
func TestAReaderOfTheOutputThatEndsEndsNoNode(t *testing.T) {
	p := newPod(t, 2, map[int]string{1: "fails"})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = writer
	p.start()
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	p.untilReady()
	nodes, err := p.nodes()
	if err != nil || reader.Close() != nil {
		t.Fatal(err)
	}
	p.until("the node has printed into the closed pipe", func(now []api.Node) bool {
		return now[1].Exits > nodes[1].Exits && now[0].Running && now[0].Started == 1
	})
}

func TestThePodsConfigurationFindsTheCookieOfItsFirstNode(t *testing.T) {
	p := newPod(t, 2, nil).start()
	p.untilReady()
	p.write("data/nodes/0/regtest/.cookie", "of the first")
	cookie := filepath.Join(p.dir, "data", "regtest", ".cookie")
	read := func() {
		t.Helper()
		if got, err := os.ReadFile(cookie); err != nil || string(got) != "of the first" { //nolint:gosec // in the test's own directory
			t.Errorf("%q, %v", got, err)
		}
	}
	read()
	// With storage, the link and the data exist already when the container or the pod starts again.
	p.stop()
	p.start()
	p.untilReady()
	read()
	if err := p.set(api.Target{Nodes: 0, Revision: 2, Forget: true, Before: 2}); err != nil {
		t.Fatal(err)
	}
	testtools.Eventually(t, "the data is deleted", limit, func() error {
		entries, err := os.ReadDir(filepath.Join(p.dir, "data", "nodes"))
		if err == nil && len(entries) > 0 {
			err = fmt.Errorf("%v are left", entries)
		}
		return err
	})
	if err := p.set(api.Target{Nodes: 1, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	p.until("1 node", running(1))
	p.write("data/nodes/0/regtest/.cookie", "of the first")
	read()
}

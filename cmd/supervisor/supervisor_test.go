//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func (p *pod) kill(slot int, signal syscall.Signal) {
	p.t.Helper()
	var pid int
	testtools.Eventually(p.t, "the node has printed its process ID", limit, func() (err error) {
		pid, err = strconv.Atoi(p.printed(slot, "started"))
		return err
	})
	if err := syscall.Kill(pid, signal); err != nil {
		p.t.Fatal(err)
	}
}

func TestAKilledNodeStartsAgainAndTheOthersKeepRunning(t *testing.T) {
	p := newPod(t, slots, nil).start()
	p.untilReady()
	before := []string{p.printed(0, "started"), p.printed(2, "started"), p.printed(3, "started")}
	p.kill(1, syscall.SIGKILL)
	p.until("the killed node has started again", func(nodes []api.Node) bool { return nodes[1].Started == 2 && nodes[1].Running })
	nodes, err := p.nodes()
	if err != nil {
		t.Fatal(err)
	}
	if exit := nodes[1].LastExit; nodes[1].Exits != 1 || exit == nil || exit.Code != 137 || exit.Signal != 9 || nodes[1].Since.Sub(exit.At) < time.Second {
		t.Errorf("the node is %+v, its exit %+v", nodes[1], exit)
	}
	for i, slot := range []int{0, 2, 3} {
		if n := nodes[slot]; n.Started != 1 || n.Exits != 0 || n.LastExit != nil || p.printed(slot, "started") != before[i] {
			t.Errorf("node %d is %+v", slot, n)
		}
	}
	if !p.ready() {
		t.Error("the pod is not ready any more")
	}
}

func TestANodeThatFailsIsReportedAndTheOthersRun(t *testing.T) {
	p := newPod(t, 3, map[int]string{1: "fails"}).start()
	p.until("the node has failed", func(nodes []api.Node) bool { return len(nodes) == 3 && nodes[1].Exits >= 1 && nodes[2].Running })
	ready := p.ready()
	nodes, err := p.nodes()
	if err != nil {
		t.Fatal(err)
	}
	if exit := nodes[1].LastExit; exit.Code != 1 || exit.Signal != 0 || exit.Output != "Error: parse error on line 1" {
		t.Errorf("the exit is %+v", exit)
	}
	if ready && nodes[1].Exits < 3 {
		t.Errorf("the pod is ready after %d exits of one of its nodes", nodes[1].Exits)
	}
}

func TestTheEndOfThePodEndsAllNodes(t *testing.T) {
	p := newPod(t, slots, map[int]string{2: "ignores SIGTERM"}).start("--grace", "5s") // with the race detector the others take one second
	p.untilReady()
	p.stop()
	for slot := range slots {
		pid, err := strconv.Atoi(p.printed(slot, "started"))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("node %d still runs: %v", slot, err)
		}
	}
	if killed := strings.Count(p.output.String(), "is killed"); killed != 1 {
		t.Errorf("%d nodes were killed\n%s", killed, p.output)
	}
}

func TestANodeThatIsEndingIsReported(t *testing.T) {
	p := newPod(t, 2, map[int]string{1: "ignores SIGTERM"}).start("--grace", "3s")
	p.untilReady()
	if err := p.set(api.Target{Nodes: 1, Revision: 2}); err != nil {
		t.Fatal(err)
	}
	if nodes, err := p.nodes(); err != nil || !running(2)(nodes) {
		t.Errorf("%+v, %v", nodes, err)
	}
	p.until("1 node", running(1))
}

func TestOrphansAreReaped(t *testing.T) {
	p := newPod(t, 1, map[int]string{0: "starts another"}).start()
	p.untilReady()
	pid := p.printed(0, "grandchild")
	p.kill(0, syscall.SIGKILL)
	testtools.Eventually(t, "the orphan is gone", limit, func() error {
		state, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err == nil {
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
	p.until("the node has started again", func(nodes []api.Node) bool { return nodes[0].Started == 2 })
}

func TestEachLineHasItsNode(t *testing.T) {
	p := newPod(t, 3, map[int]string{0: "prints much", 2: "prints much"}).start()
	testtools.Eventually(t, "both have printed all", limit, func() error {
		if n := strings.Count(p.output.String(), "] printed\n"); n != 2 {
			return fmt.Errorf("%d have", n)
		}
		return nil
	})
	sizes := map[string]int{}
	for line := range strings.Lines(p.output.String()) {
		prefix, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if strings.Trim(text, "x") == "" || strings.HasPrefix(text, "begin") || strings.HasSuffix(text, "end") {
			sizes[prefix] += len(text)
		}
		if len(line) > 16<<10 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	const each = 50 * (100_000 + len("beginend"))
	if len(sizes) != 2 || sizes["[0]"] != each || sizes["[2]"] != each {
		t.Errorf("so many bytes of the nodes: %v", sizes)
	}
}

func TestThePodRunsItsShareOfTheNewestNumberOfNodes(t *testing.T) {
	p := newPod(t, 2, nil).start()
	p.until("2 nodes of the ConfigMap", running(2))
	p.configMap(3, 2)
	p.until("3 nodes of a newer ConfigMap", running(3))
	if err := p.set(api.Target{Nodes: 9, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	p.until("all nodes of the pod, by request", running(slots))
	if err := p.set(api.Target{Nodes: 1, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	p.until("1 node, by request of the same revision", running(1))
	if err := p.set(api.Target{Nodes: 3, Revision: 2}); !errors.Is(err, api.ErrOutdated) {
		t.Errorf("an older request: %v", err)
	}
	for name, change := range map[string]func(){
		"a stale ConfigMap":               func() { p.configMap(4, 2) },
		"the ConfigMap of that revision":  func() { p.configMap(4, 3) },
		"another container of the pod":    func() { p.stop(); p.start() },
		"a request that is no number":     func() { p.reject(`{"nodes":"4","revision":9}`) },
		"a request without a revision":    func() { p.reject(`{"nodes":4}`) },
		"a request with a large body":     func() { p.reject(`{"nodes":4,"revision":9` + strings.Repeat(" ", api.MaxTargetBytes) + `}`) },
		"a request for less than nothing": func() { p.reject(`{"nodes":-1,"revision":9}`) },
	} {
		change()
		p.until("still 1 node after "+name, running(1))
	}
	p.configMap(2, 4)
	p.until("2 nodes of a newer ConfigMap than the request", running(2))
	if nodes, err := p.nodes(); err != nil || nodes[1].Exits != 0 || nodes[1].LastExit != nil {
		t.Errorf("a node that was removed and added has an exit: %+v, %v", nodes, err)
	}
}

func (p *pod) reject(body string) {
	p.t.Helper()
	if status := p.request(http.MethodPost, p.at.User, p.at.Password, body); status != http.StatusBadRequest {
		p.t.Errorf("%.40s: HTTP status %d", body, status)
	}
}

func (p *pod) request(method, user, word, body string) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, fmt.Sprintf("http://127.0.0.1:%d%s", p.at.Port, api.NodesPath), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, word)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // without a body
	return resp.StatusCode
}

func TestDataIsDeletedByRequestOnly(t *testing.T) {
	p := newPod(t, slots, nil).start()
	p.until("all nodes", running(slots))
	directories := func() int {
		entries, err := os.ReadDir(filepath.Join(p.dir, "data", "nodes"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	p.configMap(3, 2)
	p.until("3 nodes", running(3))
	if err := p.set(api.Target{Nodes: 2, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	p.until("2 nodes", running(2))
	if got := directories(); got != slots {
		t.Errorf("%d directories are left without a request to delete them", got)
	}
	if err := p.set(api.Target{Nodes: 2, Revision: 3, Forget: true, Before: 3}); err != nil {
		t.Fatal(err)
	}
	// That of a node that was removed before stays.
	testtools.Eventually(t, "the data of the node that was removed last is deleted", limit, func() error {
		if got := directories(); got != 3 {
			return fmt.Errorf("%d directories are left", got)
		}
		return nil
	})
	p.until("2 nodes", running(2))
	// What the end of the container prevented is done by the next one.
	p.stop()
	p.write("data/nodes/2/left", "")
	p.start()
	testtools.Eventually(t, "the data of a removed node is deleted", limit, func() error {
		if got := directories(); got != 3 {
			return fmt.Errorf("%d directories are left", got)
		}
		return nil
	})
	if err := p.set(api.Target{Nodes: 3, Revision: 4}); err != nil {
		t.Fatal(err)
	}
	p.until("3 nodes", running(3))
	if err := p.set(api.Target{Nodes: 2, Revision: 5}); err != nil {
		t.Fatal(err)
	}
	p.until("2 nodes", running(2))
	if err := p.set(api.Target{Nodes: 4, Revision: 6}); err != nil {
		t.Fatal(err)
	}
	p.until("all nodes again, with starts that are counted on", func(nodes []api.Node) bool {
		return running(slots)(nodes) && nodes[0].Started == 1 && nodes[2].Started == 2
	})
}

func TestOnlyTheOperatorSeesAndChangesTheNodes(t *testing.T) {
	p := newPod(t, 1, nil).start()
	p.untilReady()
	for name, credential := range map[string][2]string{
		"no credential":      {},
		"another password":   {p.at.User, "the users' password"},
		"another user":       {"alice", p.at.Password},
		"no password":        {p.at.User, ""},
		"a shifted password": {p.at.User + ":", p.at.Password},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status := p.request(method, credential[0], credential[1], `{"nodes":3,"revision":9}`); status != http.StatusUnauthorized {
				t.Errorf("%s with %s: HTTP status %d", method, name, status)
			}
		}
	}
	p.until("1 node", running(1))
	if output := p.output.String(); strings.Contains(output, "password") || strings.Contains(output, "alice") || !strings.Contains(output, "KEPT=kept") {
		t.Errorf("the environment of the node and the output are\n%s", output)
	}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// cliScript stands in for the bitcoin-cli of the node image. Its configuration is /nodes/SLOT/bitcoin.conf.
const cliScript = `#!/bin/sh
slot=${1#*/nodes/}
slot=${slot%/bitcoin.conf}
shift
case $1 in
echo) shift; for word; do echo "$slot:$word"; done ;;
fail) printf 'error code: -%s\nerror message:\nnot on %s\n' "$2" "$slot" >&2; exit "$2" ;;
kill) kill -9 $$ ;;
large) head -c "$2" /dev/zero | tr '\0' x ;;
input) cat; echo end ;;
wait) echo started >"$2/$slot"; exec sleep 1000 ;;
esac
`

// machine runs the commands in pods on this machine: bitcoin-cli itself, or the process for several nodes.
type machine struct {
	dir string
	// earlier pods have no process for several nodes.
	earlier bool
	// broken replaces that process.
	broken func(out io.Writer) error

	mu sync.Mutex
	// streams, those that are open, and the most that were open at the same time, by program.
	streams, open, most map[string]int
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{dir: t.TempDir(), streams: map[string]int{}, open: map[string]int{}, most: map[string]int{}}
	if err := os.WriteFile(filepath.Join(m.dir, "bitcoin-cli"), []byte(cliScript), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", m.dir+":"+os.Getenv("PATH"))
	return m
}

func (m *machine) begin(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[what]++
	m.open[what]++
	m.most[what] = max(m.most[what], m.open[what])
}

func (m *machine) Exec(ctx context.Context, _, _ string, command []string, in io.Reader, out, errOut io.Writer) error {
	m.begin(command[0])
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.open[command[0]]--
	}()
	cli, err := supervisor.BitcoinCLI("/nodes")
	if err != nil {
		return err
	}
	switch {
	case command[0] == "bitcoin-cli":
		var slot int
		if _, err := fmt.Sscanf(command[1], "-conf=/nodes/%d/bitcoin.conf", &slot); err != nil {
			return err
		}
		if code := cli(ctx, slot, command[2:], out, errOut); ctx.Err() == nil && code != 0 {
			return exec.CodeExitError{Err: errors.New("exit"), Code: code}
		}
		return ctx.Err()
	case m.broken != nil:
		return m.broken(out)
	case m.earlier:
		return exec.CodeExitError{Err: errors.New("exit"), Code: 1}
	}
	return supervisor.Calls(ctx, in, out, cli)
}

func nodesOf(pods, slots int) []noderef.Node {
	var nodes []noderef.Node
	for i := range pods * slots {
		nodes = append(nodes, noderef.Node{Ordinal: i, Pod: noderef.Place{Pod: fmt.Sprintf("net-sts-%d", i/slots), Slot: int32(i % slots), Packed: true}.String()})
	}
	return nodes
}

// askAll returns what each node answers, or its error.
func askAll(ctx context.Context, m *machine, nodes []noderef.Node, call ...string) []string {
	c := &Client{Pods: m}
	answers := make([]string, len(nodes))
	failed := Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		text, err := c.CLI(ctx, node.Pod, call...)
		answers[node.Ordinal] = text
		return err
	})
	for i, err := range failed {
		answers[i] = err.Error()
	}
	return answers
}

func TestTheNodesOfAPodAnswerThroughOneStreamAsTheyDoAlone(t *testing.T) {
	m, before := newMachine(t), newMachine(t)
	before.earlier = true
	nodes := nodesOf(10, 2)
	for _, call := range [][]string{
		{"echo", "a", "", "ü\n\"$x\" \\", "<&>\u2028"}, {"echo"}, {"echo", "not UTF-8: \xff"}, {"fail", "8"}, {"fail", "28"}, {"kill"}, {"large", "200000"},
	} {
		m.streams, before.streams = map[string]int{}, map[string]int{}
		got, want := askAll(t.Context(), m, nodes, call...), askAll(t.Context(), before, nodes, call...)
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: node %d answers %.200q, and alone %.200q", call, i, got[i], want[i])
			}
		}
		if alone := m.streams["bitcoin-cli"]; (alone > 0) != strings.Contains(call[len(call)-1], "\xff") || alone == 0 && m.streams["/run/bitcoin-controller/supervisor"] != 10 {
			t.Errorf("%q: the streams are %v", call, m.streams)
		}
		if before.streams["bitcoin-cli"] != 20 {
			t.Errorf("%q: the streams to pods of an earlier release are %v", call, before.streams)
		}
	}
	for program, most := range map[string]int{"/run/bitcoin-controller/supervisor": m.most["/run/bitcoin-controller/supervisor"], "bitcoin-cli": before.most["bitcoin-cli"]} {
		if most > parallel {
			t.Errorf("%d streams of %s at the same time", most, program)
		}
	}
	if got := askAll(t.Context(), m, nodes[:2], "large", fmt.Sprint(maxOutput+1)); !strings.Contains(got[1], "its output has more than") {
		t.Errorf("a large output gives %.200q", got[1])
	}
}

func TestInputIsThatOfOneCall(t *testing.T) {
	m := newMachine(t)
	c, nodes := &Client{Pods: m}, nodesOf(1, 3)
	failed := Each(t.Context(), nodes, func(ctx context.Context, node noderef.Node) error {
		text, err := c.cli(ctx, callTimeout, node.Pod, strings.NewReader("some\n"), []string{"input"})
		if text != "end" { // the machine passes no input on
			t.Errorf("%s answers %q (%v)", node.Pod, text, err)
		}
		return err
	})
	if len(failed) > 0 || m.streams["bitcoin-cli"] != 3 {
		t.Errorf("%v; the streams are %v", failed, m.streams)
	}
}

func TestOneNodeOfAPodIsCalledAlone(t *testing.T) {
	m := newMachine(t)
	nodes := nodesOf(3, 2)
	got := askAll(t.Context(), m, []noderef.Node{{Ordinal: 0, Pod: nodes[1].Pod}, {Ordinal: 1, Pod: nodes[4].Pod}}, "echo", "x")
	if got[0] != "1:x" || got[1] != "0:x" || m.streams["bitcoin-cli"] != 2 || len(m.streams) != 1 {
		t.Errorf("the answers are %q, the streams %v", got, m.streams)
	}
}

// A call may have had its effect when its process is lost: it is not repeated.
func TestAProcessThatIsLostOrAnswersGarbageIsAnError(t *testing.T) {
	line := func(out io.Writer, text string) error {
		_, err := io.WriteString(out, text+"\n")
		return err
	}
	for name, c := range map[string]struct {
		process func(out io.Writer) error
		// alone is whether the nodes are called one by one instead.
		alone bool
		want  string
	}{
		"it never begins": {func(io.Writer) error { return errors.New("no such program") }, true, ""},
		"another program": {func(out io.Writer) error { return line(out, "usage: x") }, true, ""},
		"the stream breaks": {func(out io.Writer) error {
			return errors.Join(line(out, `{"ready":true,"id":0}`), errors.New("broken pipe"))
		}, false, "broken pipe"},
		"no exit code": {func(out io.Writer) error {
			return errors.Join(line(out, `{"ready":true,"id":0}`), line(out, `{"id":1,"out":"eA=="}`))
		}, false, errLost.Error()},
		"garbage": {func(out io.Writer) error { return errors.Join(line(out, `{"ready":true,"id":0}`), line(out, "x")) }, false, "answers with garbage"},
		"a line without end": {func(out io.Writer) error {
			return errors.Join(line(out, `{"ready":true,"id":0}`), line(out, strings.Repeat("x", 1<<20)))
		}, false, "answers with garbage"},
		"the answer of nobody": {func(out io.Writer) error {
			return errors.Join(line(out, `{"ready":true,"id":0}`), line(out, `{"id":77,"exit":0}`))
		}, false, errLost.Error()},
	} {
		m := newMachine(t)
		m.broken = c.process
		got := askAll(t.Context(), m, nodesOf(1, 3), "echo", "x")
		for i, answer := range got {
			// A call that begins after the end is carried out alone.
			if ok := answer == fmt.Sprintf("%d:x", i); ok && !c.alone && m.streams["bitcoin-cli"] == 0 || !ok && (c.alone || !strings.Contains(answer, c.want)) {
				t.Errorf("%s: node %d answers %q, want %q", name, i, answer, c.want)
			}
		}
	}
}

// The processes of calls that nobody waits for end.
func TestAnInterruptedCallEndsItsProcess(t *testing.T) {
	m := newMachine(t)
	started := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []string, 1)
	go func() { done <- askAll(ctx, m, nodesOf(1, 3), "wait", started) }()
	testtools.Eventually(t, "all calls begin", 20*time.Second, func() error {
		entries, err := os.ReadDir(started)
		if err == nil && len(entries) < 3 {
			err = fmt.Errorf("%d have begun", len(entries))
		}
		return err
	})
	cancel()
	select {
	case answers := <-done:
		for _, answer := range answers {
			if answer != context.Canceled.Error() {
				t.Errorf("an interrupted call answers %q", answer)
			}
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the calls do not end")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if open := m.open["/run/bitcoin-controller/supervisor"]; open != 0 {
		t.Errorf("%d streams are open", open)
	}
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// packings are the numbers of nodes in a pod with which a test runs, with the names of the nodes 0 to 5 and their ports.
var packings = map[int32]struct {
	names []string
	ports []int32
}{
	1: {[]string{"net-sts-0", "net-sts-1", "net-sts-2", "net-sts-3", "net-sts-4", "net-sts-5"}, []int32{18444, 18444, 18444, 18444, 18444, 18444}},
	4: {[]string{"net-sts-0/0", "net-sts-0/1", "net-sts-0/2", "net-sts-0/3", "net-sts-1/0", "net-sts-1/1"}, []int32{18444, 18454, 18464, 18474, 18444, 18454}},
}

// packed runs a test for each of them, with a ring of six nodes.
func packed(t *testing.T, run func(t *testing.T, w *world, names []string, ports []int32)) {
	for per, p := range packings {
		t.Run(fmt.Sprintf("%d nodes in a pod", per), func(t *testing.T) {
			w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: per, Topology: &v1.Topology{Type: v1.TopologyRing}})
			w.nodes.crossing = func(a, b *node) bool {
				between := (a.ordinal - b.ordinal + 6) % 6
				return between == 1 || between == 5
			}
			run(t, w, p.names, p.ports)
		})
	}
}

func TestEachNodeIsCalledWhereItIs(t *testing.T) {
	packed(t, func(t *testing.T, w *world, names []string, _ []int32) {
		for i, name := range names {
			for _, ref := range []string{fmt.Sprintf("net/%d", i), "net/" + name} {
				w.nodes.calls = nil
				w.works("cli", ref, "echo", "x")
				if !slices.Equal(w.nodes.calls, []string{name + " echo x"}) {
					t.Errorf("%s called %q, and should have called %s", ref, w.nodes.calls, name)
				}
			}
		}
		var answers []struct{ Pod string }
		if err := json.Unmarshal([]byte(w.works("cli", "net", "--all", "getblockcount")), &answers); err != nil || len(answers) != 6 || answers[5].Pod != names[5] {
			t.Errorf("all nodes: %v (%v)", answers, err)
		}
		if out := w.works("mine", "net/5", "3"); !strings.Contains(out, names[5]+" mined 3 blocks") {
			t.Errorf("it printed %s", out)
		}
		w.works("pause", "net/4", "1ms")
		w.works("partition", "net", "0,1,2", "--wait=false")
		w.works("heal", "net")
		if out := w.works("tree", "net"); !strings.Contains(out, names[3]) || !strings.Contains(out, "6 of 6 connections") {
			t.Errorf("the tree is %s", out)
		}
	})
}

// callsIn is the supervisor of a pod, which calls several of its nodes.
func (n *nodes) callsIn(ctx context.Context, pod string, in io.Reader, out, errOut io.Writer) error {
	if n.earlier {
		fmt.Fprintln(errOut, "flag provided but not defined: -calls")
		return exec.CodeExitError{Err: errors.New("exit 1"), Code: 1}
	}
	n.together.Add(1)
	return supervisor.Calls(ctx, in, out, func(ctx context.Context, slot int, arguments []string, out, errOut io.Writer) int {
		command := append([]string{"bitcoin-cli", "-conf=" + api.ConfigPath(slot)}, arguments...)
		err := n.Exec(ctx, "", pod, command, nil, out, errOut)
		if exit, exited := errors.AsType[exec.CodeExitError](err); exited {
			return exit.Code
		}
		if err != nil {
			fmt.Fprintln(errOut, err)
			return 1
		}
		return 0
	})
}

// What is printed does not depend on how the nodes were called, nor on their number in a pod.
func TestAllNodesOfAPodAreCalledThroughOneStream(t *testing.T) {
	ask := func(w *world, call string) string {
		code := w.run("cli", "net", "--all", call)
		return fmt.Sprintf("%d %s%s", code, w.out.String(), w.err.String())
	}
	for _, call := range []string{"getbestblockhash", "getblockchaininfo", "echo", "nonsense"} {
		var outputs []string
		for _, earlier := range []bool{false, true} {
			w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: 4})
			w.nodes.earlier = earlier
			w.nodes.once["net-sts-0/2 getb"] = func(*node) (int, string) { return -8, "out of range\nsecond line" }
			w.nodes.once["net-sts-1/0 getb"] = func(*node) (int, string) { return -28, "Loading" }
			outputs = append(outputs, ask(w, call))
			if streams := w.nodes.together.Load(); !earlier && streams != 2 || earlier && streams != 0 {
				t.Errorf("%s: %d streams for the nodes of two pods, earlier release: %t", call, streams, earlier)
			}
			if len(w.nodes.calls) != 6 {
				t.Errorf("%s: the calls are %q", call, w.nodes.calls)
			}
		}
		if outputs[0] != outputs[1] {
			t.Errorf("%s: through one stream it prints\n%s\nand node by node\n%s", call, outputs[0], outputs[1])
		}
	}
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: 4})
	w.works("tree", "net")
	w.works("mine", "net/5", "1")
	if streams := w.nodes.together.Load(); streams == 0 {
		t.Error("the other commands call the nodes one by one")
	}
}

func TestThePortsOfEachNodeAreReached(t *testing.T) {
	packed(t, func(t *testing.T, w *world, names []string, ports []int32) {
		for i, name := range names {
			reached := ""
			w.forward = func(_ context.Context, _, address string) (net.Conn, error) {
				reached = address
				return nil, errors.New("no route")
			}
			pod, _, _ := strings.Cut(name, "/")
			w.fails(exitFailed, "the node "+name+" does not answer: no route; kubectl describe pod "+pod+" shows its state", "connect", fmt.Sprintf("net/%d", i))
			if want := fmt.Sprintf("%s.ns:%d", pod, ports[i]); reached != want {
				t.Errorf("node %d is reached at %s, and should be at %s", i, reached, want)
			}
		}
	})
}

func TestMessagesAreThoseOfTheTwoNodes(t *testing.T) {
	packed(t, func(t *testing.T, w *world, _ []string, _ []int32) {
		network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Get(t.Context(), "net", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		nodes := noderef.Nodes(network)
		for _, pair := range [][2]int{{0, 1}, {1, 0}, {3, 4}, {5, 0}, {1, 3}} {
			f := &watch{network: "net", client: &cluster.Client{Namespace: "ns", Networks: w.networks, Core: w.core, Pods: w.nodes}}
			f.nodes, f.known = [2]noderef.Node{nodes[pair[0]], nodes[pair[1]]}, [2]map[int64]bool{{}, {}}
			if err := f.ask(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			for peer, is := range f.known[0] {
				if is != (int(peer) == pair[1]) {
					t.Errorf("of the connections of node %d, that with node %d is taken for one with node %d: %t", pair[0], peer, pair[1], is)
				}
			}
			if len(f.known[0]) != 2 {
				t.Errorf("node %d has the connections %v", pair[0], f.known[0])
			}
		}
	})
}

func TestANodeOfAPodWithOthersIsStoppedAlone(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 6, NodesPerPod: 4})
	if out := w.works("kill", "net/2"); out != "net-sts-0/2 is stopped; another process answers and has its connections\n" {
		t.Errorf("it printed %q", out)
	}
	if stopped := slices.DeleteFunc(slices.Clone(w.nodes.calls), func(call string) bool { return !strings.HasSuffix(call, " stop") }); !slices.Equal(stopped, []string{"net-sts-0/2 stop"}) {
		t.Errorf("stopped are %q", stopped)
	}
	if actions := w.core.Actions(); len(actions) > 0 {
		t.Errorf("pods were changed: %v", actions)
	}
	if out := w.works("kill", "net/3", "--wait=false"); out != "net-sts-0/3 is stopped; the supervisor of its pod will start it again\n" {
		t.Errorf("it printed %q", out)
	}
}

// A pod with a few nodes does not send what one with the maximum would.
func TestTheLastLinesOfANodeAreSoughtAmongThoseOfItsPod(t *testing.T) {
	packed(t, func(t *testing.T, w *world, _ []string, _ []int32) {
		per := max(1, w.spec().NodesPerPod)
		w.works("logs", "net/1", "--tail", "7")
		for _, action := range w.core.Actions() {
			read, ok := action.(clienttesting.GenericActionImpl)
			if !ok {
				continue
			}
			if lines := *read.Value.(*corev1.PodLogOptions).TailLines; lines != int64(7*per) {
				t.Errorf("%d lines were read of a pod with %d nodes", lines, per)
			}
			return
		}
		t.Error("no log was read")
	})
}

func TestANetworkWithSeveralNodesInAPodIsCreated(t *testing.T) {
	w := newWorld(t, three())
	if out := w.works("create", "new", "--nodes", "6", "--nodes-per-pod", "4", "--dry-run=client", "-o", "yaml"); !strings.Contains(out, "nodesPerPod: 4") {
		t.Errorf("the manifest is %s", out)
	}
	if out := w.works("create", "new", "--dry-run=client", "-o", "yaml"); strings.Contains(out, "nodesPerPod") {
		t.Errorf("without the flag the manifest is %s", out)
	}
}

// ipOf is the address of a node: one for all nodes of a pod.
func ipOf(names []string, i int) string {
	pod := noderef.At(names[i]).Pod
	return fmt.Sprintf("10.0.0.%d", 1+slices.IndexFunc(names, func(name string) bool { return noderef.At(name).Pod == pod }))
}

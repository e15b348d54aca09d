package cli

import (
	"bytes"
	"context"
	"io"
	"net"
	goruntime "runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// world is a cluster with one network, and simulated nodes.
type world struct {
	*testing.T
	nodes    *nodes
	lnds     *lnds
	networks *networks.Clientset
	core     *fake.Clientset
	in       string
	out, err bytes.Buffer
	// running is what a running command has printed.
	running *safe
	forward func(ctx context.Context, network, address string) (net.Conn, error)
	// open is the browser.
	open func(address string) error
}

// newWorld has the network net in the namespace ns, with all nodes ready.
func newWorld(t *testing.T, spec v1.BitcoinNetworkSpec, objects ...runtime.Object) *world {
	t.Helper()
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "0-1-2", Generation: 1}, Spec: spec}
	var pods []string
	for _, node := range noderef.Nodes(network) {
		pods = append(pods, node.Pod)
	}
	for i, node := range noderef.Nodes(network) {
		at := noderef.At(node.Pod)
		network.Status.Nodes = append(network.Status.Nodes, v1.NodeStatus{
			Ordinal: int32(node.Ordinal), Ready: true, PodName: at.Pod, Slot: at.Slot, IP: ipOf(pods, i), BestBlockHash: genesis, Version: "/sim/",
		})
	}
	network.Status.ReadyNodes = int32(len(pods))
	network.Status.ObservedGeneration = 1
	network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: 1},
		{Type: v1.ConditionConnected, Status: metav1.ConditionTrue, ObservedGeneration: 1}}
	return &world{T: t, nodes: newNodes(pods...), networks: networks.NewClientset(network), core: fake.NewClientset(objects...), running: &safe{}}
}

// run runs a command as Main does, and returns its exit code.
func (w *world) run(args ...string) int {
	w.Helper()
	return w.runContext(w.Context(), args...)
}

func (w *world) runContext(ctx context.Context, args ...string) int {
	w.Helper()
	w.out.Reset()
	w.err.Reset()
	out, errOut := terminal.NewWriter(io.MultiWriter(&w.out, w.running)), terminal.NewWriter(&w.err)
	s := &session{
		streams: genericiooptions.IOStreams{In: strings.NewReader(w.in), Out: out, ErrOut: errOut},
		connect: func() (*cluster.Client, error) {
			return &cluster.Client{
				Namespace: "ns", Networks: w.networks, Core: w.core, Pods: w.nodes, Lightning: w.lnds, Forward: w.forward, Poll: time.Millisecond,
			}, nil
		},
		open: w.open,
	}
	root := rootCommand(s)
	root.SetArgs(args)
	return finish(ctx, root.ExecuteContext(ctx), errOut)
}

// works runs a command that must succeed, and returns its output.
func (w *world) works(args ...string) string {
	w.Helper()
	if code := w.run(args...); code != 0 {
		w.Fatalf("%q ended with %d: %s", args, code, w.err.String())
	}
	return w.out.String()
}

// fails runs a command that must end with this code and these words.
func (w *world) fails(code int, words string, args ...string) {
	w.Helper()
	got := w.run(args...)
	text := w.err.String()
	if got != code || !strings.Contains(text, words) || strings.Count(text, "\n") != 1 {
		w.Errorf("%q ended with %d, and should with %d: %q, without %q or not one line", args, got, code, text, words)
	}
}

// timesOut runs a command that must fail with these words when its time is over. Only its own waiting takes time, however busy the machine is.
func (w *world) timesOut(words string, args ...string) {
	w.Helper()
	outside := w.T
	defer func() { w.T = outside }()
	synctest.Test(outside, func(t *testing.T) {
		w.T = t
		w.fails(exitFailed, words, args...)
	})
}

func three() v1.BitcoinNetworkSpec { return v1.BitcoinNetworkSpec{Nodes: 3} }

func TestInputThatCannotBeRightHasItsOwnExitCode(t *testing.T) {
	w := newWorld(t, three())
	for _, c := range []struct{ words, line string }{
		{"the command \"nonsense\" does not exist", "nonsense"},
		{"unknown flag", "tree --nonsense"},
		{"2 arguments are wrong: write kubectl btcnet tree", "tree a b"},
		{"names no node", "cli net/0/1/2 help"},
		{"no node 3", "cli net/3 help"},
		{"write it before the name", "cli net -n other help"},
		{"not a number of blocks", "mine net 0"},
		{"not a number of blocks", "mine net 1000000"},
		{"not valid on regtest", "mine net 1 --to bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		{"not valid on regtest", "fund net nonsense 1"},
		{"more than 8 decimals", "fund net bcrt1q0 0.000000001"},
		{"--output \"xml\" does not exist", "wallet net -o xml"},
		{"--output \"yaml\" does not exist here", "messages net 0 1 -o yaml"},
		{"--dry-run \"x\" does not exist", "create new --dry-run=x"},
		{"--topology \"torus\" does not exist", "create new --topology torus"},
		{"exclude each other", "cli --all net/0 help"},
		{"exclude each other", "tree net -A"},
	} {
		w.fails(exitInvalid, c.words, strings.Fields(c.line)...)
	}
}

func TestAMissingNetworkIsNamed(t *testing.T) {
	w := newWorld(t, three())
	w.fails(exitFailed, `namespace "ns" has no network other`, "tree", "other")
	w.fails(exitFailed, `namespace "ns" has no network other`, "mine", "other", "1")
	w.fails(exitFailed, `namespace "ns" already has a network net`, "create", "net")
}

func TestAnInterruptedCommandEndsWithItsOwnCode(t *testing.T) {
	w := newWorld(t, three())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := w.runContext(ctx, "mine", "net", "1"); code != exitInterrupted || w.err.String() != "error: interrupted\n" {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	w := newWorld(t, three())
	if got := w.works("version"); !strings.HasPrefix(got, "kubectl-btcnet dev ") || !strings.Contains(got, goruntime.GOOS+"/"+goruntime.GOARCH+" go1.") {
		t.Errorf("it printed %q", got)
	}
	if got := w.works("version", "-o", "json"); !strings.Contains(got, `"version": "dev"`) {
		t.Errorf("it printed %q", got)
	}
	w.fails(exitInvalid, "1 arguments are wrong", "version", "net")
}

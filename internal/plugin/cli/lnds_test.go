package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// recorded are the answers of real LNDs, of a network in which node 0 pays node 2 through node 1.
const recorded = "../lightning/testdata"

// lnds stand in for the pods of a LightningNetwork: an Executor that answers as lncli did.
type lnds struct {
	t  *testing.T
	mu sync.Mutex
	// calls are the arguments of each call, after the pod.
	calls []string
	// failing are errors of LND, and broken those of the connection, by the beginning of a call with its pod.
	failing map[string]string
	broken  map[string]error
	// payments are the files with the answers to payinvoice, in turn, and graphs those of node 0 to describegraph. The last one stays.
	payments, graphs []string
	in               string
	// silent is whether all calls succeed without an answer.
	silent bool
}

func (l *lnds) Exec(_ context.Context, _, pod string, command []string, in io.Reader, out, errOut io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if command[0] != "lncli" || command[3] != "--rpcserver=127.0.0.1:10009" {
		return fmt.Errorf("%q is not lncli of the pod", command)
	}
	args := command[4:]
	text := strings.Join(args, " ")
	l.calls = append(l.calls, pod+" "+text)
	for call, err := range l.broken {
		if strings.HasPrefix(pod+" "+text, call) {
			return err
		}
	}
	for call, message := range l.failing {
		if strings.HasPrefix(pod+" "+text, call) {
			return ended(errOut, 1, "[lncli] rpc error: code = Unknown desc = "+message)
		}
	}
	if in != nil {
		raw, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		l.in = string(raw)
	}
	if l.silent {
		return nil
	}
	return l.answer(pod[len(pod)-1:], args[0], out, errOut)
}

func ended(errOut io.Writer, code int, message string) error {
	fmt.Fprintln(errOut, message)
	return exec.CodeExitError{Err: errors.New("exit"), Code: code}
}

func (l *lnds) answer(node, call string, out, errOut io.Writer) error {
	file := call + "-" + node + ".json"
	switch {
	case call == "addinvoice":
		file = "addinvoice.json"
	case call == "payinvoice":
		file = next(&l.payments)
	case call == "describegraph" && node == "0" && len(l.graphs) > 0:
		file = next(&l.graphs)
	case call == "nonsense":
		return ended(errOut, 3, "No help topic for '"+call+"'")
	case call == "bakemacaroon":
		_, err := fmt.Fprintln(out, bakedMacaroon)
		return err
	case call == "getinfo":
		_, err := fmt.Fprintf(out, "{\"alias\": \"my-lightning-%s\"}\n", node)
		return err
	}
	raw, err := os.ReadFile(filepath.Join(recorded, file))
	if err != nil {
		l.t.Errorf("no answer to %s is recorded: %v", call, err)
		return err
	}
	if _, err := out.Write(raw); err != nil {
		return err
	}
	if call == "payinvoice" && !strings.HasPrefix(file, "paid") {
		return ended(errOut, 1, "[lncli] FAILED")
	}
	return nil
}

// bakedMacaroon is what bakemacaroon prints, shortened.
const bakedMacaroon = "0201036c6e6402f801030a1033dbb369ad96d6b019cf82525b81ff44"

func next(files *[]string) string {
	file := (*files)[0]
	if len(*files) > 1 {
		*files = (*files)[1:]
	}
	return file
}

// newLightning is a cluster with the recorded LightningNetwork ln on the network net, as the operator reports it.
func newLightning(t *testing.T, objects ...runtime.Object) *world {
	t.Helper()
	w := newWorld(t, three())
	n := recordedNetwork(t)
	w.networks = networks.NewClientset(append([]runtime.Object{n, &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns"}, Spec: three(),
	}}, objects...)...)
	w.lnds = &lnds{t: t, failing: map[string]string{}, broken: map[string]error{}, payments: []string{"paid.json"}}
	return w
}

func recordedNetwork(t *testing.T) *v1.LightningNetwork {
	t.Helper()
	var graph struct {
		Nodes []struct {
			Alias string
			Key   string `json:"pub_key"`
		}
		Edges []struct {
			Point    string `json:"chan_point"`
			Capacity int64  `json:"capacity,string"`
		}
	}
	raw, err := os.ReadFile(filepath.Join(recorded, "describegraph-0.json"))
	if err == nil {
		err = json.Unmarshal(raw, &graph)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: "ln", Namespace: "ns", Generation: 1}}
	n.Spec = v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 3}
	n.Status = v1.LightningNetworkStatus{ReadyNodes: 3, ActiveChannels: 2, DesiredChannels: 2, Conditions: []metav1.Condition{
		{Type: v1.LightningConditionReady, Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: 1},
	}}
	for _, node := range noderef.LightningNodes(n) {
		for _, g := range graph.Nodes {
			if strings.HasSuffix(g.Alias, fmt.Sprint("-", node.Ordinal)) {
				n.Status.Nodes = append(n.Status.Nodes, v1.LightningNodeStatus{Ordinal: int32(node.Ordinal), PubKey: g.Key, Ready: true}) //nolint:gosec // 0 to 2
			}
		}
	}
	for _, e := range graph.Edges {
		c := v1.LightningChannelStatus{From: 0, To: 1, State: v1.LightningChannelActive, Capacity: e.Capacity, Point: e.Point}
		if e.Capacity == 500_000 {
			c.From, c.To = 1, 2
		}
		n.Status.Channels = append(n.Status.Channels, c)
		n.Spec.Channels = append(n.Spec.Channels, v1.LightningChannel{From: c.From, To: c.To, Capacity: e.Capacity})
	}
	return n
}

// called reports how often a call came.
func (l *lnds) called(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for _, call := range l.calls {
		if strings.HasPrefix(call, text) {
			count++
		}
	}
	return count
}

package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestCreatePrintsTheManifest(t *testing.T) {
	w := newWorld(t, three())
	got := w.works("create", "new", "--nodes", "5", "--topology", "ring", "--secret", "credentials", "--mine-interval", "10s", "--config", "txindex=1",
		"--config", "debug=net", "--config", "debug=mempool", "--group", "old=2,image=example.com/bitcoin:27.0,config.txindex=0", "--partition", "0,1",
		"--zmq", "--limits", "cpu=1", "--dry-run=client", "-o", "yaml")
	const want = `apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata:
  name: new
  namespace: ns
spec:
  config:
    txindex: "1"
  configLists:
    debug:
    - net
    - mempool
  groups:
  - config:
      txindex: "0"
    image: example.com/bitcoin:27.0
    name: old
    nodes: 2
  mining:
    interval: 10s
  nodes: 5
  partitions:
  - nodes:
    - 0
    - 1
  resources:
    limits:
      cpu: "1"
  secret: credentials
  topology:
    type: Ring
  zmq: {}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if list, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("a dry run left %d networks (%v)", len(list.Items), err)
	}
}

func TestCreateSendsTheNetwork(t *testing.T) {
	w := newWorld(t, three())
	if got := w.works("create", "new", "--nodes", "0"); got != "bitcoinnetwork.bitcoincontroller.christianb93.github.com/new created\n" {
		t.Errorf("it printed %q", got)
	}
	network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Get(t.Context(), "new", metav1.GetOptions{})
	if err != nil || network.Spec.Nodes != 0 || network.Spec.Topology != nil || network.Spec.Mining != nil {
		t.Errorf("the network is %+v (%v)", network, err)
	}
}

func TestCreateWaitsUntilTheNetworkIsReady(t *testing.T) {
	w := newWorld(t, three())
	done := make(chan int)
	go func() { done <- w.run("create", "new", "--wait") }()
	networks := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns")
	var network *v1.BitcoinNetwork
	for network == nil || network.Name == "" {
		network, _ = networks.Get(t.Context(), "new", metav1.GetOptions{})
		time.Sleep(time.Millisecond)
	}
	select {
	case code := <-done:
		t.Fatalf("it ended with %d before the network was ready", code)
	case <-time.After(50 * time.Millisecond):
	}
	// Ready, but of an earlier generation.
	network.Generation = 2
	network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 1}}
	network = w.updated(network)
	select {
	case code := <-done:
		t.Fatalf("it ended with %d before its generation was ready", code)
	case <-time.After(50 * time.Millisecond):
	}
	network.Status.Conditions[0].ObservedGeneration = 2
	w.updated(network)
	if code := <-done; code != 0 {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
	w.timesOut("did not happen within 20ms: the operator has not reconciled it", "create", "another", "--wait", "--timeout", "20ms")
}

func TestTreeShowsWhatBitcoindReports(t *testing.T) {
	w := newWorld(t, three())
	got := w.works("tree", "net")
	for _, want := range []string{"net: Ready, 3 of 3 nodes ready, Mesh with 3 of 3 connections, height 0\n", "└── 2  net-sts-2  block 0 genesis  /sim/  connected with 0, 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the tree has no line %q:\n%s", want, got)
		}
	}
	w.nodes.byPod["net-sts-2"].inactive = true
	w.works("mine", "net", "2", "--to", someAddress, "--wait=false")
	if got := w.works("tree"); !strings.Contains(got, "Mesh with 1 of 3 connections, height 2\n├── tip: block 2 000000000000, of nodes 0, 1\n├── tip: block 0 genesis, of nodes 2\n") || !strings.Contains(got, "net-sts-2  block 0 genesis  /sim/  not with 0, 1\n") {
		t.Errorf("the tree does not show the lost connections:\n%s", got)
	}
}

func (w *world) updated(network *v1.BitcoinNetwork) *v1.BitcoinNetwork {
	w.Helper()
	network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Update(w.Context(), network, metav1.UpdateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return network
}

func TestCreateRejectsAZeroThatWouldBeTheDefault(t *testing.T) {
	w := newWorld(t, three())
	for flag, zero := range map[string]string{"nodes-per-pod": "0", "degree": "0", "mine-interval": "0s", "mine-keep-alive": "0", "zmq-high-water-mark": "0"} {
		w.fails(exitInvalid, "or leave the flag out for its default", "create", "new", "--nodes", "3", "--"+flag, zero, "--dry-run=client", "-o", "yaml")
	}
}

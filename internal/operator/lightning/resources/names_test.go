package resources

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestOrdinalsOfPods(t *testing.T) {
	for pod, want := range map[string]int{
		"a-lnd-0": 0, "a-lnd-63": 63, "a-lnd-00": -1, "a-lnd--1": -1, "a-lnd-x": -1, "a-lnd": -1, "a-sts-0": -1, "b-lnd-0": -1, "a-lnd-+1": -1,
	} {
		if got, ok := Ordinal("a", pod); ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d %v, want %d", pod, got, ok, want)
		}
	}
}

// A label has at most 63 characters, and so has the name of a Service; LND announces at most 32 bytes.
func TestTheLongestNamesFit(t *testing.T) {
	name := strings.Repeat("n", 40)
	for _, got := range []string{BackendServiceName(name, 63), ExposeServiceName(name, 63)} {
		if len(got) > 63 {
			t.Errorf("%s has %d characters", got, len(got))
		}
	}
	if got := ObjectName(name) + "-0123456789"; len(got) > 63 {
		t.Errorf("the label of a revision, %s, has %d characters", got, len(got))
	}
	n := lightning(func(*v1.LightningNetworkSpec) {})
	n.Name = name
	for _, alias := range []string{"", strings.Repeat("a", maxAlias)} {
		n.Spec.Alias = alias
		if got := Alias(n, 63); len(got) > 32 || !strings.HasSuffix(got, "-63") {
			t.Errorf("alias %s", got)
		}
	}
}

// A BitcoinNetwork and a LightningNetwork may have the same name.
func TestTheObjectsBelongToOneKindOfNetworkOnly(t *testing.T) {
	if got := resources.NetworkOf(Labels("a")); got != "" {
		t.Errorf("an object of a LightningNetwork belongs to the BitcoinNetwork %s", got)
	}
	if got := NetworkOf(resources.Labels("a")); got != "" {
		t.Errorf("an object of a BitcoinNetwork belongs to the LightningNetwork %s", got)
	}
	if got := NetworkOf(Labels("a")); got != "a" {
		t.Errorf("network %q", got)
	}
}

func TestEachNodeHasABitcoind(t *testing.T) {
	groups := bitcoin(func(s *v1.BitcoinNetworkSpec) {
		s.Nodes, s.NodesPerPod, s.Groups = 3, 2, []v1.Group{{Name: "none"}, {Name: "b", Nodes: 3}}
	})
	for ordinal, want := range []Backend{
		{0, "my-network-sts-0", 0}, {1, "my-network-sts-0", 1}, {2, "my-network-sts-1", 0},
		{3, "my-network-b-sts-0", 0}, {4, "my-network-b-sts-0", 1}, {5, "my-network-b-sts-1", 0},
		{0, "my-network-sts-0", 0}, {1, "my-network-sts-0", 1},
	} {
		if got, ok := BackendOf(groups, ordinal); !ok || got != want {
			t.Errorf("node %d: %+v %v, want %+v", ordinal, got, ok, want)
		}
	}
	for name, b := range map[string]*v1.BitcoinNetwork{"no network": nil, "no nodes": bitcoin(func(s *v1.BitcoinNetworkSpec) { s.Nodes = 0 })} {
		if got, ok := BackendOf(b, 0); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, ok := BackendOf(bitcoin(func(s *v1.BitcoinNetworkSpec) { s.Nodes, s.Groups = 0, []v1.Group{{Name: "b", Nodes: 1}} }), 5); !ok || got.Pod != "my-network-b-sts-0" {
		t.Errorf("a network whose main group is empty: %+v %v", got, ok)
	}
}

// The second node of a pod has ports of its own, behind the usual ones of its Service.
func TestTheServiceOfABackendHasTheUsualPorts(t *testing.T) {
	b := bitcoin(func(s *v1.BitcoinNetworkSpec) { s.NodesPerPod, s.ZMQ = 3, &v1.ZMQ{} })
	service := find[*corev1.Service](t, Build(lightning(func(*v1.LightningNetworkSpec) {}), b, settingsFor("")), "my-lightning-lnd-1-bitcoind")
	for i, want := range [][2]int32{{v1.RPCPort, 18342}, {v1.ZMQRawBlockPort, 28342}, {v1.ZMQRawTxPort, 28343}} {
		if port := service.Spec.Ports[i]; port.Port != want[0] || port.TargetPort.IntVal != want[1] {
			t.Errorf("port %s: %d to %s, want %v", port.Name, port.Port, port.TargetPort.String(), want)
		}
	}
	if len(service.Spec.Ports) != 3 || service.Spec.Selector["statefulset.kubernetes.io/pod-name"] != "my-network-sts-0" {
		t.Errorf("%+v", service.Spec)
	}
}

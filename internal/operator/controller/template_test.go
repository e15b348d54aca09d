package controller

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func setOf(t *testing.T, network *v1.BitcoinNetwork, settings resources.Settings) *appsv1.StatefulSet {
	t.Helper()
	for _, object := range resources.Build(network, settings) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			return set
		}
	}
	t.Fatal("no StatefulSet")
	return nil
}

// asApplied is a desired StatefulSet as the API server has it after an apply.
func asApplied(t *testing.T, desired *appsv1.StatefulSet) *appsv1.StatefulSet {
	t.Helper()
	config, err := apply.New(desired)
	if err != nil {
		t.Fatal(err)
	}
	applied := desired.DeepCopy()
	config.Annotate(applied)
	return applied
}

// keptOf is the desired StatefulSet beside the existing one.
func keptOf(t *testing.T, network *v1.BitcoinNetwork, settings resources.Settings, existing *appsv1.StatefulSet) *appsv1.StatefulSet {
	t.Helper()
	_, kept, err := keepTemplate(network, settings, nil, setOf(t, network, settings), existing)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// Nodes of an earlier release keep their defaults until they restart for another reason.
func TestNodesOfAnEarlierReleaseGetTheNewDefaultsWithTheNextChange(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
	settings := resources.Settings{NodeImage: "nodes:1", Credential: testCredential}
	for name, test := range map[string]struct {
		before bool
		change func(*v1.BitcoinNetworkSpec)
		want   bool
	}{
		"nothing else changes":  {true, func(*v1.BitcoinNetworkSpec) {}, true},
		"more nodes":            {true, func(s *v1.BitcoinNetworkSpec) { s.Nodes = 9 }, true},
		"an option":             {true, func(s *v1.BitcoinNetworkSpec) { s.Config = v1.Config{"par": "2"} }, false},
		"another image":         {true, func(s *v1.BitcoinNetworkSpec) { s.Image = "nodes:2" }, false},
		"a Secret":              {true, func(s *v1.BitcoinNetworkSpec) { s.Secret = "users" }, false},
		"nodes of this release": {false, func(*v1.BitcoinNetworkSpec) {}, false},
	} {
		settings.EarlierNodes = test.before
		existing := asApplied(t, setOf(t, network, settings))
		changed := network.DeepCopy()
		test.change(&changed.Spec)
		settings.EarlierNodes = false
		if got := resources.HasEarlierNodes(keptOf(t, changed, settings, existing)); got != test.want {
			t.Errorf("%s: nodes of an earlier release: %v, want %v", name, got, test.want)
		}
	}
}

// An upgrade of the operator, or of the cluster, changes the delivery, and restarts no node for that alone.
func TestAnotherRPCAuthDeliveryRestartsNoNode(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}}
	network.Spec = v1.BitcoinNetworkSpec{Nodes: 3, Secret: "users"}
	settings := resources.Settings{NodeImage: "nodes:1", Credential: func(n *v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential(make([]byte, 32), string(n.UID))
	}}
	old, fresh := resources.RPCAuthDelivery{Image: "operator:1", OperatorImage: true}, resources.RPCAuthDelivery{Image: "operator:2", Volume: true}
	for _, test := range []struct {
		name        string
		before, now resources.RPCAuthDelivery
		change      func(*v1.BitcoinNetworkSpec)
		want        resources.RPCAuthDelivery
	}{
		{"another delivery alone", old, fresh, func(*v1.BitcoinNetworkSpec) {}, old},
		{"of an earlier release, in a volume", resources.RPCAuthDelivery{Image: "operator:1", Volume: true, OperatorImage: true}, fresh, func(*v1.BitcoinNetworkSpec) {},
			resources.RPCAuthDelivery{Image: "operator:1", Volume: true, OperatorImage: true}},
		{"back to an earlier release", fresh, old, func(*v1.BitcoinNetworkSpec) {}, fresh},
		{"another image as well", old, fresh, func(s *v1.BitcoinNetworkSpec) { s.Image = "nodes:2" }, fresh},
		{"more nodes as well", old, fresh, func(s *v1.BitcoinNetworkSpec) { s.Nodes = 9 }, old},
		{"the same delivery", fresh, fresh, func(*v1.BitcoinNetworkSpec) {}, fresh},
	} {
		settings.RPCAuth = test.before
		existing := asApplied(t, setOf(t, network, settings))
		changed := network.DeepCopy()
		test.change(&changed.Spec)
		settings.RPCAuth = test.now
		if delivery, ok := resources.RPCAuthDeliveryOf(keptOf(t, changed, settings, existing)); !ok || delivery != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, delivery, test.want)
		}
	}
}

// Pods of earlier releases do not tolerate a cluster node that has failed, and get the toleration when they restart anyway.
func TestTheTolerationOfAFailedClusterNodeRestartsNoNode(t *testing.T) {
	own := []corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To(int64(30))}}
	other := corev1.Toleration{Key: "gpu", Operator: corev1.TolerationOpExists}
	for name, test := range map[string]struct {
		specified []corev1.Toleration
		earlier   bool
		change    func(*v1.BitcoinNetworkSpec)
		want      int
	}{
		"a pod of an earlier release":               {nil, true, func(*v1.BitcoinNetworkSpec) {}, 0},
		"of a network with tolerations":             {[]corev1.Toleration{other}, true, func(*v1.BitcoinNetworkSpec) {}, 1},
		"with more nodes":                           {nil, true, func(s *v1.BitcoinNetworkSpec) { s.Nodes = 9 }, 0},
		"with another image":                        {nil, true, func(s *v1.BitcoinNetworkSpec) { s.Image = "nodes:2" }, 1},
		"a pod of this release":                     {[]corev1.Toleration{other}, false, func(*v1.BitcoinNetworkSpec) {}, 2},
		"a network with a toleration of its own":    {own, false, func(*v1.BitcoinNetworkSpec) {}, 1},
		"one that tolerates everything":             {[]corev1.Toleration{{Operator: corev1.TolerationOpExists}}, false, func(*v1.BitcoinNetworkSpec) {}, 1},
		"one that tolerates another effect of this": {[]corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule}}, false, func(*v1.BitcoinNetworkSpec) {}, 2},
	} {
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3, Tolerations: test.specified})
		settings := resources.Settings{NodeImage: "nodes:1", Credential: testCredential, EarlierNodes: test.earlier}
		existing := asApplied(t, setOf(t, network, settings))
		test.change(&network.Spec)
		settings.EarlierNodes = false
		got := keptOf(t, network, settings, existing)
		if tolerations := got.Spec.Template.Spec.Tolerations; len(tolerations) != test.want {
			t.Errorf("%s: %v", name, tolerations)
		}
	}
}

package controller

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/bitcoind"
	"github.com/christianb93/bitcoin-controller/pkg/resources"
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

// An upgrade of the operator, or of the cluster, comes with another helper, and restarts no node for that alone.
func TestAnotherHelperRestartsNobody(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}}
	network.Spec = v1.BitcoinNetworkSpec{Nodes: 3, Secret: "users"}
	settings := resources.Settings{NodeImage: "nodes:1", Credential: func(n *v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential(make([]byte, 32), string(n.UID))
	}}
	old, fresh := resources.Helper{Image: "operator:1"}, resources.Helper{Image: "operator:2", Volume: true}
	for _, test := range []struct {
		name     string
		had, has resources.Helper
		change   func(*v1.BitcoinNetworkSpec)
		want     resources.Helper
	}{
		{"another helper alone", old, fresh, func(*v1.BitcoinNetworkSpec) {}, old},
		{"and back", fresh, old, func(*v1.BitcoinNetworkSpec) {}, fresh},
		{"another image as well", old, fresh, func(s *v1.BitcoinNetworkSpec) { s.Image = "nodes:2" }, fresh},
		{"more nodes as well", old, fresh, func(s *v1.BitcoinNetworkSpec) { s.Nodes = 9 }, old},
		{"the same helper", fresh, fresh, func(*v1.BitcoinNetworkSpec) {}, fresh},
	} {
		settings.Helper = test.had
		applied, err := toApply(setOf(t, network, settings))
		if err != nil {
			t.Fatal(err)
		}
		there := &appsv1.StatefulSet{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(applied.Object, there); err != nil {
			t.Fatal(err)
		}
		now := network.DeepCopy()
		test.change(&now.Spec)
		settings.Helper = test.has
		r := &Reconciler{settings: settings}
		got, err := r.keepHelper(now, setOf(t, now, settings), there)
		if err != nil {
			t.Fatal(err)
		}
		if helper, ok := resources.HelperOf(got); !ok || helper != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, helper, test.want)
		}
	}
}

// Three groups of one node each, of which another template is asked for: one goes first, the others wait for it.
func TestAChangeOfAllGroupsIsMadeOneAfterTheOther(t *testing.T) {
	network := func(mempool string) *v1.BitcoinNetwork {
		n := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}}
		n.Spec = v1.BitcoinNetworkSpec{Nodes: 1, Config: v1.Config{"maxmempool": v1.ConfigValue(mempool)}, Groups: []v1.Group{{Name: "a", Nodes: 1}, {Name: "b", Nodes: 1}}}
		return n
	}
	settings := resources.Settings{Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.DeriveCredential(make([]byte, 32), "1") }}
	sets := func(mempool string) map[string]*appsv1.StatefulSet {
		list := map[string]*appsv1.StatefulSet{}
		for _, object := range resources.Build(network(mempool), settings) {
			if set, ok := object.(*appsv1.StatefulSet); ok {
				set.Status = appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}
				list[set.Name] = set
			}
		}
		return list
	}
	waits := func(l *look, name string) bool {
		t.Helper()
		wait, err := l.waits(l.wanted[name])
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	l := &look{wanted: sets("17"), sets: sets("16")}
	if waits(l, "net-sts") {
		t.Error("the first one waits, and for nobody")
	}
	changed := l.wanted["net-sts"].DeepCopy()
	changed.Generation, changed.Status.ObservedGeneration = 2, 1
	l.sets["net-sts"] = changed
	if !waits(l, "net-a-sts") || !waits(l, "net-b-sts") {
		t.Error("one goes while the controller has not looked at the first yet")
	}
	changed.Status.ObservedGeneration, changed.Status.ReadyReplicas = 2, 0
	if !waits(l, "net-a-sts") || l.waiting != "net-a-sts waits until the nodes of net-sts are ready" {
		t.Errorf("one goes while the first one's node is not ready; it says %q", l.waiting)
	}
	changed.Status.ReadyReplicas = 1
	if waits(l, "net-a-sts") {
		t.Error("the second one waits, though the first is done")
	}
	l.sets["net-a-sts"].Status.ReadyReplicas = 0
	if waits(l, "net-b-sts") || waits(l, "net-a-sts") {
		t.Error("one that is broken, and is to be changed itself, holds up what may mend it")
	}
}

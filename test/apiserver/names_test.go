package apiserver_test

import (
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

const theirs = "not the operator's"

func foreign(ns *apiserver.Namespace) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "net-config"}, Data: map[string]string{"whose": theirs}}
}

// untouched checks that the network reports the taken name, and that the object is as its owner created it.
func untouched(t *testing.T, ns *apiserver.Namespace, net *apiserver.Network) {
	t.Helper()
	net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonNameTaken)
	got := &corev1.ConfigMap{}
	if err := ns.Client.Get(t.Context(), client.ObjectKey{Namespace: ns.Name, Name: "net-config"}, got); err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 1 || got.Data["whose"] != theirs || len(got.OwnerReferences) > 0 || len(got.Labels) > 0 {
		t.Errorf("the operator has changed an unmanaged object: %v", got)
	}
}

func TestANameThatIsTakenBetweenReadAndCreateIsNotOverwritten(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	taken := sync.OnceValue(func() error { return ns.Client.Create(t.Context(), foreign(ns)) })
	op.API.Inject(apiserver.On("create", "configmaps"), apiserver.Fault{Before: func() { _ = taken() }})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	untouched(t, ns, net)
	if err := taken(); err != nil {
		t.Fatal(err)
	}
}

func TestANameThatIsTakenBetweenReadAndApplyIsNotOverwritten(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 1})
	ns := net.Namespace
	replaced := sync.OnceValue(func() error {
		if err := ns.Client.Delete(t.Context(), foreign(ns)); err != nil {
			return err
		}
		return ns.Client.Create(t.Context(), foreign(ns))
	})
	op.API.Inject(func(r apiserver.Request) bool { return r.Resource == "configmaps" && r.Write() }, apiserver.Fault{Before: func() { _ = replaced() }})
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Config = v1.Config{"maxmempool": "20"} })
	untouched(t, ns, net)
	if err := replaced(); err != nil {
		t.Fatal(err)
	}
}

// The next network of a name waits until the garbage collector has deleted the objects of the former one, and takes none over.
func TestANetworkCreatedAgainHasObjectsOfItsOwn(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 1})
	ns := net.Namespace
	before := net.WaitReady()
	if err := ns.Client.Delete(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	net = ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	after := net.WaitReady()
	set := net.StatefulSet()
	if owner := metav1.GetControllerOf(set); owner == nil || owner.UID != after.UID {
		t.Errorf("%v owns the StatefulSet, want network %s", owner, after.UID)
	}
	for _, pod := range net.Pods() {
		if owner := metav1.GetControllerOf(&pod); owner == nil || owner.UID != set.UID {
			t.Error(fmt.Sprint("pod ", pod.Name, " belongs to the former network"))
		}
	}
}

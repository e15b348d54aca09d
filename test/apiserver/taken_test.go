package apiserver_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// taken creates objects that are not the network's, and have its labels: the operator has them in its cache. They belong to another
// controller, or to nobody.
func taken(t *testing.T, ns *apiserver.Namespace, controlled bool, objects ...client.Object) {
	t.Helper()
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "owner"}}
	if err := ns.Client.Create(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		object.SetNamespace(ns.Name)
		object.SetAnnotations(map[string]string{"whose": theirs})
		object.SetOwnerReferences(nil)
		if controlled {
			object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, Controller: ptr.To(true)}})
		}
		switch o := object.(type) {
		case *corev1.ConfigMap:
			o.Data = map[string]string{"whose": theirs}
		case *appsv1.StatefulSet:
			o.Spec.Replicas = ptr.To(int32(0))
		}
		if err := ns.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// notWritten checks that an object is as taken created it. Controllers of Kubernetes may have added its status.
func notWritten(t *testing.T, ns *apiserver.Namespace, created client.Object) {
	t.Helper()
	now := created.DeepCopyObject().(client.Object)
	if err := ns.Client.Get(t.Context(), client.ObjectKeyFromObject(created), now); err != nil {
		t.Fatal(err)
	}
	byOperator := slices.ContainsFunc(now.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool { return f.Manager == resources.FieldManager })
	if now.GetUID() != created.GetUID() || now.GetGeneration() != created.GetGeneration() || now.GetDeletionTimestamp() != nil || byOperator ||
		!reflect.DeepEqual(now.GetOwnerReferences(), created.GetOwnerReferences()) || len(now.GetAnnotations()) != 1 {
		t.Errorf("the operator has changed an object that is not its network's: %+v", now)
	}
	if config, ok := now.(*corev1.ConfigMap); ok && (len(config.Data) != 1 || config.Data["whose"] != theirs) {
		t.Errorf("ConfigMap %s has %v", config.Name, config.Data)
	}
}

// stalledBy checks that the operator reports the taken name of an object, and has sent no request that writes the object.
func stalledBy(t *testing.T, op *apiserver.Operator, object client.Object, conditions []metav1.Condition) {
	t.Helper()
	at := slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == v1.ConditionStalled })
	if want := apply.KeyOf(object) + " exists and does not belong to this network"; !strings.Contains(conditions[at].Message, want) {
		t.Errorf("the condition is %q, want %q", conditions[at].Message, want)
	}
	resource := strings.ToLower(strings.Fields(apply.KeyOf(object))[0]) + "s"
	for _, r := range op.API.Writes() {
		if r.Resource == resource && r.Name == object.GetName() {
			t.Errorf("the operator sent %s", r)
		}
	}
}

// more is an object with the network's labels and a name that the network does not need.
func more(labels map[string]string) client.Object {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "more", Labels: labels}}
}

// eachTaken runs a test for each object of a network: one that another controller has, and one that nobody has.
func eachTaken(t *testing.T, objects []client.Object, test func(t *testing.T, ns *apiserver.Namespace, object client.Object)) {
	t.Helper()
	for _, object := range objects {
		for owner, controlled := range map[string]bool{"another controller": true, "nobody": false} {
			t.Run(apply.KeyOf(object)+" of "+owner, func(t *testing.T) {
				t.Parallel()
				ns, object := apiserver.NewNamespace(t), object.DeepCopyObject().(client.Object)
				extra := more(object.GetLabels())
				taken(t, ns, controlled, object, extra)
				test(t, ns, object)
				notWritten(t, ns, object)
				notWritten(t, ns, extra)
			})
		}
	}
}

func TestLabelledObjectsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	credential := func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.DeriveCredential([]byte("key"), "1") }
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	objects := resources.Build(network, resources.Settings{NodeImage: "nodes:1", Credential: credential})
	eachTaken(t, objects, func(t *testing.T, ns *apiserver.Namespace, object client.Object) {
		op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
		net := ns.Create("net", network.Spec)
		now := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonNameTaken)
		stalledBy(t, op, object, now.Status.Conditions)
	})
}

// A person has copied a pod with its labels, as kubectl debug does with --keep-labels, and another controller uses the labels.
func TestLabelledPodsOfOthersAreNoNodes(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: net.Namespace.Name, Name: "owner"}}
	if err := net.Client.Create(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	copied := func(name string, owners ...metav1.OwnerReference) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: net.Namespace.Name, Name: name, Labels: net.Pod(0).Labels, Annotations: map[string]string{"whose": theirs}, OwnerReferences: owners,
		}}
		pod.Spec.Containers = []corev1.Container{{Name: "bitcoind", Image: "nodes:1"}}
		if err := net.Client.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		return pod
	}
	before := net.WaitReady()
	pods := []*corev1.Pod{
		copied("debugged"),
		copied("other-5d8f7-abcde", metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, Controller: ptr.To(true)}),
	}
	writes := len(op.API.Writes())
	// The pod of the third node follows these in the operator's cache.
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 3 })
	net.WaitReady()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 2 })
	after := net.WaitReady()
	if len(after.Status.Nodes) != 2 || after.Status.Replicas != before.Status.Replicas {
		t.Errorf("the status has %d nodes and %d replicas", len(after.Status.Nodes), after.Status.Replicas)
	}
	for _, pod := range pods {
		notWritten(t, net.Namespace, pod)
	}
	for _, r := range op.API.Writes()[writes:] {
		if r.Resource == "pods" {
			t.Errorf("the operator sent %s", r)
		}
	}
}

func TestLabelledObjectsOfOthersAreLeftAloneByALightningNetwork(t *testing.T) {
	t.Parallel()
	credential := func(*v1.LightningNetwork) bitcoind.Credential { return bitcoind.DeriveCredential([]byte("key"), "1") }
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: "ln"}, Spec: v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 1}}
	objects := lightning.Build(network, nil, lightning.Settings{Image: "lnd:1", Delivery: resources.RPCAuthDelivery{Image: "operator:1"}, Credential: credential})
	eachTaken(t, objects, func(t *testing.T, ns *apiserver.Namespace, object client.Object) {
		op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
		ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1}).WaitReady()
		ln := ns.CreateLightning("ln", network.Spec)
		now := ln.WaitCondition(v1.LightningConditionStalled, metav1.ConditionTrue, v1.LightningReasonNameTaken)
		stalledBy(t, op, object, now.Status.Conditions)
	})
}

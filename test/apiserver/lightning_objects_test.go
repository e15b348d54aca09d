package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

func TestObjectsOfALightningNetworkThatPeopleChangeAreRestored(t *testing.T) {
	t.Parallel()
	ln, _, _ := withLightning(t, 1, twoChannels)
	ln.WaitReady()
	set, service, config := &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ConfigMap{}
	for object, name := range map[client.Object]string{set: "ln-lnd", service: "ln-lnd-1-bitcoind", config: "ln-lnd"} {
		ln.Read(name, object)
	}
	wanted := config.Data["lnd.conf"]
	set.Spec.Replicas, service.Spec.Selector, config.Data["lnd.conf"] = ptr.To(int32(1)), map[string]string{"app": "theirs"}, "debuglevel=trace"
	for _, object := range []client.Object{set, service, config} {
		if err := ln.Client.Update(t.Context(), object, client.FieldOwner("kubectl-edit")); err != nil && !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
	}
	ln.Eventually("the objects to be as before", func(*v1.LightningNetwork) error {
		ln.Read("ln-lnd", set)
		ln.Read("ln-lnd-1-bitcoind", service)
		ln.Read("ln-lnd", config)
		if *set.Spec.Replicas != 3 || service.Spec.Selector["app"] != "" || config.Data["lnd.conf"] != wanted {
			return fmt.Errorf("%d replicas, %v, %q", *set.Spec.Replicas, service.Spec.Selector, config.Data["lnd.conf"])
		}
		return nil
	})
	if err := ln.Client.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	ln.Eventually("the Service to be created again", func(*v1.LightningNetwork) error {
		now := &corev1.Service{}
		if err := ln.Client.Get(t.Context(), client.ObjectKeyFromObject(service), now); err != nil || now.UID == service.UID {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	ln.WaitReady()
}

func TestANameThatALightningNetworkNeedsIsNotOverwritten(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "ln-lnd"}, Data: map[string]string{"whose": theirs}}
	if err := ns.Client.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	ln := ns.CreateLightning("ln", twoChannels)
	ln.WaitCondition(v1.LightningConditionStalled, metav1.ConditionTrue, v1.LightningReasonNameTaken)
	got := &corev1.ConfigMap{}
	ln.Read("ln-lnd", got)
	if len(got.Data) != 1 || got.Data["whose"] != theirs || len(got.OwnerReferences) > 0 {
		t.Errorf("the operator has changed an unmanaged object: %v", got)
	}
	if err := ns.Client.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	ln.WaitReady()
}

func TestALightningNetworkWaitsForItsBitcoinNetwork(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	ln := ns.CreateLightning("ln", twoChannels)
	network := ln.WaitCondition(v1.LightningConditionReady, metav1.ConditionFalse, v1.LightningReasonBitcoinNetworkMissing)
	if meta.IsStatusConditionTrue(network.Status.Conditions, v1.LightningConditionStalled) {
		t.Error("stalled at once")
	}
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	ln.WaitReady()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = []v1.Partition{{Nodes: []int32{0}}} })
	ln.WaitCondition(v1.LightningConditionReady, metav1.ConditionFalse, v1.LightningReasonPartitioned)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = nil })
	ln.WaitReady()
	openedOnce(t, ns, 2)
}

func TestARotatedMasterKeyReachesTheAgents(t *testing.T) {
	t.Parallel()
	ln, net, op := withLightning(t, 1, v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 1, Storage: &v1.LightningStorage{}})
	ln.WaitReady()
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	pod, config, backend := &corev1.Pod{}, &corev1.ConfigMap{}, ln.Node(0).State().Backend
	ln.Read(ln.PodName(0), pod)
	ln.Read("ln-lnd", config)
	ln.StartOperator(apiserver.OperatorOptions{
		PollInterval: fast, Lightning: true, MasterKey: []byte(strings.Repeat("2", 32)), PreviousKey: []byte(strings.Repeat("\x01", 32)),
	})
	ln.Eventually("another credential, and another password for bitcoind", func(*v1.LightningNetwork) error {
		now := &corev1.ConfigMap{}
		ln.Read("ln-lnd", now)
		if now.Data[api.CredentialKey] == config.Data[api.CredentialKey] || ln.Node(0).State().Backend == backend {
			return errors.New("not yet")
		}
		return nil
	})
	net.WaitReady()
	ln.WaitReady()
	now := &corev1.Pod{}
	if ln.Read(ln.PodName(0), now); now.UID != pod.UID {
		t.Error("the pod was replaced: without storage it would have lost everything")
	}
}

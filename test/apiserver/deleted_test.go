package apiserver_test

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// waitForAnother waits for another StatefulSet of the name.
func waitForAnother(net *apiserver.Network, deleted types.UID) {
	net.Wait("another StatefulSet", func() error {
		set := &appsv1.StatefulSet{}
		key := types.NamespacedName{Namespace: net.Namespace.Name, Name: net.Name + "-sts"}
		if err := net.Client.Get(context.Background(), key, set); err != nil {
			return err
		}
		if set.UID == deleted || set.Status.ObservedGeneration == 0 {
			return fmt.Errorf("it is %s", set.UID)
		}
		return nil
	})
}

// With kubectl delete --cascade=orphan, another StatefulSet takes over the pods and the claims. No node restarts.
func TestAnotherStatefulSetTakesOverThePodsOfADeletedOne(t *testing.T) {
	t.Parallel()
	net, _ := runningStored(t, 2, true)
	ns := net.Namespace
	before := map[string]types.UID{}
	for _, pod := range net.Pods() {
		before[pod.Name] = pod.UID
	}
	set := net.StatefulSet()
	if err := ns.Client.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationOrphan)); err != nil {
		t.Fatal(err)
	}
	waitForAnother(net, set.UID)
	net.WaitReady()
	for _, pod := range net.Pods() {
		if pod.UID != before[pod.Name] {
			t.Errorf("pod %s is another one", pod.Name)
		}
	}
	waitForClaims(t, net, "data-net-sts-0 1Gi", "data-net-sts-1 1Gi")
}

// Without that option the claims go with the StatefulSet unless they are to be retained, as docs/networks.md has it.
func TestTheClaimsOfADeletedStatefulSetAreRetainedByThePolicy(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	spec := storedNetwork(2, storageClass(t, ns, true))
	spec.Storage.RetentionPolicy = v1.RetentionRetain
	net := ns.Create("net", spec)
	net.WaitReady()
	if _, err := net.Node(0).Call("generatetodescriptor", 7.0, "raw(51)"); err != nil {
		t.Fatal(err)
	}
	net.Eventually("height 7", func(n *v1.BitcoinNetwork) error {
		if n.Status.Height != 7 {
			return fmt.Errorf("it is %d", n.Status.Height)
		}
		return nil
	})
	set := net.StatefulSet()
	if err := ns.Client.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	waitForAnother(net, set.UID)
	if status := net.WaitReady().Status; status.Height != 7 || status.HeightFell != nil {
		t.Errorf("height %d, fall %+v", status.Height, status.HeightFell)
	}
}

package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestABudgetFollowsThePods(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 2})
	pod := func(name, on string) *corev1.Pod {
		pod := podOn(on, name)
		pod.Namespace, pod.Labels = network.Namespace, resources.Labels(network.Name)
		return pod
	}
	first, second := pod("net-sts-0", "a"), pod("net-sts-1", "a")
	r := fakeAPI(t, acceptAll, network, first, second)
	state := newNetworkState(network)
	has := func(want bool) *policyv1.PodDisruptionBudget {
		t.Helper()
		if _, err := r.applyObjects(t.Context(), network, state, failedAt); err != nil {
			t.Fatal(err)
		}
		var budget policyv1.PodDisruptionBudget
		err := r.client.Get(t.Context(), client.ObjectKey{Namespace: network.Namespace, Name: "net-pdb"}, &budget)
		if client.IgnoreNotFound(err) != nil || apierrors.IsNotFound(err) == want {
			t.Fatalf("%v, want a budget: %v", err, want)
		}
		return &budget
	}
	move := func(on string) {
		t.Helper()
		second.Spec.NodeName = on
		if err := r.client.Update(t.Context(), second); err != nil {
			t.Fatal(err)
		}
	}
	has(false)
	move("b")
	budget := has(true)
	if got := budget.Spec.MaxUnavailable.IntValue(); got != 1 || !metav1.IsControlledBy(budget, network) {
		t.Errorf("%+v", budget)
	}
	if again := has(true); again.ResourceVersion != budget.ResourceVersion {
		t.Error("it is written again without a change")
	}
	move("a")
	has(false)
}

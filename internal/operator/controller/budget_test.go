package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestABudgetIsForNetworksOnSeveralClusterNodes(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	placed := func(on string, ago time.Duration) corev1.Pod {
		return corev1.Pod{Spec: corev1.PodSpec{NodeName: on}, Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-ago))},
		}}}
	}
	pending := func(ago time.Duration) corev1.Pod {
		pod := placed("", ago)
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
		return pod
	}
	long := 24 * time.Hour
	for name, test := range map[string]struct {
		pods             []corev1.Pod
		created, remains bool
	}{
		"no pods":                                   {nil, false, false},
		"one cluster node":                          {[]corev1.Pod{placed("a", long), placed("a", long)}, false, false},
		"two cluster nodes":                         {[]corev1.Pod{placed("a", long), placed("b", long)}, true, true},
		"all have been moved to one":                {[]corev1.Pod{placed("a", long), placed("a", budgetOutlivesMove-1)}, false, true},
		"all are on one for a while":                {[]corev1.Pod{placed("a", long), placed("a", budgetOutlivesMove)}, false, false},
		"one finds no cluster node":                 {[]corev1.Pod{placed("a", long), placed("b", long), pending(budgetGivesUpAfter)}, true, true},
		"one has found no cluster node for a while": {[]corev1.Pod{placed("a", long), placed("b", long), pending(budgetGivesUpAfter + 1)}, false, false},
		"the last one is drained":                   {[]corev1.Pod{placed("a", long), pending(0)}, false, false},
		"none is placed yet":                        {[]corev1.Pod{pending(0), {}}, false, false},
	} {
		if got := budgetDesired(false, test.pods, now); got != test.created {
			t.Errorf("%s: created %v", name, got)
		}
		if got := budgetDesired(true, test.pods, now); got != test.remains {
			t.Errorf("%s: remains %v", name, got)
		}
	}
}

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

package cluster

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

func TestAClusterIsReadyWhenItsNodesAccountAndDNSAre(t *testing.T) {
	node := func(ready corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}}
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}
	dns := func(available int32) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"}, Status: appsv1.DeploymentStatus{AvailableReplicas: available}}
	}
	for name, test := range map[string]struct {
		there []runtime.Object
		want  string
	}{
		"nothing":        {nil, "no node"},
		"a node starts":  {[]runtime.Object{node(corev1.ConditionFalse), account, dns(1)}, "node n is not ready"},
		"no account":     {[]runtime.Object{node(corev1.ConditionTrue), dns(1)}, "service account"},
		"DNS starts":     {[]runtime.Object{node(corev1.ConditionTrue), account, dns(0)}, "DNS"},
		"all are there":  {[]runtime.Object{node(corev1.ConditionTrue), account, dns(1)}, ""},
		"no DNS to wait": {[]runtime.Object{node(corev1.ConditionTrue), account}, ""},
	} {
		got := missing(t.Context(), fake.NewClientset(test.there...))
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

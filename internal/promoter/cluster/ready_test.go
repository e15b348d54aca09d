package cluster

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

func TestAClusterIsReadyWhenItsNodesAccountAndDNSAre(t *testing.T) {
	node := func(ready corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}}
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-dns"}}
	answers := func(service string, ready bool) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			Endpoints:  []discoveryv1.Endpoint{{Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		}
	}
	for name, test := range map[string]struct {
		objects []runtime.Object
		want    string
	}{
		"nothing":        {nil, "no node"},
		"a node starts":  {[]runtime.Object{node(corev1.ConditionFalse), account, service, answers("kube-dns", true)}, "node n is not ready"},
		"no account":     {[]runtime.Object{node(corev1.ConditionTrue), service, answers("kube-dns", true)}, "service account"},
		"DNS starts":     {[]runtime.Object{node(corev1.ConditionTrue), account, service, answers("kube-dns", false)}, "DNS"},
		"nobody answers": {[]runtime.Object{node(corev1.ConditionTrue), account, service, answers("metrics", true)}, "DNS"},
		"all are ready":  {[]runtime.Object{node(corev1.ConditionTrue), account, service, answers("kube-dns", true)}, ""},
		"no DNS to wait": {[]runtime.Object{node(corev1.ConditionTrue), account}, ""},
	} {
		got := missing(t.Context(), fake.NewClientset(test.objects...))
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

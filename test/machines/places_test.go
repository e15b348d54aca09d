//go:build e2e

package machines

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// clusterNodes are the names of the cluster nodes.
func clusterNodes(t *testing.T) []string {
	t.Helper()
	list, err := testCluster.Core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	ok(t, err)
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	if len(names) != 1+workers {
		t.Fatalf("the cluster has the nodes %v", names)
	}
	return names
}

func podsOf(t *testing.T, n *network) []corev1.Pod {
	t.Helper()
	pods, err := n.pods(t.Context())
	ok(t, err)
	return pods
}

// hostOf is the cluster node of a network's i-th pod.
func hostOf(t *testing.T, n *network, i int) string {
	t.Helper()
	return podsOf(t, n)[i].Spec.NodeName
}

// leader is the operator's pod that holds the lease, "" for none.
func leader(t *testing.T) string {
	t.Helper()
	l, err := testCluster.Core.CoordinationV1().Leases(operatorNamespace).Get(t.Context(), lease, metav1.GetOptions{})
	ok(t, err)
	pod, _, _ := strings.Cut(ptr.Deref(l.Spec.HolderIdentity, ""), "_")
	return pod
}

// clusterNodeOf is the cluster node of a pod of the operator.
func clusterNodeOf(t *testing.T, pod string) string {
	t.Helper()
	p, err := testCluster.Core.CoreV1().Pods(operatorNamespace).Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(errors.Join(fmt.Errorf("the operator %q", pod), err))
	}
	return p.Spec.NodeName
}

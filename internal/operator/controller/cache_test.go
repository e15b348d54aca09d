package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestACachedPodHasMetadataStatusAndItsClusterNodeOnly(t *testing.T) {
	pod := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "net-sts-0", Labels: map[string]string{"a": "b"}, UID: "1"},
			Spec:       corev1.PodSpec{NodeName: "machine", Containers: []corev1.Container{{Name: "bitcoind"}}},
			Status:     corev1.PodStatus{PodIP: "192.0.2.1", Phase: corev1.PodRunning},
		}
	}
	want := pod()
	want.Spec = corev1.PodSpec{NodeName: "machine"}
	given := pod()
	given.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	for range 2 { // a cache may transform an object twice
		got, err := stripPod(given)
		if diff := cmp.Diff(any(want), got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
}

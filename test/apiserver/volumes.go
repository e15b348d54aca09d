package apiserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// provision binds a claim, and resizes its volume.
func (m *machine) provision(claim *corev1.PersistentVolumeClaim) {
	if !claim.DeletionTimestamp.IsZero() {
		return
	}
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if has := claim.Status.Capacity[corev1.ResourceStorage]; claim.Status.Phase == corev1.ClaimBound && has.Cmp(size) >= 0 {
		return
	}
	claims := m.clients.CoreV1().PersistentVolumeClaims(m.namespace)
	_, err := claims.Patch(context.Background(), claim.Name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"volumeName":"volume-%s"}}`, claim.UID), metav1.PatchOptions{})
	if err == nil {
		_, err = claims.Patch(context.Background(), claim.Name, types.MergePatchType,
			fmt.Appendf(nil, `{"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":%q}}}`, size.String()), metav1.PatchOptions{}, "status")
	}
	if err != nil && !apierrors.IsNotFound(err) {
		m.t.Logf("simulated machine: claim %s: %v", claim.Name, err)
	}
}

// claimOf is the name of the claim that holds the pod's chain; "" for none.
func claimOf(pod *corev1.Pod) string {
	for _, volume := range pod.Spec.Volumes {
		if volume.Name == "data" && volume.PersistentVolumeClaim != nil {
			return volume.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

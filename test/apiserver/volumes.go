package apiserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
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

// placeOf is what the machine has of a pod, with the data of its claim.
func (m *machine) placeOf(ctx context.Context, pod *corev1.Pod) (*place, error) {
	if at := m.places[pod.UID]; at != nil {
		return at, nil
	}
	at := &place{claim: claimOf(pod)}
	if isLND(pod) {
		at.lnd = m.newLND(pod)
	} else {
		slots, err := m.slotsOf(ctx, pod)
		if err != nil {
			return nil, err
		}
		at.chain = m.volumes[at.claim][0]
		if slots != nil {
			if at.packed, err = bitcoindtest.NewSupervisor(m.bitcoinds, pod.Name, slots.Data, m.volumes[at.claim]); err != nil {
				return nil, err
			}
		}
	}
	m.places[pod.UID] = at
	return at, nil
}

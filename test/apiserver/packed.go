package apiserver

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
)

// slotsOf is the ConfigMap with the number of nodes of a pod's group; nil for a pod with one node.
func (m *machine) slotsOf(ctx context.Context, pod *corev1.Pod) (*corev1.ConfigMap, error) {
	group := strings.TrimSuffix(pod.Name[:max(strings.LastIndex(pod.Name, "-"), 0)], "-sts")
	slots, err := m.clients.CoreV1().ConfigMaps(m.namespace).Get(ctx, group+"-slots", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return slots, err
}

// packedPod is the supervisor of a pod with several nodes; nil for another pod.
func (m *machine) packedPod(pod types.UID) *bitcoindtest.Supervisor {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.places[pod]; at != nil {
		return at.packed
	}
	return nil
}

// KillNode ends the process of a node in a pod with several. The supervisor starts it again, unless it fails from now on.
func (ns *Namespace) KillNode(pod *corev1.Pod, slot int, fails bool) {
	ns.t.Helper()
	ok(ns.t, ns.machine.packedPod(pod.UID).Kill(slot, fails))
}

// RepairNode ends the failures of a node that was killed.
func (ns *Namespace) RepairNode(pod *corev1.Pod, slot int) {
	ns.t.Helper()
	ok(ns.t, ns.machine.packedPod(pod.UID).Repair(slot))
}

// Forgotten are the nodes of a pod whose data was deleted.
func (ns *Namespace) Forgotten(pod *corev1.Pod) []int {
	return ns.machine.packedPod(pod.UID).Forgotten()
}

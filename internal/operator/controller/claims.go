package controller

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// volumesOf are the sizes of the nodes' volumes. A volume that is to grow has its earlier size for a while, or for ever.
func volumesOf(state *claims.State, storage *v1.Storage, sets map[string]*appsv1.StatefulSet) volumeSizes {
	return func(n *node) *resource.Quantity {
		set := sets[n.group.StatefulSet]
		if !claims.MayBeSmall(storage, set) {
			return storage.Size
		}
		if capacity, known := state.Capacity(n.pod.UID); known {
			return &capacity
		}
		size := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
		return &size
	}
}

// growClaims requests the size of the spec from claims that are smaller. It returns why the cluster rejects it, "" if it does not.
func (r *Reconciler) growClaims(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, sets map[string]*appsv1.StatefulSet, nodes []node, now time.Time) string {
	storage := network.Spec.Storage
	if storage == nil || storage.Size == nil {
		return ""
	}
	state.claims.KeepOnly(podUIDs(nodes))
	onDisk := sizesOnDisk(nodes)
	var pods []claims.Pod
	for i := range nodes {
		n := &nodes[i]
		if n.slot > 0 || n.pod == nil || n.pod.Spec.NodeName == "" || !claims.MayBeSmall(storage, sets[n.group.StatefulSet]) {
			continue
		}
		pod := claims.Pod{Namespace: network.Namespace, Name: n.podName, UID: n.pod.UID}
		if size, answers := onDisk[pod.UID]; answers {
			// A node that is not flushed, since its volume has no room.
			pod.Waits = func(capacity resource.Quantity) bool { return !hasRoom(&capacity, size) }
		}
		pods = append(pods, pod)
	}
	return state.claims.Grow(ctx, claims.Grower{Client: r.client, Live: r.live, Now: r.now}, pods, *storage.Size, now)
}

// sizesOnDisk are the sizes of the chains in the volume of each pod, as far as its nodes answer.
func sizesOnDisk(nodes []node) map[types.UID]int64 {
	sizes := map[types.UID]int64{}
	for i := range nodes {
		if n := &nodes[i]; n.pod != nil && n.answer != nil {
			sizes[n.pod.UID] += n.answer.chain.SizeOnDisk
		}
	}
	return sizes
}

// withRejectedClaims makes the conditions report claims that cannot be expanded.
func (s conditionSet) withRejectedClaims(message string) conditionSet {
	claims.Report(&s.Derived, v1.ReasonStorageNotExpanded, message)
	return s
}

package controller

import (
	"context"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The claim templates of a StatefulSet are immutable. When storage.size has grown, they keep the earlier size, and the operator requests the
// new one from each claim whose pod has a cluster node: a claim that is not bound yet cannot be changed. The pod need not run, since a node
// whose volume is full does not start.

// claimStates are what is known of the claims of a network.
type claimStates struct {
	// seen are the claims of pods as they were read last, by the UID of the pod.
	seen map[types.UID]seenClaim
	// rejected is why the API server rejects the requested size, "" if it does not or another error occurred. A request that failed
	// is not repeated before retryAt.
	rejected  string
	requested resource.Quantity
	retryAt   time.Time
}

// seenClaim is what a claim requests, and the capacity of its volume, at a time.
type seenClaim struct {
	requested, capacity resource.Quantity
	at                  time.Time
}

// volumes are the sizes of the nodes' volumes. A volume that is to grow has its earlier size for a while, or for ever.
func (c *claimStates) volumes(storage *v1.Storage, sets map[string]*appsv1.StatefulSet) volumeSizes {
	return func(n *node) *resource.Quantity {
		set := sets[n.group.StatefulSet]
		if !mayHaveSmallClaim(storage, set) {
			return storage.Size
		}
		if seen := c.seen[n.pod.UID]; !seen.capacity.IsZero() {
			return &seen.capacity
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
	claims, size := &state.claims, *storage.Size
	existing := podUIDs(nodes)
	maps.DeleteFunc(claims.seen, func(uid types.UID, _ seenClaim) bool { return !existing[uid] })
	if claims.requested.Cmp(size) == 0 && now.Before(claims.retryAt) {
		return claims.rejected
	}
	claims.rejected, claims.requested = "", size
	onDisk := sizesOnDisk(nodes)
	for i := range nodes {
		n := &nodes[i]
		if n.slot > 0 || n.pod == nil || n.pod.Spec.NodeName == "" || !mayHaveSmallClaim(storage, sets[n.group.StatefulSet]) {
			continue
		}
		if seen, ok := claims.seen[n.pod.UID]; ok && seen.requested.Cmp(size) >= 0 && !seen.outdated(onDisk, n.pod.UID, now) {
			continue
		}
		seen, err := r.growClaim(ctx, client.ObjectKey{Namespace: network.Namespace, Name: resources.ClaimName(n.podName)}, size)
		if err != nil {
			claims.retryAt = now.Add(maxRetryInterval)
			log.FromContext(ctx).Info("A claim could not be expanded; the operator tries again", "node", n.podName, "error", err.Error())
			if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
				claims.rejected = claimMessage(n.podName, size, err)
			}
			return claims.rejected
		}
		if claims.seen == nil {
			claims.seen = map[types.UID]seenClaim{}
		}
		seen.at = now
		claims.seen[n.pod.UID] = seen
	}
	return ""
}

// outdated reports whether the volume of nodes that are not flushed for lack of room may have grown.
func (c seenClaim) outdated(onDisk map[types.UID]int64, pod types.UID, now time.Time) bool {
	size, answers := onDisk[pod]
	return answers && c.capacity.Cmp(c.requested) < 0 && !hasRoom(&c.capacity, size) && now.Sub(c.at) >= maxRetryInterval
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

// mayHaveSmallClaim reports whether claims of a StatefulSet may be smaller than specified: those from its templates are if these are,
// and retained ones may be of an earlier network.
func mayHaveSmallClaim(storage *v1.Storage, set *appsv1.StatefulSet) bool {
	if set == nil || len(set.Spec.VolumeClaimTemplates) == 0 {
		return false
	}
	size := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
	return storage.RetentionPolicy == v1.RetentionRetain || size.Cmp(*storage.Size) < 0
}

// growClaim requests a size from a claim that requests less. It returns the claim with what is requested then.
func (r *Reconciler) growClaim(ctx context.Context, key client.ObjectKey, size resource.Quantity) (seenClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	// Not from the cache, which would need the permission to list all claims.
	if err := r.live.Get(ctx, key, claim); err != nil {
		return seenClaim{}, err
	}
	seen := seenClaim{requested: claim.Spec.Resources.Requests[corev1.ResourceStorage], capacity: claim.Status.Capacity[corev1.ResourceStorage]}
	if seen.requested.Cmp(size) >= 0 {
		return seen, nil
	}
	seen.requested = size
	larger := claim.DeepCopy()
	larger.Spec.Resources.Requests[corev1.ResourceStorage] = size
	log.FromContext(ctx).Info("Expand a claim", "claim", key.Name, "size", size.String())
	return seen, r.client.Patch(ctx, larger, client.MergeFrom(claim), client.FieldOwner(resources.FieldManager))
}

// claimMessage is the message of a condition for a claim that the API server does not let grow.
func claimMessage(pod string, size resource.Quantity, err error) string {
	return fmt.Sprintf("the claim of Pod %s cannot be expanded to %s: %s; allow the expansion in the storage class, or set storage.size back: "+
		"the nodes run with the volumes that they have", pod, size.String(), phrase.OfError(err))
}

// withRejectedClaims makes the conditions report claims that cannot be expanded. The network is as ready as it was. When it is stalled
// for another reason, its volumes may be full: the message must not suggest only a larger size.
func (s conditionSet) withRejectedClaims(message string) conditionSet {
	switch {
	case message == "":
		return s
	case s.Stalled.Met:
		s.Stalled.Message += "; " + message
		s.Reconciling.Message += "; " + message
		return s
	}
	s.Stall(v1.ReasonStorageNotExpanded, message)
	return s
}

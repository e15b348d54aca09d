// Package claims makes the claims of a network as large as its specification. The claim templates of a StatefulSet are immutable: when the
// size has grown they keep the earlier one, and the operator requests the new one from each claim whose pod has a cluster node, since a
// claim that is not bound yet cannot be changed. The pod need not run, since a node whose volume is full does not start.
package claims

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// retryInterval is the time between two requests that fail, and between two reads of a volume that has not grown yet.
const retryInterval = 30 * time.Second

// maxFailures end a pass over the claims, which are as many as the nodes and often of one storage class: an API server that rejects one
// of them may reject them all.
const maxFailures = 20

// passTimeout ends the requests of a pass, which reports the status of the network only after them: a webhook may take half a minute
// for each of them.
const passTimeout = 5 * time.Second

// State is what is known of the claims of a network. The zero value knows nothing.
type State struct {
	// seen are the claims of pods as they were read last, by the UID of the pod.
	seen map[types.UID]seenClaim
	// failed are the claims that could not be expanded to the requested size. No request is repeated before retryAt.
	failed    map[types.UID]failedClaim
	rejected  string
	requested resource.Quantity
	retryAt   time.Time
}

// failedClaim is when the request for a claim failed last, and why the API server has rejected it, "" if it has not.
type failedClaim struct {
	at       time.Time
	rejected string
}

// seenClaim is what a claim requests, and the capacity of its volume, at a time.
type seenClaim struct {
	requested, capacity resource.Quantity
	at                  time.Time
}

// Pod is one whose claim may be too small.
type Pod struct {
	Namespace, Name string
	UID             types.UID
	// Waits reports whether something waits for a larger volume than this, which is then read again from time to time; nil for nothing.
	Waits func(capacity resource.Quantity) bool
}

// Grower reads and changes claims.
type Grower struct {
	Client client.Client
	// Live reads from the API server: a cache would need the permission to list all claims.
	Live client.Reader
	Now  func() time.Time
}

// MayBeSmall reports whether claims of a StatefulSet may be smaller than specified: those from its templates are if these are, and retained
// ones may be of an earlier network.
func MayBeSmall(storage *v1.Storage, set *appsv1.StatefulSet) bool {
	if storage == nil || storage.Size == nil || set == nil || len(set.Spec.VolumeClaimTemplates) == 0 {
		return false
	}
	size := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
	return storage.RetentionPolicy == v1.RetentionRetain || size.Cmp(*storage.Size) < 0
}

// Capacity of the volume of a pod, as it was read last; false while it is unknown.
func (s *State) Capacity(pod types.UID) (resource.Quantity, bool) {
	seen := s.seen[pod]
	return seen.capacity, !seen.capacity.IsZero()
}

// KeepOnly forgets the claims of other pods.
func (s *State) KeepOnly(pods map[types.UID]bool) {
	maps.DeleteFunc(s.seen, func(uid types.UID, _ seenClaim) bool { return !pods[uid] })
	maps.DeleteFunc(s.failed, func(uid types.UID, _ failedClaim) bool { return !pods[uid] })
}

// Grow requests a size from the claims that are smaller: one that may not grow does not keep the others small. An error that is not about
// the claim ends the pass, since the next request would meet it too. It returns why the cluster rejects the first of them, "" if it
// rejects none.
func (s *State) Grow(ctx context.Context, g Grower, pods []Pod, size resource.Quantity, now time.Time) string {
	switch {
	case s.requested.Cmp(size) != 0:
		s.requested, s.failed = size, nil
	case now.Before(s.retryAt):
		return s.rejected
	}
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	failures := 0
	for _, pod := range s.smaller(pods, size, now) {
		seen, err := g.grow(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: resources.ClaimName(pod.Name)}, size)
		if err != nil {
			log.FromContext(ctx).Info("A claim could not be expanded; the operator tries again", "node", pod.Name, "error", err.Error())
			rejected := s.fail(pod, size, err, now)
			if failures++; !rejected || failures == maxFailures {
				break
			}
			continue
		}
		if s.seen == nil {
			s.seen = map[types.UID]seenClaim{}
		}
		seen.at = now
		s.seen[pod.UID] = seen
		delete(s.failed, pod.UID)
	}
	if failures > 0 {
		s.retryAt = g.Now().Add(retryInterval)
	}
	s.rejected = s.firstRejected(pods)
	return s.rejected
}

// smaller are the pods whose claims may be smaller than a size, or have a volume to be read again. Those that have not failed come first,
// and then those that failed first.
func (s *State) smaller(pods []Pod, size resource.Quantity, now time.Time) []Pod {
	var list []Pod
	for _, pod := range pods {
		if seen, ok := s.seen[pod.UID]; !ok || seen.requested.Cmp(size) < 0 || seen.outdated(pod, now) {
			list = append(list, pod)
		}
	}
	slices.SortStableFunc(list, func(a, b Pod) int { return s.failed[a.UID].at.Compare(s.failed[b.UID].at) })
	return list
}

// fail records a request that failed, and reports whether the API server rejects the claim. Another error does not end a rejection: the
// claim may still not grow.
func (s *State) fail(pod Pod, size resource.Quantity, err error, now time.Time) (rejected bool) {
	failed := failedClaim{at: now, rejected: s.failed[pod.UID].rejected}
	rejected = apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
	if rejected {
		failed.rejected = rejection(pod.Name, size, err)
	}
	if s.failed == nil {
		s.failed = map[types.UID]failedClaim{}
	}
	s.failed[pod.UID] = failed
	return rejected
}

// firstRejected is why the first of the rejected claims is, in the order of the pods, so that the message stays the same.
func (s *State) firstRejected(pods []Pod) string {
	for _, pod := range pods {
		if rejected := s.failed[pod.UID].rejected; rejected != "" {
			return rejected
		}
	}
	return ""
}

// outdated reports whether a volume that something waits for may have grown.
func (c seenClaim) outdated(pod Pod, now time.Time) bool {
	return pod.Waits != nil && c.capacity.Cmp(c.requested) < 0 && pod.Waits(c.capacity) && now.Sub(c.at) >= retryInterval
}

// grow requests a size from a claim that requests less. It returns the claim with what is requested then.
func (g Grower) grow(ctx context.Context, key client.ObjectKey, size resource.Quantity) (seenClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := g.Live.Get(ctx, key, claim); err != nil {
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
	return seen, g.Client.Patch(ctx, larger, client.MergeFrom(claim), client.FieldOwner(resources.FieldManager))
}

// rejection is the message of a condition for a claim that the API server does not let grow.
func rejection(pod string, size resource.Quantity, err error) string {
	return fmt.Sprintf("the claim of Pod %s cannot be expanded to %s: %s; allow the expansion in the storage class, or set storage.size back: "+
		"the nodes run with the volumes that they have", pod, size.String(), phrase.OfError(err))
}

// Report makes the conditions report claims that cannot be expanded, "" for none. The network is as ready as it was. When it is stalled
// for another reason, its volumes may be full: the message must not suggest only a larger size.
func Report(conditions *condition.Derived, reason, message string) {
	switch {
	case message == "":
	case conditions.Stalled.Met:
		conditions.Stalled.Message += "; " + message
		conditions.Reconciling.Message += "; " + message
	default:
		conditions.Stall(reason, message)
	}
}

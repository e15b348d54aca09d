package controller

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Nodes that the spec no longer has are removed when the nodes that stay have their blocks. The controller of a StatefulSet deletes
// the claims of the pods that it removes if whenScaled is Delete, which the operator sets for such a scale-down only: whoever changes
// the replicas of a StatefulSet by hand, or while no operator runs, deletes no claim.

const (
	// departureTimeout is how long a removed node that runs and does not answer stays. One that answers has syncTimeout.
	departureTimeout = 30 * time.Second
	// departureLifetime is how long the comparison of the chains counts: the removed nodes may have new blocks after that.
	departureLifetime = 10 * time.Second
)

// scaleDown is the removal of nodes; nil when the StatefulSets have no more nodes than the spec.
type scaleDown struct {
	// generation of the network that has fewer nodes, and since when the operator has known.
	generation int64
	since      time.Time
	// decidedAt is when the removal was allowed, zero before that.
	decidedAt time.Time
	// synced is true when the nodes that stay are known to have all blocks of the removed ones, so that their claims may be deleted.
	synced bool
}

// waits reports whether the nodes have to stay.
func (s *scaleDown) waits() bool { return s != nil && s.decidedAt.IsZero() }

// deletesClaims reports whether the claims of the removed nodes may be deleted.
func (s *scaleDown) deletesClaims() bool { return s != nil && !s.waits() && s.synced }

// departures are the removed nodes by what is known of their blocks.
type departures struct {
	// unknown nodes do not run, silent ones run and do not answer, and ahead ones have blocks that no node that stays has.
	unknown, silent, ahead int
	// gone are those of the unknown nodes that the supervisor of their pod does not have any more, or has not had yet.
	gone int
}

// decide allows the removal when no removed node has blocks of its own, or when the time is over. It returns whether it did now.
func (s *scaleDown) decide(now time.Time, d departures) bool {
	waited := now.Sub(s.since)
	switch {
	case !s.waits():
		return false
	case d.ahead > 0 && waited < syncTimeout, d.silent > 0 && waited < departureTimeout:
		return false
	}
	s.decidedAt, s.synced = now, d == departures{}
	return true
}

// observeScaleDown sets the removed nodes of the pass and starts or ends the scale-down of the network.
func (r *Reconciler) observeScaleDown(ctx context.Context, p *applyPass) error {
	removes, deletes := p.inScaleDown()
	if !removes && !deletes {
		p.state.scaleDown = nil
		return nil
	}
	var err error
	if p.pods, err = r.listPods(ctx, p.network); err != nil {
		return err
	}
	p.departing = departingNodes(p.groups, p.sets, p.nodesOfSets(), p.pods)
	s := p.state.scaleDown
	switch {
	case !removes:
		p.state.scaleDown = nil
		return nil
	case s == nil || s.generation != p.network.Generation || s.synced && p.now.Sub(s.decidedAt) > departureLifetime:
		s = &scaleDown{generation: p.network.Generation, since: p.now}
		p.state.scaleDown = s
	}
	runs := slices.ContainsFunc(p.departing, func(n node) bool { return running(n.pod) })
	if s.waits() && (!runs || countNodes(p.groups) == 0) {
		// There is no node to compare with, or none to get the blocks.
		s.decidedAt = p.now
		r.recordUncompared(p)
	}
	return nil
}

// recordUncompared records that claims are kept, because the chains could not be compared. Those of a group that is stopped are kept in any
// case.
func (r *Reconciler) recordUncompared(p *applyPass) {
	removed := 0
	for i := range p.departing {
		set := p.departing[i].group.StatefulSet
		if !slices.ContainsFunc(p.groups, func(g resources.Group) bool { return g.StatefulSet == set && g.Nodes == 0 }) {
			removed++
		}
	}
	switch {
	case removed == 0 || !deletesClaimsOf(p.network):
	case countNodes(p.groups) == 0:
		r.recorder.Eventf(p.network, nil, corev1.EventTypeWarning, v1.EventClaimsKept, "Scale",
			"the claims of the removed nodes are kept, because no node stays that could get their blocks")
	default:
		r.recordClaimsKept(p.network, departures{unknown: removed})
	}
}

// deletesClaimsOf reports whether the claims of a network's removed nodes are to be deleted.
func deletesClaimsOf(network *v1.BitcoinNetwork) bool {
	return network.Spec.Storage != nil && network.Spec.Storage.RetentionPolicy == v1.RetentionDelete
}

func (r *Reconciler) recordClaimsKept(network *v1.BitcoinNetwork, found departures) {
	r.recorder.Eventf(network, nil, corev1.EventTypeWarning, v1.EventClaimsKept, "Scale",
		"the claims of the removed nodes are kept, because these may have blocks that the other nodes do not have: "+
			"%d of them have, %d do not answer, %d do not run", found.ahead, found.silent, found.unknown)
}

// waitingNodes are the removed nodes that have to stay.
func (p *applyPass) waitingNodes() []node {
	if p.state.scaleDown.waits() {
		return p.departing
	}
	return nil
}

// inScaleDown reports whether nodes are to be removed, and whether the claims of removed nodes are being deleted.
func (p *applyPass) inScaleDown() (removes, deletes bool) {
	desired := map[string]resources.Group{}
	for _, group := range p.groups {
		desired[group.StatefulSet] = group
	}
	has := p.nodesOfSets()
	for name, set := range p.sets {
		if !set.DeletionTimestamp.IsZero() {
			continue
		}
		removes = removes || int(ptr.Deref(set.Spec.Replicas, 1)) > desired[name].Pods() || has[name] > desired[name].Nodes
		deletes = deletes || whenScaled(set) == appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return removes, deletes
}

func countNodes(groups []resources.Group) int {
	count := 0
	for _, group := range groups {
		count += group.Nodes
	}
	return count
}

// setScale sets the replicas of a desired StatefulSet and the policy for the claims of the pods that it removes.
func (p *applyPass) setScale(desired, existing *appsv1.StatefulSet) {
	if existing == nil {
		return
	}
	want, have := ptr.Deref(desired.Spec.Replicas, 1), ptr.Deref(existing.Spec.Replicas, 1)
	if want < have && p.state.scaleDown.waits() {
		desired.Spec.Replicas = &have
		return
	}
	storage := p.network.Spec.Storage
	if storage == nil || storage.RetentionPolicy == v1.RetentionRetain || want == 0 {
		return
	}
	// Once allowed, the policy stays until the pods have ended: the claims of a pod that is ending follow it.
	ending := whenScaled(existing) == appsv1.DeletePersistentVolumeClaimRetentionPolicyType && hasPodsBeyond(p.pods, existing, want)
	if want < have && p.state.scaleDown.deletesClaims() && !p.keepsData(existing) || want >= have && ending {
		desired.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
}

// whenScaled is the policy of a StatefulSet for the claims of the pods that it removes, "" without claims.
func whenScaled(set *appsv1.StatefulSet) appsv1.PersistentVolumeClaimRetentionPolicyType {
	if set.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		return ""
	}
	return set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled
}

// hasPodsBeyond reports whether a StatefulSet has pods with ordinals from replicas on.
func hasPodsBeyond(pods []corev1.Pod, set *appsv1.StatefulSet, replicas int32) bool {
	return slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
		ordinal, err := strconv.Atoi(strings.TrimPrefix(pod.Name, set.Name+"-"))
		return err == nil && ordinal >= int(replicas) && ownedBySet(&pod, set)
	})
}

// scaleChanges reports whether a scale-down proceeds: neither the network nor the object has changed then.
func (p *applyPass) scaleChanges(desired *appsv1.StatefulSet) bool {
	existing := p.sets[desired.Name]
	return ptr.Deref(desired.Spec.Replicas, 1) != ptr.Deref(existing.Spec.Replicas, 1) || desired.Spec.PersistentVolumeClaimRetentionPolicy != nil && whenScaled(desired) != whenScaled(existing)
}

// decideScaleDown allows the scale-down if the removed nodes have no blocks of their own, and returns whether it did now. An event
// reports claims that are kept although the network's policy is to delete them.
func (r *Reconciler) decideScaleDown(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, nodes []node, staying int, now time.Time) bool {
	s := state.scaleDown
	found := r.nodes.compareDepartures(ctx, network, state.shared.slots, nodes, staying, s.since)
	if !s.decide(now, found) {
		return false
	}
	log.FromContext(ctx).V(1).Info("Remove nodes", "synced", s.synced, "unknown", found.unknown, "silent", found.silent, "ahead", found.ahead)
	if !s.synced && deletesClaimsOf(network) && found.gone < len(nodes)-staying {
		r.recordClaimsKept(network, found)
	}
	return true
}

// neededByDeparting reports whether an object that is no longer desired is one of a removed group whose nodes stay for now. Claims that
// are to be kept are no longer the StatefulSet's before it is deleted: also those of a group that was stopped, since nobody knows whether
// the others have its blocks.
func (r *Reconciler) neededByDeparting(ctx context.Context, p *applyPass, object client.Object) (bool, error) {
	set, isSet := object.(*appsv1.StatefulSet)
	s := p.state.scaleDown
	if s.waits() {
		_, isConfig := object.(*corev1.ConfigMap)
		return isSet || isConfig, nil
	}
	if !isSet || set.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		return p.hasSlotsOfSet(object), nil
	}
	stopped := ptr.Deref(set.Spec.Replicas, 1) == 0
	switch {
	case !stopped && (s == nil || s.synced) && !p.keepsData(set):
		return false, nil
	case set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted == appsv1.RetainPersistentVolumeClaimRetentionPolicyType:
		return set.Status.ObservedGeneration < set.Generation, nil
	}
	kept := set.DeepCopy()
	kept.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	log.FromContext(ctx).Info("Keep the claims of a removed group", "object", apply.KeyOf(set))
	if err := r.client.Patch(ctx, kept, client.MergeFrom(set), client.FieldOwner(resources.FieldManager)); err != nil {
		return true, err
	}
	if stopped {
		r.recordStoppedKept(ctx, p.network, set.Name)
	}
	return true, nil
}

// recordStoppedKept records that the claims of a stopped group are kept, if it has any.
func (r *Reconciler) recordStoppedKept(ctx context.Context, network *v1.BitcoinNetwork, set string) {
	first := client.ObjectKey{Namespace: network.Namespace, Name: resources.ClaimName(set + "-0")}
	if err := r.live.Get(ctx, first, &corev1.PersistentVolumeClaim{}); apierrors.IsNotFound(err) {
		return
	}
	r.recorder.Eventf(network, nil, corev1.EventTypeWarning, v1.EventClaimsKept, "Scale",
		"the claims of the removed nodes of %s are kept, because these were stopped, and may have blocks that the other nodes do not have", set)
}

// compareDepartures compares the chains of the removed nodes, which follow the others in the list, with those of the nodes that stay.
// Answers from before the scale-down do not count.
func (c *nodeClient) compareDepartures(ctx context.Context, network *v1.BitcoinNetwork, slots *slots, nodes []node, staying int, since time.Time) departures {
	var hashes map[string]map[int64]string
	if tips := tipsOf(nodes); len(tips) > 1 {
		hashes = c.hashesAt(ctx, network, slots, nodes, tips)
	}
	var result departures
	for i := range nodes[staying:] {
		n := &nodes[staying+i]
		switch {
		case !n.running() && !n.unreported():
			result.unknown++
			if errors.Is(nodes[staying+i].err, errNotStarted) {
				result.gone++
			}
		case n.answer == nil || n.answer.at.Before(since):
			result.silent++
		case !slices.ContainsFunc(nodes[:staying], func(other node) bool { return containsTip(other.answer, n.answer, hashes) }):
			result.ahead++
		}
	}
	return result
}

// containsTip reports whether the chain of a node is known to contain the best block of another. The hashes are those of hashesAt.
func containsTip(of, other *answer, hashes map[string]map[int64]string) bool {
	if of == nil {
		return false
	}
	return of.chain.BestBlockHash == other.chain.BestBlockHash || hashes[of.chain.BestBlockHash][other.chain.Blocks] == other.chain.BestBlockHash
}

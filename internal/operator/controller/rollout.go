package controller

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
)

// A change of the pod template never restarts all nodes of a network, or all that have its chain, at once: one StatefulSet
// after the other is changed, and in each, one node after the other. The partition of the StatefulSet's update strategy is the
// gate: its controller would proceed by the clock, also while no operator connects the nodes, and a chain without storage
// would be lost with the last node that has it.

// syncTimeout is how long a rollout waits for a restarted node to sync before it proceeds without it.
const syncTimeout = 5 * time.Minute

// rollouts are the template changes in progress, by the name of the StatefulSet.
type rollouts map[string]rolloutStep

// rolloutStep is how far the operator lets a rollout proceed.
type rolloutStep struct {
	// since is when the rollout last proceeded, or when the operator resumed it.
	since time.Time
	// partition is the ordinal below which the pods keep their template.
	partition int32
	// resumed is true when the operator did not see the rollout proceed to this partition.
	resumed bool
}

// partitionOf a StatefulSet: the ordinal below which its pods keep their template.
func partitionOf(set *appsv1.StatefulSet) int32 {
	if set == nil || set.Spec.UpdateStrategy.RollingUpdate == nil || set.Spec.UpdateStrategy.RollingUpdate.Partition == nil {
		return 0
	}
	return *set.Spec.UpdateStrategy.RollingUpdate.Partition
}

// desiredPartition of a StatefulSet: all its pods when its template is about to change, otherwise what the rollout allows.
func (r rollouts) desiredPartition(desired, existing *appsv1.StatefulSet, templateChanges bool) int32 {
	if templateChanges {
		return max(ptr.Deref(desired.Spec.Replicas, 1), ptr.Deref(existing.Spec.Replicas, 1))
	}
	// Not what a person has set, or what a StatefulSet has that was deleted and created again: the rollout would never end.
	if step, ok := r[desired.Name]; ok {
		return step.partition
	}
	return partitionOf(existing)
}

// blockingSet returns the StatefulSet whose rollout must end before the template of this one may change, "" for none. A
// StatefulSet that is itself about to change again blocks no other one: the change may be the repair.
func (r rollouts) blockingSet(name string, groups []resources.Group, desired, existing map[string]*appsv1.StatefulSet) (string, error) {
	if changes, err := apply.ChangesTemplate(desired[name], existing[name]); err != nil || !changes {
		return "", err
	}
	for _, group := range groups {
		set, want := existing[group.StatefulSet], desired[group.StatefulSet]
		if set == nil || want == nil || set.Name == name {
			continue
		}
		changes, err := apply.ChangesTemplate(want, set)
		if err != nil {
			return "", err
		}
		if !changes && r.inProgress(set, group.Nodes) {
			return set.Name, nil
		}
	}
	return "", nil
}

// inProgress reports whether the rollout of a StatefulSet has not ended. A node that is not ready for any other reason does not
// count.
func (r rollouts) inProgress(set *appsv1.StatefulSet, nodes int) bool {
	if nodes == 0 {
		return false
	}
	_, syncing := r[set.Name]
	return syncing || set.Status.ObservedGeneration < set.Generation || set.Status.CurrentRevision != set.Status.UpdateRevision
}

// rolloutInputs are what a pass knows of the nodes whose template changes.
type rolloutInputs struct {
	now     time.Time
	groups  []resources.Group
	sets    map[string]*appsv1.StatefulSet
	nodes   []node
	desired []topology.Edge
	chains  chainComparison
}

// proceed lets each rollout proceed to the next node when the restarted ones have synced with the nodes that they will be
// connected with, and ends those that are complete. The next pass applies the new partitions.
func (r rollouts) proceed(in rolloutInputs) {
	for _, group := range in.groups {
		step, ok := r[group.StatefulSet]
		set := in.sets[group.StatefulSet]
		if !ok || set == nil || set.Status.ObservedGeneration < set.Generation || partitionOf(set) != step.partition {
			continue
		}
		next, behind := in.progress(group, set)
		if len(behind) > 0 && in.now.Sub(step.waitsSince(set, behind)) <= syncTimeout {
			continue
		}
		switch {
		case step.partition > 0:
			r[group.StatefulSet] = rolloutStep{since: in.now, partition: next}
		case set.Status.CurrentRevision == set.Status.UpdateRevision || group.Nodes == 0:
			delete(r, group.StatefulSet)
		}
	}
}

// progress of a group's rollout: the highest ordinal below the partition whose pod has another template, 0 for none, and the nodes from
// the partition on that lack the template or the chain. In a network that is forked, maybe for good by the configuration of a group,
// any chain counts.
func (in rolloutInputs) progress(group resources.Group, set *appsv1.StatefulSet) (next int32, behind []*node) {
	best := bestHeights(in.nodes, in.desired)
	restarts := false
	for i := range in.nodes {
		n := &in.nodes[i]
		if n.group.StatefulSet != group.StatefulSet {
			continue
		}
		ordinal := int32(group.PodOf(n.ordinal - group.First)) //nolint:gosec // at most 500
		updated := n.pod != nil && n.pod.Labels[appsv1.ControllerRevisionHashLabelKey] == set.Status.UpdateRevision
		switch {
		case ordinal < partitionOf(set):
			if !updated {
				next, restarts = ordinal, true
			}
		case !updated || !n.ready():
			behind = append(behind, n)
		default:
			if !in.hasChain(n, best[i]) {
				behind = append(behind, n)
			}
		}
	}
	if restarts && group.Packed() && len(set.Spec.VolumeClaimTemplates) == 0 {
		behind = append(behind, in.lackingChainOf(set.Name, int(next), best)...)
	}
	return next, behind
}

// hasChain reports whether a node that answers has the chain of its side, but for a block that it is about to get.
func (in rolloutInputs) hasChain(n *node, best int64) bool {
	height := n.answer.chain.Blocks
	return height+1 >= best || in.chains.forked() && height > 0
}

// lackingChainOf a pod without storage are the nodes outside of it that must get its chain before it restarts: of each side that has nodes
// in the pod and outside, those outside, if none of them has the chain. The chain of a side that has no node outside is lost.
func (in rolloutInputs) lackingChainOf(set string, pod int, best []int64) (lacking []*node) {
	for _, side := range sidesOf(in.nodes, in.desired) {
		var outside []*node
		inside, kept := false, false
		for _, i := range side.members {
			n := &in.nodes[i]
			if n.group.StatefulSet == set && n.podNumber == pod {
				inside = true
				continue
			}
			outside = append(outside, n)
			kept = kept || n.ready() && in.hasChain(n, best[i])
		}
		if inside && !kept && side.height > 0 {
			lacking = append(lacking, outside...)
		}
	}
	return lacking
}

// rolloutMessage is what the StatefulSet controller still has to do, "" for nothing.
func rolloutMessage(set *appsv1.StatefulSet, group resources.Group) string {
	switch {
	case set.Status.ObservedGeneration < set.Generation:
		return fmt.Sprintf("StatefulSet %s has changed, and its controller has not observed the change yet", set.Name)
	case group.Nodes == 0 || set.Status.UpdateRevision == set.Status.CurrentRevision || int(set.Status.UpdatedReplicas) >= group.Pods():
	case group.Packed():
		return fmt.Sprintf("StatefulSet %s: %d of %d pods have the new template", set.Name, set.Status.UpdatedReplicas, group.Pods())
	default:
		return fmt.Sprintf("StatefulSet %s: %d of %d nodes have the new template", set.Name, set.Status.UpdatedReplicas, group.Nodes)
	}
	return ""
}

package controller

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// annotationTemplate carries a hash of the pods' template that was applied, for what annotationApplied is for.
const annotationTemplate = v1.GroupName + "/applied-template"

// longestCatchUp is how long a change waits for a node that has it before it goes on to the next one.
const longestCatchUp = 5 * time.Minute

// change is a StatefulSet's change of template, from node to node, as the operator lets it go on.
type change struct {
	// since is when the last node was let go.
	since time.Time
	// heldBack are the pods that keep their template: those below this ordinal.
	heldBack int32
}

// waits tells whether a StatefulSet's new template has to wait, since the pods of another one are being replaced, or have not
// caught up after that: a change never takes all nodes of a network, or all that have its chain, at once. One that is itself to
// be changed again holds up nobody: the change may be what mends it.
func (l *look) waits(wanted *appsv1.StatefulSet) (bool, error) {
	if changes, err := changesTemplate(wanted, l.sets[wanted.Name]); err != nil || !changes {
		return false, err
	}
	for _, group := range l.groups {
		other, want := l.sets[group.StatefulSet], l.wanted[group.StatefulSet]
		if other == nil || want == nil || other.Name == wanted.Name {
			continue
		}
		changes, err := changesTemplate(want, other)
		if err != nil {
			return false, err
		}
		if !changes && l.beingReplaced(other, group.Nodes) {
			l.waiting = fmt.Sprintf("%s waits until the nodes of %s have the new template and the others' blocks", wanted.Name, other.Name)
			return true, nil
		}
	}
	return false, nil
}

// beingReplaced tells whether a change of a StatefulSet's template is not over. A node that is not ready for any other reason is
// no part of a change.
func (l *look) beingReplaced(set *appsv1.StatefulSet, nodes int) bool {
	if nodes == 0 {
		return false
	}
	_, catchingUp := l.memory.rolled[set.Name]
	return catchingUp || set.Status.ObservedGeneration < set.Generation || set.Status.CurrentRevision != set.Status.UpdateRevision
}

// watchChanged notes what is to catch up before a change goes on. A restarted operator does not know, and takes it that all are.
func (l *look) watchChanged() {
	if l.memory.rolled != nil {
		return
	}
	l.memory.rolled = map[string]change{}
	for name, set := range l.sets {
		l.memory.rolled[name] = change{l.now, heldBack(set)}
	}
}

// heldBack are the pods that keep their template whatever their StatefulSet's is: those below this ordinal.
func heldBack(set *appsv1.StatefulSet) int32 {
	if set == nil || set.Spec.UpdateStrategy.RollingUpdate == nil || set.Spec.UpdateStrategy.RollingUpdate.Partition == nil {
		return 0
	}
	return *set.Spec.UpdateStrategy.RollingUpdate.Partition
}

// holdBack has a StatefulSet's controller change no more pods than may be: none at first, and one more whenever those that are
// changed have the chain. Left to itself it goes by the clock, also while no operator connects the nodes, and a chain without
// storage would end with the last node that has it.
func (l *look) holdBack(wanted *appsv1.StatefulSet) error {
	there := l.sets[wanted.Name]
	held := heldBack(there)
	if changed, ok := l.memory.rolled[wanted.Name]; ok {
		held = min(held, changed.heldBack)
	}
	var changes bool
	var err error
	// A network in which nothing has changed is looked at often.
	last, known := l.memory.applied[keyOf(wanted)]
	if there != nil && (!known || last != appliedObject{l.network.Generation, there.ResourceVersion}) {
		changes, err = changesTemplate(wanted, there)
	}
	if changes {
		held = max(ptr.Deref(wanted.Spec.Replicas, 1), ptr.Deref(there.Spec.Replicas, 1))
	}
	wanted.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &held}
	return err
}

// catchUp lets each change go on to the next node when those that are changed have caught up with the chain of those that they
// are to be connected with.
func (r *Reconciler) catchUp(_ context.Context, l *look) error {
	for _, group := range l.groups {
		changed, ok := l.memory.rolled[group.StatefulSet]
		set := l.sets[group.StatefulSet]
		if !ok || set == nil || set.Status.ObservedGeneration < set.Generation || heldBack(set) != changed.heldBack {
			continue
		}
		next, caughtUp := l.progress(group, set)
		if !caughtUp && l.now.Sub(changed.since) <= longestCatchUp {
			continue
		}
		switch {
		case changed.heldBack > 0:
			l.memory.rolled[group.StatefulSet] = change{l.now, next}
		case set.Status.CurrentRevision == set.Status.UpdateRevision || group.Nodes == 0:
			delete(l.memory.rolled, group.StatefulSet)
		}
	}
	return nil
}

// progress of a group's change: the ordinal of the last node that is held back and has another template, 0 when none is, and
// whether the nodes that are not held back have the template and the chain. In a network that is forked, as a group's
// configuration may have it for good, any chain will do.
func (l *look) progress(group resources.Group, set *appsv1.StatefulSet) (next int32, caughtUp bool) {
	best := bestHeights(l.nodes, l.desired)
	forked := l.chain.known && len(l.chain.branches) > 1
	caughtUp = true
	for i := range l.nodes {
		n := &l.nodes[i]
		if n.group.StatefulSet != group.StatefulSet {
			continue
		}
		ordinal := int32(n.ordinal - group.First) //nolint:gosec // at most 500
		changed := n.pod != nil && n.pod.Labels[appsv1.ControllerRevisionHashLabelKey] == set.Status.UpdateRevision
		switch {
		case ordinal < heldBack(set):
			if !changed {
				next = ordinal
			}
		case !changed || !n.ready():
			caughtUp = false
		default:
			height := n.answer.chain.Blocks
			caughtUp = caughtUp && (height+1 >= best[i] || forked && height > 0)
		}
	}
	return next, caughtUp
}

// changesTemplate tells whether the pods that a StatefulSet has are not as wanted.
func changesTemplate(wanted, there *appsv1.StatefulSet) (bool, error) {
	if there == nil {
		return false, nil
	}
	if applied := there.Annotations[annotationTemplate]; applied != "" {
		now, err := templateHash(wanted)
		if err != nil || applied != now {
			return err == nil, err
		}
	}
	same, err := sameTemplate(wanted, there)
	return !same, err
}

// keepHelper builds a StatefulSet with the helper that it has while nothing else in its pods changes: the helper is the
// operator's own image, and an upgrade of the operator or of the cluster must not restart every node that it looks after.
func (r *Reconciler) keepHelper(network *v1.BitcoinNetwork, wanted, there *appsv1.StatefulSet) (*appsv1.StatefulSet, error) {
	if there == nil {
		return wanted, nil
	}
	helper, has := resources.HelperOf(there)
	if !has || helper == r.settings.Helper {
		return wanted, nil
	}
	settings := r.settings
	settings.Helper = helper
	for _, object := range resources.Build(network, settings) {
		kept, ok := object.(*appsv1.StatefulSet)
		if !ok || kept.Name != wanted.Name {
			continue
		}
		if same, err := sameTemplate(kept, there); err != nil || same {
			return kept, err
		}
	}
	return wanted, nil
}

// sameTemplate tells whether the pods that a StatefulSet has are as wanted.
func sameTemplate(wanted, there *appsv1.StatefulSet) (bool, error) {
	template := &unstructured.Unstructured{}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: wanted.Spec.Template}})
	if err != nil {
		return false, err
	}
	pods, _, err := unstructured.NestedMap(fields, "spec", "template")
	if err != nil {
		return false, err
	}
	dropNulls(pods)
	template.Object = map[string]any{"spec": map[string]any{"template": pods}}
	return matches(template, there)
}

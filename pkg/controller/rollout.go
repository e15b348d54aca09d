package controller

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/resources"
)

// annotationTemplate carries a hash of the pods' template that was applied, for what annotationApplied is for.
const annotationTemplate = v1.GroupName + "/applied-template"

// longestCatchUp is how long the nodes of a StatefulSet that has been changed are waited for. Nodes that follow another chain for
// good, since a group's configuration has it so, never have the others' blocks.
const longestCatchUp = 10 * time.Minute

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

// watchChanged notes what is to catch up before another StatefulSet is changed. A restarted operator does not know, and takes
// it that all are.
func (l *look) watchChanged() {
	if l.memory.rolled != nil {
		return
	}
	l.memory.rolled = map[string]time.Time{}
	for name := range l.sets {
		l.memory.rolled[name] = l.now
	}
}

// catchUp forgets the StatefulSets whose nodes have caught up with the chain of those that they are to be connected with.
func (r *Reconciler) catchUp(_ context.Context, l *look) error {
	best := bestHeights(l.nodes, l.desired)
	for _, group := range l.groups {
		since, changed := l.memory.rolled[group.StatefulSet]
		if !changed {
			continue
		}
		set := l.sets[group.StatefulSet]
		caughtUp := set != nil && rollout(set, group.Nodes) == "" && set.Status.CurrentRevision == set.Status.UpdateRevision
		for i := range l.nodes {
			if n := &l.nodes[i]; n.group.StatefulSet == group.StatefulSet {
				caughtUp = caughtUp && n.ready() && n.answer.chain.Blocks+1 >= best[i]
			}
		}
		if (caughtUp && len(l.oldPods()) == 0) || l.now.Sub(since) > longestCatchUp {
			delete(l.memory.rolled, group.StatefulSet)
		}
	}
	return nil
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

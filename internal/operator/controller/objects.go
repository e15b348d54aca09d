package controller

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/disruption"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// appliedObject is what the operator wrote last.
type appliedObject struct {
	// generation of the network that the object was built from.
	generation int64
	// salt of the operator's credential, which changes with the master key.
	salt string
	// resourceVersion of the object when it was last written, or found to be as desired.
	resourceVersion string
}

// appliedAs is an object that is as this pass desires it.
func (p *applyPass) appliedAs(object client.Object) appliedObject {
	return appliedObject{p.network.Generation, p.salt, object.GetResourceVersion()}
}

// appliedObjects are the network's objects after the pass has applied them.
type appliedObjects struct {
	groups []resources.Group
	// sets are the existing StatefulSets by name, as the API server returned them last: the cache may be behind.
	sets map[string]*appsv1.StatefulSet
	// rejected is the first object that could not be written where a retry does not help, and failed why another write failed; nil
	// for none.
	rejected *apply.Error
	failed   error
	// held is true when the pass left the writes out, because of an earlier failure.
	held bool
	// waitingFor describes which object has to wait for another one, "" for none.
	waitingFor string
	// waitingSets are the names of the StatefulSets whose template changes when the rollout of another one has ended.
	waitingSets map[string]bool
	// recheckIn is the time until an object that blocks others is checked again, 0 for none.
	recheckIn time.Duration
	// departing are the removed nodes that stay until the other nodes have their blocks.
	departing []node
	// targets are the numbers of nodes that the pods with several nodes are to run, by StatefulSet.
	targets map[string]api.Target
}

// applyOutcome is what became of one object; at most one field is set.
type applyOutcome struct {
	// set is a StatefulSet as the API server returned it.
	set *appsv1.StatefulSet
	// rejected and blocked end the phase: later objects may need this one.
	rejected *apply.Error
	blocked  string
	// waits is a StatefulSet that waits for the rollout of another one.
	waits string
}

// applyPass has the inputs for the objects of one network.
type applyPass struct {
	network *v1.BitcoinNetwork
	// salt of the operator's credential for the network.
	salt     string
	state    *networkState
	now      time.Time
	groups   []resources.Group
	existing map[string]client.Object
	// sets are the existing StatefulSets and desiredSets the desired ones, by name.
	sets, desiredSets map[string]*appsv1.StatefulSet
	// departing are the removed nodes that the StatefulSets still have, and pods those of the network; empty outside of a scale-down.
	departing []node
	pods      []corev1.Pod
	// targets are those of appliedObjects, and slotsWait describes which of the numbers is not written yet, "" for none.
	targets   map[string]api.Target
	slotsWait string
}

// applyObjects brings the network's objects to the desired state. Nothing is written when nothing differs. The error is why the
// objects could not be read; a write that failed is part of the result.
func (r *Reconciler) applyObjects(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, now time.Time) (appliedObjects, error) {
	p := &applyPass{network: network, salt: r.settings.Credential(network).Salt, state: state, now: now, groups: resources.Groups(network, r.settings.NodeImage)}
	if err := r.listObjects(ctx, p); err != nil {
		return appliedObjects{}, err
	}
	if state.rollouts == nil {
		state.rollouts = resumeRollouts(p.sets, now)
	}
	state.rollouts.adopt(p.sets, now)
	if err := r.observeScaleDown(ctx, p); err != nil {
		return appliedObjects{}, err
	}
	if p.holdsWrites() {
		result := state.held.result
		result.sets, result.departing, result.held = p.sets, p.waitingNodes(), true
		result.targets = p.allowedTargets(result.targets)
		return result, nil
	}
	marks := p.marks()
	result := r.writeObjects(ctx, p)
	state.held = nil
	if result.rejected != nil || result.failed != nil {
		state.held = &heldWrites{marks, result}
	}
	return result, nil
}

// writeObjects writes what differs.
func (r *Reconciler) writeObjects(ctx context.Context, p *applyPass) appliedObjects {
	result := appliedObjects{groups: p.groups, sets: p.sets, departing: p.waitingNodes(), waitingSets: map[string]bool{}}
	objects, err := r.desiredObjects(ctx, p)
	if err != nil {
		result.failed = err
		return result
	}
	result.targets, result.waitingFor = p.targets, p.slotsWait
	desired := map[string]bool{}
	for _, object := range objects {
		desired[apply.KeyOf(object)] = true
	}
	for _, object := range objects {
		outcome, err := r.applyObject(ctx, p, object)
		if outcome.set != nil {
			p.sets[outcome.set.Name] = outcome.set
		}
		if outcome.waits != "" {
			result.waitingFor, result.waitingSets[object.GetName()] = outcome.waits, true
		}
		// Later objects may need this one: pods need their configuration.
		if err != nil {
			result.failed = fmt.Errorf("apply %s: %w", apply.KeyOf(object), err)
			break
		}
		if outcome.rejected != nil {
			result.rejected = outcome.rejected
			break
		}
		if outcome.blocked != "" {
			result.waitingFor, result.recheckIn = outcome.blocked, maxBackoff
			break
		}
	}
	// Also after a failure: an undesired object may occupy the quota that the desired one needs.
	if err := r.deleteUndesired(ctx, p, desired); err != nil && result.failed == nil {
		result.failed = err
	}
	return result
}

func (r *Reconciler) deleteUndesired(ctx context.Context, p *applyPass, desired map[string]bool) error {
	for key, object := range p.existing {
		if desired[key] || !metav1.IsControlledBy(object, p.network) || !object.GetDeletionTimestamp().IsZero() {
			continue
		}
		if needed, err := r.neededByDeparting(ctx, p, object); err != nil || needed {
			if err != nil {
				return err
			}
			continue
		}
		log.FromContext(ctx).Info("Delete an object that is no longer desired", "object", key)
		delete(p.state.applied, key)
		uid := object.GetUID()
		if err := r.client.Delete(ctx, object, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return nil
}

// desiredObjects are the objects of the network in the order in which they are applied.
func (r *Reconciler) desiredObjects(ctx context.Context, p *applyPass) ([]client.Object, error) {
	objects := resources.Build(p.network, r.settings)
	if r.budgets {
		pods, err := r.listPods(ctx, p.network)
		if err != nil {
			return nil, err
		}
		budget := resources.DisruptionBudget(p.network)
		if disruption.BudgetDesired(p.existing[apply.KeyOf(budget)] != nil, pods, p.now) {
			objects = append(objects, budget)
		}
	}
	p.desiredSets, p.targets = map[string]*appsv1.StatefulSet{}, map[string]api.Target{}
	p.setAllSlots(objects)
	for i, object := range objects {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			config, set, err := r.desiredSet(p, objects[i-1], set)
			if err != nil {
				return nil, err
			}
			objects[i-1], objects[i] = config, set
		}
	}
	return objects, nil
}

// desiredSet is a StatefulSet with what depends on the existing one: what an earlier operator built, the scale-down and the partition; and its
// ConfigMap.
func (r *Reconciler) desiredSet(p *applyPass, config client.Object, built *appsv1.StatefulSet) (client.Object, *appsv1.StatefulSet, error) {
	config, set, err := keepTemplate(p.network, r.settings, config, built, p.sets[built.Name])
	if err != nil {
		return nil, nil, err
	}
	p.desiredSets[set.Name] = set
	p.setScale(set, p.sets[set.Name])
	apply.KeepClaimTemplates(set, p.sets[set.Name])
	return config, set, p.setPartition(set)
}

// setPartition sets the partition of a desired StatefulSet.
func (p *applyPass) setPartition(desired *appsv1.StatefulSet) error {
	existing := p.sets[desired.Name]
	changes := false
	// Without a change of the network or the object, which is the usual case, the templates need no comparison.
	last, known := p.state.applied[apply.KeyOf(desired)]
	if existing != nil && (!known || last != p.appliedAs(existing)) {
		var err error
		if changes, err = apply.ChangesTemplate(desired, existing); err != nil {
			return err
		}
	}
	partition := p.state.rollouts.desiredPartition(desired, existing, changes)
	desired.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}
	return nil
}

// listObjects reads the objects with the network's labels from the cache.
func (r *Reconciler) listObjects(ctx context.Context, p *applyPass) error {
	p.existing, p.sets = map[string]client.Object{}, map[string]*appsv1.StatefulSet{}
	lists := []client.ObjectList{&corev1.ServiceList{}, &corev1.ConfigMapList{}, &appsv1.StatefulSetList{}}
	if r.budgets {
		lists = append(lists, &policyv1.PodDisruptionBudgetList{})
	}
	for _, list := range lists {
		if err := r.client.List(ctx, list, objectsOf(p.network)...); err != nil {
			return err
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			p.existing[apply.KeyOf(object)] = object
			if set, ok := object.(*appsv1.StatefulSet); ok && metav1.IsControlledBy(set, p.network) {
				p.sets[set.Name] = set
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// nameTaken is the outcome for an object whose name belongs to an unmanaged object or to a network that no longer exists; nil
// when the existing object is the network's own.
func (p *applyPass) nameTaken(key string, existing client.Object) *applyOutcome {
	waits, rejected := apply.NameTaken(key, existing, p.network, "BitcoinNetwork")
	if waits == "" && rejected == nil {
		return nil
	}
	return &applyOutcome{blocked: waits, rejected: rejected}
}

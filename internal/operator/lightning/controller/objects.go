package controller

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/disruption"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	operator "github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// appliedObjects are the network's objects after the pass has applied them.
type appliedObjects struct {
	// set is the StatefulSet as the API server returned it last, nil before it exists.
	set *appsv1.StatefulSet
	// rejected is the first object that could not be written where a retry does not help, and failed why another write failed; nil
	// for none.
	rejected *apply.Error
	failed   error
	// held is true when the pass left the writes out, because of an earlier failure.
	held bool
	// waitingFor describes which object has to wait for another one, "" for none.
	waitingFor string
}

// existingObjects reads the objects with the network's labels from the cache.
func (r *Reconciler) existingObjects(ctx context.Context, network *v1.LightningNetwork) (map[string]client.Object, error) {
	existing := map[string]client.Object{}
	lists := []client.ObjectList{&corev1.ServiceList{}, &corev1.ConfigMapList{}, &appsv1.StatefulSetList{}}
	if r.options.DisruptionBudgets {
		lists = append(lists, &policyv1.PodDisruptionBudgetList{})
	}
	for _, list := range lists {
		if err := r.client.List(ctx, list, objectsOf(network)...); err != nil {
			return nil, err
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			existing[apply.KeyOf(object)] = object
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return existing, nil
}

// setOf is the network's own StatefulSet among its objects, nil if it does not exist.
func setOf(network *v1.LightningNetwork, existing map[string]client.Object) *appsv1.StatefulSet {
	set, ok := existing["StatefulSet "+resources.ObjectName(network.Name)].(*appsv1.StatefulSet)
	if !ok || !metav1.IsControlledBy(set, network) {
		return nil
	}
	return set
}

// applyObjects brings the network's objects to the desired state, with so many nodes. Nothing is written when nothing differs.
func (r *Reconciler) applyObjects(ctx context.Context, network *v1.LightningNetwork, state *networkState, o *observed, nodes int) appliedObjects {
	if state.held != nil && r.options.Now().Before(state.retryAt) {
		held := *state.held
		held.set, held.held = setOf(network, o.existing), true
		return held
	}
	result := r.writeObjects(ctx, network, state, o, nodes)
	state.held = nil
	if result.rejected != nil || result.failed != nil {
		state.held = &result
	}
	return result
}

func (r *Reconciler) writeObjects(ctx context.Context, network *v1.LightningNetwork, state *networkState, o *observed, nodes int) (result appliedObjects) {
	bitcoin, existing := o.bitcoin, o.existing
	result.set = setOf(network, existing)
	objects, err := r.desiredObjects(network, bitcoin, result.set, nodes)
	if err != nil {
		result.failed = err
		return result
	}
	budget := resources.DisruptionBudget(network)
	if r.options.DisruptionBudgets && disruption.BudgetDesired(existing[apply.KeyOf(budget)] != nil, o.pods, r.options.Now()) {
		objects = append(objects, budget)
	}
	desired, inputs := map[string]bool{}, r.inputsOf(network, bitcoin, nodes)
	for _, object := range objects {
		desired[apply.KeyOf(object)] = true
	}
	for _, object := range objects {
		key := apply.KeyOf(object)
		written, waits, err := r.applyObject(ctx, network, state, inputs, object, existing[key])
		if set, ok := written.(*appsv1.StatefulSet); ok {
			result.set = set
		}
		if rejected, ok := errors.AsType[*apply.Error](err); ok {
			result.rejected = rejected
			break
		}
		// Later objects may need this one: pods need their configuration.
		if err != nil {
			result.failed = fmt.Errorf("apply %s: %w", key, err)
			break
		}
		if waits != "" {
			result.waitingFor = waits
			break
		}
	}
	// Also after a failure: an undesired object may occupy the quota that the desired one needs.
	keepBackends(desired, network.Name, bitcoin, nodes)
	if err := r.deleteUndesired(ctx, network, state, existing, desired); err != nil && result.failed == nil {
		result.failed = err
	}
	return result
}

// desiredObjects are the objects of the network in the order in which they are applied.
func (r *Reconciler) desiredObjects(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, existing *appsv1.StatefulSet, nodes int) ([]client.Object, error) {
	desired := network
	if nodes != int(network.Spec.Nodes) {
		desired = network.DeepCopy()
		desired.Spec.Nodes = int32(nodes) //nolint:gosec // at most 64
	}
	objects := resources.Build(desired, bitcoin, r.options.Settings)
	if existing == nil {
		return objects, nil
	}
	// An upgrade of the operator must not restart every node.
	if delivery, has := operator.RPCAuthDeliveryOf(existing); has && delivery != r.options.Settings.Delivery {
		earlier := r.options.Settings
		earlier.Delivery = delivery
		kept := resources.Build(desired, bitcoin, earlier)
		config, err := apply.New(kept[len(kept)-1])
		if err != nil {
			return nil, err
		}
		same, err := config.SameTemplate(existing)
		if err != nil {
			return nil, err
		}
		if same {
			objects = kept
		}
	}
	set := objects[len(objects)-1].(*appsv1.StatefulSet)
	apply.KeepClaimTemplates(set, existing)
	return objects, nil
}

// inputsOf changes with what the objects are built from.
func (r *Reconciler) inputsOf(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, nodes int) string {
	inputs := fmt.Sprintln(network.Generation, nodes, r.options.Settings.Credential(network).Salt)
	if bitcoin != nil {
		inputs += fmt.Sprintln(bitcoin.UID, bitcoin.Generation)
	}
	return inputs
}

// applyObject creates or changes one object, unless it is as desired, and returns what it has written.
func (r *Reconciler) applyObject(ctx context.Context, network *v1.LightningNetwork, state *networkState, inputs string, desired, existing client.Object) (written client.Object, waits string, err error) {
	key, writer := apply.KeyOf(desired), apply.Writer{Client: r.client, Live: r.live}
	if existing == nil {
		written, existing, err = writer.Create(ctx, desired)
		if err != nil || written != nil {
			return written, "", err
		}
	}
	if waits, rejected := apply.NameTaken(key, existing, network, resources.Kind); waits != "" || rejected != nil {
		if rejected != nil {
			return nil, "", rejected
		}
		return nil, waits, nil
	}
	// Comparing would be most of the work of a pass in which nothing has changed.
	mark := inputs + existing.GetResourceVersion()
	if state.applied[key] == mark {
		return nil, "", nil
	}
	config, err := apply.New(desired)
	if err != nil {
		return nil, "", err
	}
	drift, err := config.DriftOf(existing)
	if err != nil {
		return nil, "", err
	}
	if config.UpToDate(existing, drift) {
		state.applied[key] = mark
		return nil, "", nil
	}
	written, err = writer.Change(ctx, config, existing, drift)
	return written, "", err
}

// keepBackends adds the Services for bitcoinds of all nodes that run, also of those that still close their channels, while the BitcoinNetwork
// has no such node: LND resolves their names only when it starts.
func keepBackends(desired map[string]bool, name string, bitcoin *v1.BitcoinNetwork, nodes int) {
	for i := range nodes {
		if _, ok := resources.BackendOf(bitcoin, i); !ok {
			desired["Service "+resources.BackendServiceName(name, i)] = true
		}
	}
}

// deleteUndesired deletes the objects of removed nodes.
func (r *Reconciler) deleteUndesired(ctx context.Context, network *v1.LightningNetwork, state *networkState, existing map[string]client.Object, desired map[string]bool) error {
	for key, object := range existing {
		if desired[key] || !metav1.IsControlledBy(object, network) || !object.GetDeletionTimestamp().IsZero() {
			continue
		}
		log.FromContext(ctx).Info("Delete an object that is no longer desired", "object", key)
		delete(state.applied, key)
		if err := r.client.Delete(ctx, object, client.Preconditions{UID: ptr.To(object.GetUID())}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return nil
}

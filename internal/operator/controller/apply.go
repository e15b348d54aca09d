package controller

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// applyObject creates or changes one object, unless it is as desired.
func (r *Reconciler) applyObject(ctx context.Context, p *applyPass, desired client.Object) (applyOutcome, error) {
	existing := p.existing[keyOf(desired)]
	if existing == nil {
		return r.createObject(ctx, p, desired)
	}
	if taken := p.nameTaken(keyOf(desired), existing); taken != nil {
		return *taken, nil
	}
	last := p.state.applied[keyOf(desired)]
	if last == p.appliedAs(existing) && !p.proceeds(desired) {
		return applyOutcome{}, nil
	}
	return r.changeObject(ctx, p, desired, existing)
}

// createObject creates an object that is not in the cache. The cache has only objects with the labels of a network, and an apply
// would take over an unmanaged object of the same name, which would then be deleted with the network. A create fails instead.
func (r *Reconciler) createObject(ctx context.Context, p *applyPass, desired client.Object) (applyOutcome, error) {
	key := keyOf(desired)
	config, err := newConfiguration(desired)
	if err != nil {
		return applyOutcome{}, err
	}
	created := desired.DeepCopyObject().(client.Object)
	config.annotate(created)
	log.FromContext(ctx).V(1).Info("Create", "object", key)
	err = r.client.Create(ctx, created, client.FieldOwner(resources.FieldManager))
	// A quota that the object itself uses up forbids the create of an object that exists.
	if apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) {
		return r.changeUncached(ctx, p, desired, err)
	}
	if err != nil {
		return failedOutcome(rejectionOr(key, err))
	}
	p.state.applied[key] = p.appliedAs(created)
	set, _ := created.(*appsv1.StatefulSet)
	return applyOutcome{set: set}, nil
}

// changeUncached changes an object of the network that the cache does not have: it has just been created, or has lost its labels.
// An object that does not exist was not created because of createErr.
func (r *Reconciler) changeUncached(ctx context.Context, p *applyPass, desired client.Object, createErr error) (applyOutcome, error) {
	existing := newLike(desired)
	err := r.live.Get(ctx, client.ObjectKeyFromObject(desired), existing)
	if apierrors.IsNotFound(err) {
		return failedOutcome(rejectionOr(keyOf(desired), createErr))
	}
	if err != nil {
		return applyOutcome{}, err
	}
	if taken := p.nameTaken(keyOf(desired), existing); taken != nil {
		return *taken, nil
	}
	p.existing[keyOf(desired)] = existing
	set, isSet := desired.(*appsv1.StatefulSet)
	if !isSet {
		return r.changeObject(ctx, p, desired, existing)
	}
	p.sets[set.Name] = existing.(*appsv1.StatefulSet)
	// The ConfigMap has been applied before.
	_, set, err = r.desiredSet(p, nil, set)
	if err != nil {
		return applyOutcome{}, err
	}
	outcome, err := r.changeObject(ctx, p, set, existing)
	if outcome.set == nil {
		outcome.set = p.sets[set.Name]
	}
	return outcome, err
}

// changeObject applies an object that differs from the desired one.
func (r *Reconciler) changeObject(ctx context.Context, p *applyPass, desired, existing client.Object) (applyOutcome, error) {
	key := keyOf(desired)
	config, err := newConfiguration(desired)
	if err != nil {
		return applyOutcome{}, err
	}
	drift, err := config.driftOf(existing)
	if err != nil {
		return applyOutcome{}, err
	}
	if config.upToDate(existing, drift) {
		p.state.applied[key] = p.appliedAs(existing)
		return applyOutcome{}, nil
	}
	set, isSet := desired.(*appsv1.StatefulSet)
	if isSet {
		blocking, err := p.state.rollouts.blockingSet(set.Name, p.groups, p.desiredSets, p.sets)
		if err != nil {
			return applyOutcome{}, err
		}
		if blocking != "" {
			return applyOutcome{waits: fmt.Sprintf("StatefulSet %s waits until the nodes of StatefulSet %s have the new template and are synced", set.Name, blocking)}, nil
		}
	}
	written, err := r.write(ctx, key, config, existing, drift)
	if err != nil {
		return failedOutcome(err)
	}
	p.state.applied[key] = p.appliedAs(written)
	if !isSet {
		return applyOutcome{}, nil
	}
	// The cache has the change later, and pods of the old template would count as up to date until then.
	return applyOutcome{set: written.(*appsv1.StatefulSet)}, p.startRollout(set)
}

// startRollout records the start of a rollout, if an applied StatefulSet has another template than the existing one.
func (p *applyPass) startRollout(applied *appsv1.StatefulSet) error {
	changes, err := changesTemplate(applied, p.sets[applied.Name])
	if changes {
		p.state.rollouts[applied.Name] = rolloutStep{since: p.now, partition: partitionOf(applied)}
	}
	return err
}

// write applies a configuration to an existing object and removes foreign list items, which an apply leaves in place. It returns
// the object as the API server returned it.
func (r *Reconciler) write(ctx context.Context, key string, config *configuration, existing client.Object, d drift) (client.Object, error) {
	if err := r.takeOverCreated(ctx, key, existing); err != nil {
		return nil, rejectionOr(key, err)
	}
	log.FromContext(ctx).V(1).Info("Apply", "object", key)
	config.only(existing.GetUID())
	if err := r.client.Apply(ctx, config.object, client.FieldOwner(resources.FieldManager), client.ForceOwnership); err != nil {
		return nil, rejectionOr(key, err)
	}
	fields, err := asMap(config.object)
	if err != nil {
		return nil, err
	}
	// An empty object: a field that the API server does not return no longer exists.
	written := newLike(existing)
	if err := convert(fields, written); err != nil {
		return nil, fmt.Errorf("convert %s: %w", key, err)
	}
	if patch, items := removal(fields, written.GetResourceVersion(), d.foreign); len(items) > 0 {
		log.FromContext(ctx).Info("Remove foreign list items", "object", key, "fields", items)
		if err := r.client.Patch(ctx, written, patch, client.FieldOwner(resources.FieldManager)); err != nil {
			return nil, fmt.Errorf("remove foreign list items from %s: %w", key, err)
		}
	}
	return written, nil
}

// takeOverCreated makes the operator the owner by apply of what it owns by its create request: an apply removes only such fields. The
// cached object may be an old one, so a conflict is retried with the live one.
func (r *Reconciler) takeOverCreated(ctx context.Context, key string, cached client.Object) error {
	object := cached.DeepCopyObject().(client.Object)
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		upgrade, err := csaupgrade.UpgradeManagedFieldsPatch(object, sets.New(resources.FieldManager), resources.FieldManager)
		if err != nil {
			return fmt.Errorf("read the managed fields of %s: %w", key, err)
		}
		if upgrade == nil {
			return nil
		}
		log.FromContext(ctx).V(1).Info("Take over the fields from the create request", "object", key)
		err = r.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, upgrade), client.FieldOwner(resources.FieldManager))
		if !apierrors.IsConflict(err) {
			return err
		}
		object = newLike(cached)
		if getErr := r.live.Get(ctx, client.ObjectKeyFromObject(cached), object); getErr != nil {
			return getErr
		}
		return err
	})
}

// rejectionOr returns an applyError where a retry does not help, and other errors as they are.
func rejectionOr(key string, err error) error {
	if cause, ok := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid); ok && cause.Field == "metadata.uid" {
		return err // another object of the name, which the cache will have
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		return &applyError{v1.ReasonApplyRefused, fmt.Sprintf("the API server rejects %s: %s", key, foreignText(err.Error()))}
	}
	return err
}

// failedOutcome is that of a write that failed.
func failedOutcome(err error) (applyOutcome, error) {
	var rejected *applyError
	if errors.As(err, &rejected) {
		return applyOutcome{rejected: rejected}, nil
	}
	return applyOutcome{}, err
}

// proceeds reports whether a rollout or a scale-down proceeds: the network has not changed then, and neither has the object.
func (p *applyPass) proceeds(desired client.Object) bool {
	if config, isConfig := desired.(*corev1.ConfigMap); isConfig && p.slotsChange(config) {
		return true
	}
	set, ok := desired.(*appsv1.StatefulSet)
	return ok && (partitionOf(set) != partitionOf(p.sets[set.Name]) || p.scaleChanges(set))
}

// newLike is an empty object of the same type.
func newLike(object client.Object) client.Object {
	return reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
}

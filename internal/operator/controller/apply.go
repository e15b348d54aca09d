package controller

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
)

// objects writes the objects of the networks.
func (r *Reconciler) objects() apply.Writer {
	return apply.Writer{Client: r.client, Live: r.live}
}

// applyObject creates or changes one object, unless it is as desired.
func (r *Reconciler) applyObject(ctx context.Context, p *applyPass, desired client.Object) (applyOutcome, error) {
	existing := p.existing[apply.KeyOf(desired)]
	if existing == nil {
		return r.createObject(ctx, p, desired)
	}
	if taken := p.nameTaken(apply.KeyOf(desired), existing); taken != nil {
		return *taken, nil
	}
	last := p.state.applied[apply.KeyOf(desired)]
	if last == p.appliedAs(existing) && !p.proceeds(desired) {
		return applyOutcome{}, nil
	}
	return r.changeObject(ctx, p, desired, existing)
}

// createObject creates an object that is not in the cache.
func (r *Reconciler) createObject(ctx context.Context, p *applyPass, desired client.Object) (applyOutcome, error) {
	created, existing, err := r.objects().Create(ctx, desired)
	if err != nil {
		return failedOutcome(err)
	}
	if existing != nil {
		return r.changeUncached(ctx, p, desired, existing)
	}
	p.state.applied[apply.KeyOf(desired)] = p.appliedAs(created)
	set, _ := created.(*appsv1.StatefulSet)
	return applyOutcome{set: set}, nil
}

// changeUncached changes an object of the network that the cache does not have: it has just been created, or has lost its labels.
func (r *Reconciler) changeUncached(ctx context.Context, p *applyPass, desired, existing client.Object) (applyOutcome, error) {
	if taken := p.nameTaken(apply.KeyOf(desired), existing); taken != nil {
		return *taken, nil
	}
	p.existing[apply.KeyOf(desired)] = existing
	set, isSet := desired.(*appsv1.StatefulSet)
	if !isSet {
		return r.changeObject(ctx, p, desired, existing)
	}
	p.sets[set.Name] = existing.(*appsv1.StatefulSet)
	// The ConfigMap has been applied before.
	_, set, err := r.desiredSet(p, nil, set)
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
	key := apply.KeyOf(desired)
	config, err := apply.New(desired)
	if err != nil {
		return applyOutcome{}, err
	}
	drift, err := config.DriftOf(existing)
	if err != nil {
		return applyOutcome{}, err
	}
	if config.UpToDate(existing, drift) {
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
	written, err := r.objects().Change(ctx, config, existing, drift)
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
	changes, err := apply.ChangesTemplate(applied, p.sets[applied.Name])
	if changes {
		p.state.rollouts[applied.Name] = rolloutStep{since: p.now, partition: partitionOf(applied)}
	}
	return err
}

// failedOutcome is that of a write that failed.
func failedOutcome(err error) (applyOutcome, error) {
	if rejected, ok := errors.AsType[*apply.Error](err); ok {
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

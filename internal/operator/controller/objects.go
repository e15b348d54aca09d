package controller

import (
	"context"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// annotationApplied carries a hash of what was applied. A field that is no longer wanted does not show in a comparison of
// the wanted fields with the object; it does in the hash, also after a restart of the operator.
const annotationApplied = v1.GroupName + "/applied"

// refusal is an object that could not be written for a reason that trying again does not mend.
type refusal struct{ reason, message string }

// appliedObject is what the operator wrote last.
type appliedObject struct {
	// generation of the network that the object was made from.
	generation int64
	// resourceVersion that the object had when it was last found to be, or made, as it should be.
	resourceVersion string
}

// applyObjects brings the network's objects to what the spec asks for. Nothing is written when nothing differs.
func (r *Reconciler) applyObjects(ctx context.Context, l *look) error {
	l.groups = resources.Groups(l.network, r.settings.NodeImage)
	l.sets = map[string]*appsv1.StatefulSet{}
	there, err := r.ownedObjects(ctx, l)
	if err != nil {
		return err
	}
	l.watchChanged()
	objects, err := r.wantedObjects(l)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, object := range objects {
		wanted[keyOf(object)] = true
	}
	for _, object := range objects {
		key := keyOf(object)
		if err := r.applyObject(ctx, l, key, object, there[key]); err != nil {
			return err
		}
		// What follows may need this one: pods their configuration.
		if l.refused != nil || l.collected {
			break
		}
	}
	// Also when something is refused: this may be what takes the room in a quota.
	for key, object := range there {
		if wanted[key] || !metav1.IsControlledBy(object, l.network) || !object.GetDeletionTimestamp().IsZero() {
			continue
		}
		log.FromContext(ctx).Info("delete an object that is no longer wanted", "object", key)
		delete(l.memory.applied, key)
		if err := r.client.Delete(ctx, object, client.Preconditions{UID: uidOf(object)}); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// wantedObjects are those that the spec asks for, in the order in which they are made.
func (r *Reconciler) wantedObjects(l *look) ([]client.Object, error) {
	objects := resources.Build(l.network, r.settings)
	l.wanted = map[string]*appsv1.StatefulSet{}
	for i, object := range objects {
		set, ok := object.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		set, err := r.keepHelper(l.network, set, l.sets[set.Name])
		if err != nil {
			return nil, err
		}
		if err := l.holdBack(set); err != nil {
			return nil, err
		}
		objects[i], l.wanted[set.Name] = set, set
	}
	return objects, nil
}

// ownedObjects returns the objects that carry the network's labels, from the cache.
func (r *Reconciler) ownedObjects(ctx context.Context, l *look) (map[string]client.Object, error) {
	there := map[string]client.Object{}
	for _, list := range []client.ObjectList{&corev1.ServiceList{}, &corev1.ConfigMapList{}, &appsv1.StatefulSetList{}} {
		err := r.client.List(ctx, list, objectsOf(l.network)...)
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			there[keyOf(object)] = object
			if set, ok := object.(*appsv1.StatefulSet); ok && metav1.IsControlledBy(set, l.network) {
				l.sets[set.Name] = set
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// nameIsTaken tells whether an object of that name is somebody else's, or that of a network that is gone.
func (l *look) nameIsTaken(key string, there client.Object) bool {
	if metav1.IsControlledBy(there, l.network) {
		return false
	}
	if !there.GetDeletionTimestamp().IsZero() || ownedByGoneNetwork(there, l.network) {
		// The garbage collector is at it: what an earlier network of this name left goes by itself.
		l.recheckIn, l.collected = lastWait, true
		l.waiting = key + " waits until that of an earlier network of this name is gone"
		return true
	}
	l.refused = &refusal{v1.ReasonNameTaken,
		fmt.Sprintf("%s exists and does not belong to this network: delete it, or choose another name for the network", key)}
	return true
}

// nameIsFree asks the API server itself: the cache has only what is labelled as a network's, and what somebody else made
// under this name would be taken over, and go with the network.
func (r *Reconciler) nameIsFree(ctx context.Context, l *look, key string, wanted client.Object) (bool, error) {
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(wanted.GetObjectKind().GroupVersionKind())
	err := r.live.Get(ctx, client.ObjectKeyFromObject(wanted), there)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && !l.nameIsTaken(key, there), err
}

func (r *Reconciler) applyObject(ctx context.Context, l *look, key string, wanted, there client.Object) error {
	if there == nil {
		if free, err := r.nameIsFree(ctx, l, key, wanted); err != nil || !free {
			return err
		}
	} else if l.nameIsTaken(key, there) {
		return nil
	}
	last := l.memory.applied[key]
	set, isSet := wanted.(*appsv1.StatefulSet)
	goesOn := isSet && heldBack(set) != heldBack(l.sets[set.Name])
	if there != nil && !goesOn && last.generation == l.network.Generation && last.resourceVersion == there.GetResourceVersion() {
		return nil
	}
	desired, err := toApply(wanted)
	if err != nil {
		return err
	}
	if there != nil {
		same, err := matches(desired, there)
		if err != nil {
			return err
		}
		if same {
			l.memory.applied[key] = appliedObject{l.network.Generation, there.GetResourceVersion()}
			return nil
		}
	}
	if isSet {
		if wait, err := l.waits(set); err != nil || wait {
			return err
		}
	}
	made, err := r.write(ctx, l, key, desired)
	if err != nil || made == nil {
		return err
	}
	l.memory.applied[key] = appliedObject{l.network.Generation, made.GetResourceVersion()}
	if !isSet {
		return nil
	}
	return l.takeOver(set, made)
}

// write applies an object, and takes out what others have put into its lists. It returns what the API server made of it, nil when
// it is refused.
func (r *Reconciler) write(ctx context.Context, l *look, key string, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	log.FromContext(ctx).V(1).Info("apply", "object", key)
	made := desired.DeepCopy()
	err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(made), client.FieldOwner(resources.FieldManager), client.ForceOwnership)
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		l.refused = &refusal{v1.ReasonApplyRefused, fmt.Sprintf("the API server refuses %s: %v", key, err)}
		return nil, nil
	case err != nil:
		return nil, err
	}
	if alien := strangers(made.Object["spec"], desired.Object["spec"], "/spec"); len(alien) > 0 {
		log.FromContext(ctx).Info("take out what somebody else has added", "object", key, "fields", alien)
		if err := r.client.Patch(ctx, made, removal(made.GetResourceVersion(), alien), client.FieldOwner(resources.FieldManager)); err != nil {
			return nil, fmt.Errorf("take out of %s what somebody else has added: %w", key, err)
		}
	}
	return made, nil
}

// takeOver has the rest of the look judge a StatefulSet by what the API server made of it: the cache will have the change later, and
// would call pods of the old template up to date until then.
func (l *look) takeOver(wanted *appsv1.StatefulSet, made *unstructured.Unstructured) error {
	set := &appsv1.StatefulSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(made.Object, set); err != nil {
		return fmt.Errorf("read what the API server made of %s: %w", wanted.Name, err)
	}
	changes, err := changesTemplate(wanted, l.sets[wanted.Name])
	if changes {
		l.memory.rolled[wanted.Name] = change{l.now, heldBack(wanted)}
	}
	l.sets[wanted.Name] = set
	return err
}

// ownedByGoneNetwork tells whether an object's controller is a network of the same name that is no more.
func ownedByGoneNetwork(object client.Object, network *v1.BitcoinNetwork) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.Kind == "BitcoinNetwork" && owner.Name == network.Name && owner.UID != network.UID
}

// keyOf names an object for people and maps: "StatefulSet my-network-sts".
func keyOf(object client.Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = reflect.TypeOf(object).Elem().Name()
	}
	return kind + " " + object.GetName()
}

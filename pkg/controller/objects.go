package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/resources"
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
	objects, err := r.wantedObjects(l)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, object := range objects {
		key := keyOf(object)
		wanted[key] = true
		if err := r.applyObject(ctx, l, key, object, there[key]); err != nil {
			return err
		}
		if l.refused != nil {
			return nil
		}
	}
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
		l.recheckIn = lastWait
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
	if there != nil && last.generation == l.network.Generation && last.resourceVersion == there.GetResourceVersion() {
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
	set, isSet := wanted.(*appsv1.StatefulSet)
	if isSet {
		if wait, err := l.waits(set); err != nil || wait {
			return err
		}
	}
	log.FromContext(ctx).V(1).Info("apply", "object", key)
	err = r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired),
		client.FieldOwner(resources.FieldManager), client.ForceOwnership)
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		l.refused = &refusal{v1.ReasonApplyRefused, fmt.Sprintf("the API server refuses %s: %v", key, err)}
		return nil
	case err != nil:
		return err
	}
	l.memory.applied[key] = appliedObject{l.network.Generation, desired.GetResourceVersion()}
	if !isSet {
		return nil
	}
	// The cache will have the change later, and would call pods of the old template up to date until then.
	made := &appsv1.StatefulSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(desired.Object, made); err != nil {
		return fmt.Errorf("read what the API server made of %s: %w", key, err)
	}
	l.sets[made.Name] = made
	return nil
}

// waits tells whether a StatefulSet's new template has to wait, since the pods of another one are being replaced, or are not
// ready after that: a change never takes all nodes of a network at once. One that is itself to be changed again holds up
// nobody: the change may be what mends it.
func (l *look) waits(wanted *appsv1.StatefulSet) (bool, error) {
	there := l.sets[wanted.Name]
	if there == nil {
		return false, nil
	}
	if same, err := sameTemplate(wanted, there); err != nil || same {
		return false, err
	}
	for _, other := range l.sets {
		want := l.wanted[other.Name]
		if other.Name == wanted.Name || want == nil {
			continue
		}
		same, err := sameTemplate(want, other)
		if err != nil {
			return false, err
		}
		if same && !settledSet(other) {
			l.waiting = fmt.Sprintf("%s waits until the nodes of %s are ready", wanted.Name, other.Name)
			return true, nil
		}
	}
	return false, nil
}

// settledSet tells whether all pods of a StatefulSet have its template and are ready.
func settledSet(set *appsv1.StatefulSet) bool {
	nodes := int32(1)
	if set.Spec.Replicas != nil {
		nodes = *set.Spec.Replicas
	}
	return rollout(set, int(nodes)) == "" && set.Status.ReadyReplicas >= nodes
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

// ownedByGoneNetwork tells whether an object's controller is a network of the same name that is no more.
func ownedByGoneNetwork(object client.Object, network *v1.BitcoinNetwork) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.Kind == "BitcoinNetwork" && owner.Name == network.Name && owner.UID != network.UID
}

// toApply is an object as server-side apply takes it: only the fields that the operator has an opinion on.
func toApply(object client.Object) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", keyOf(object), err)
	}
	delete(fields, "status")
	dropNulls(fields)
	applied := &unstructured.Unstructured{Object: fields}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", keyOf(object), err)
	}
	annotations := applied.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	sum := sha256.Sum256(text)
	annotations[annotationApplied] = hex.EncodeToString(sum[:8])
	applied.SetAnnotations(annotations)
	return applied, nil
}

// dropNulls removes fields that typed objects have no way to leave out, such as creationTimestamp.
func dropNulls(fields map[string]any) {
	for key, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, key)
		case map[string]any:
			dropNulls(value)
			if key == "status" && len(value) == 0 {
				delete(fields, key)
			}
		case []any:
			for _, item := range value {
				if fields, ok := item.(map[string]any); ok {
					dropNulls(fields)
				}
			}
		}
	}
}

// matches tells whether an object has all the fields that are desired. What others added beside them is theirs.
func matches(desired *unstructured.Unstructured, there client.Object) (bool, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(there)
	if err != nil {
		return false, fmt.Errorf("convert %s: %w", keyOf(there), err)
	}
	for key, value := range desired.Object {
		// Objects of a typed list carry no kind of their own.
		if key == "apiVersion" || key == "kind" {
			continue
		}
		if !contains(fields[key], value) {
			return false, nil
		}
	}
	return true, nil
}

// contains compares desired with there: maps by the desired keys, lists item by item, the rest by value.
func contains(there, desired any) bool {
	switch desired := desired.(type) {
	case map[string]any:
		fields, ok := there.(map[string]any)
		if !ok {
			return len(desired) == 0 && there == nil
		}
		for key, value := range desired {
			if !contains(fields[key], value) {
				return false
			}
		}
		return true
	case []any:
		items, ok := there.([]any)
		if !ok || len(items) != len(desired) {
			return len(desired) == 0 && there == nil
		}
		for i := range desired {
			if !contains(items[i], desired[i]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(there, desired)
	}
}

// keyOf names an object for people and maps: "StatefulSet my-network-sts".
func keyOf(object client.Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = reflect.TypeOf(object).Elem().Name()
	}
	return kind + " " + object.GetName()
}

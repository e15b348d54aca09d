package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Error is why an object could not be written, where a retry does not help.
type Error struct {
	// Reason is one of a condition.
	Reason, Message string
}

func (e *Error) Error() string { return e.Message }

// Writer writes objects by server-side apply.
type Writer struct {
	Client client.Client
	// Live reads from the API server, bypassing the cache.
	Live client.Reader
}

// Create creates an object that is not in the cache. The cache has only objects with the labels of the operator, and an apply would
// take over an unmanaged object of the same name, which would then be deleted with its owner. A create fails instead: then it returns the
// object that exists already, or has lost its labels.
func (w Writer) Create(ctx context.Context, desired client.Object) (created, existing client.Object, err error) {
	key := KeyOf(desired)
	config, err := New(desired)
	if err != nil {
		return nil, nil, err
	}
	created = desired.DeepCopyObject().(client.Object)
	config.Annotate(created)
	log.FromContext(ctx).V(1).Info("Create", "object", key)
	createErr := w.Client.Create(ctx, created, client.FieldOwner(resources.FieldManager))
	// A quota that the object itself uses up forbids the create of an object that exists.
	if !apierrors.IsAlreadyExists(createErr) && !apierrors.IsForbidden(createErr) {
		if err := rejectionOr(key, createErr); err != nil {
			return nil, nil, err
		}
		return created, nil, nil
	}
	existing = newLike(desired)
	err = w.Live.Get(ctx, client.ObjectKeyFromObject(desired), existing)
	if apierrors.IsNotFound(err) {
		return nil, nil, rejectionOr(key, createErr)
	}
	return nil, existing, err
}

// Change applies a configuration to an existing object and removes foreign list items, which an apply leaves in place. It returns
// the object as the API server returned it.
func (w Writer) Change(ctx context.Context, config *Configuration, existing client.Object, d Drift) (client.Object, error) {
	key := KeyOf(existing)
	if err := w.takeOverCreated(ctx, key, existing); err != nil {
		return nil, rejectionOr(key, err)
	}
	log.FromContext(ctx).V(1).Info("Apply", "object", key)
	config.only(existing.GetUID())
	if err := w.Client.Apply(ctx, config.object, client.FieldOwner(resources.FieldManager), client.ForceOwnership); err != nil {
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
	if patch, items := removal(fields, written.GetResourceVersion(), d.Foreign); len(items) > 0 {
		log.FromContext(ctx).Info("Remove foreign list items", "object", key, "fields", items)
		if err := w.Client.Patch(ctx, written, patch, client.FieldOwner(resources.FieldManager)); err != nil {
			return nil, fmt.Errorf("remove foreign list items from %s: %w", key, err)
		}
	}
	return written, nil
}

// takeOverCreated makes the operator the owner by apply of what it owns by its create request: an apply removes only such fields. The
// cached object may be an old one, so a conflict is retried with the live one.
func (w Writer) takeOverCreated(ctx context.Context, key string, cached client.Object) error {
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
		err = w.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, upgrade), client.FieldOwner(resources.FieldManager))
		if !apierrors.IsConflict(err) {
			return err
		}
		object = newLike(cached)
		if getErr := w.Live.Get(ctx, client.ObjectKeyFromObject(cached), object); getErr != nil {
			return getErr
		}
		return err
	})
}

// rejectionOr returns an Error where a retry does not help, and other errors as they are.
func rejectionOr(key string, err error) error {
	if cause, ok := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid); ok && cause.Field == "metadata.uid" {
		return err // another object of the name, which the cache will have
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		return &Error{v1.ReasonApplyRefused, fmt.Sprintf("the API server rejects %s: %s", key, phrase.Quote(err.Error()))}
	}
	return err
}

// PassesByItself reports whether a request failed since the operator had not seen the latest state of an object, which the cache will have
// in a moment, or was not sent since the lease has not been renewed.
func PassesByItself(err error) bool {
	_, otherUID := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid)
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) || otherUID || errors.Is(err, lease.ErrNotRenewed)
}

// NameTaken reports that an object with a desired name is not the owner's own: it is waited for while it is being deleted or belongs to
// an owner that no longer exists, and rejected when it is unmanaged. Both are empty for the owner's own.
func NameTaken(key string, existing, owner client.Object, ownerKind string) (waits string, rejected *Error) {
	if metav1.IsControlledBy(existing, owner) {
		return "", nil
	}
	if !existing.GetDeletionTimestamp().IsZero() || ofFormerOwner(existing, owner, ownerKind) {
		return fmt.Sprintf("waiting until the garbage collector has deleted %s of an earlier network with the same name", key), nil
	}
	return "", &Error{v1.ReasonNameTaken,
		fmt.Sprintf("%s exists and does not belong to this network: delete it, or choose another name for the network", key)}
}

// ofFormerOwner reports whether an object's controller is an owner of the same kind and name that no longer exists.
func ofFormerOwner(object, owner client.Object, kind string) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.Kind == kind && controller.Name == owner.GetName() && controller.UID != owner.GetUID()
}

// KeyOf names an object for messages and maps: "StatefulSet my-network-sts".
func KeyOf(object client.Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = reflect.TypeOf(object).Elem().Name()
	}
	return kind + " " + object.GetName()
}

// newLike is an empty object of the same type.
func newLike(object client.Object) client.Object {
	return reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
}

package passes

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Read reads the network of a pass; false for one that is being deleted, or is: gone is called then.
func Read(ctx context.Context, reader client.Reader, key types.NamespacedName, into client.Object, gone func()) (exists bool, err error) {
	if err := reader.Get(ctx, key, into); err != nil {
		if apierrors.IsNotFound(err) {
			gone()
			return false, nil
		}
		return false, err
	}
	return into.GetDeletionTimestamp().IsZero(), nil
}

// Changes of a network that start a pass: not those of its status, which the passes write.
func Changes() builder.Predicates {
	return builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, Deletion{}))
}

// BudgetChanges are those of a disruption budget that start a pass: its status changes with every pod, which is watched anyway.
func BudgetChanges() builder.Predicates {
	return builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, Deletion{}))
}

// Deletion passes the update that sets a deletion timestamp, which changes the generation of some kinds only.
type Deletion struct{ predicate.Funcs }

// Update implements predicate.Predicate.
func (Deletion) Update(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}

// SendTo returns a function that requests a pass of a network. When the channel is full, the request is dropped: the next poll
// is soon enough.
func SendTo(passes chan<- event.GenericEvent, newNetwork func() client.Object) func(types.NamespacedName) {
	return func(key types.NamespacedName) {
		network := newNetwork()
		network.SetNamespace(key.Namespace)
		network.SetName(key.Name)
		select {
		case passes <- event.GenericEvent{Object: network}:
		default:
		}
	}
}

package controller

import (
	"fmt"
	"maps"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxRetryInterval bounds the time between two requests that the API server does not carry out. With the default, a network would
// wait up to a quarter of an hour after a recovery of the API server.
const maxRetryInterval = 30 * time.Second

// heldWrites are the writes of a network's objects after the API server has not carried out one of them. Until it is time to try again,
// or the network or one of the objects changes, passes report the result and write no object: a network may mine, or restart nodes,
// every second.
type heldWrites struct {
	marks  map[string]string
	result appliedObjects
}

// holdsWrites reports whether a pass leaves the writes out.
func (p *applyPass) holdsWrites() bool {
	held := p.state.held
	return held != nil && p.now.Before(p.state.retryAt) && maps.Equal(held.marks, p.marks())
}

// marks are texts that change when an object of the network, or what the operator wants of it, changes.
func (p *applyPass) marks() map[string]string {
	marks := make(map[string]string, len(p.existing)+len(p.state.rollouts)+1)
	for key, object := range p.existing {
		marks[key] = markOf(object)
	}
	marks[""] = p.salt
	for name, step := range p.state.rollouts {
		marks[name] = fmt.Sprint(step.partition)
	}
	return marks
}

// markOf an object changes with everything but the status of a StatefulSet, which changes whenever one of its pods does.
func markOf(object client.Object) string {
	set, ok := object.(*appsv1.StatefulSet)
	if !ok {
		return fmt.Sprint(object.GetUID(), object.GetResourceVersion())
	}
	var mark strings.Builder
	fmt.Fprint(&mark, set.UID, set.Generation, set.Labels, set.Annotations, set.OwnerReferences)
	for _, entry := range set.ManagedFields {
		if entry.Subresource == "" {
			fmt.Fprint(&mark, entry.Manager, entry.Operation, entry.Time)
		}
	}
	return mark.String()
}

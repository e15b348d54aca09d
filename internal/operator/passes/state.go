// Package passes has what the reconcile passes of both kinds of network have in common: how one begins and waits, and what is kept between
// two of them.
package passes

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Store keeps the state S of each network between two reconcile passes. Its zero value is empty.
type Store[S any] struct {
	mu       sync.Mutex
	networks map[types.NamespacedName]stored[S]
}

type stored[S any] struct {
	uid   types.UID
	state *S
}

// Of returns the state of a network, a new one if an earlier network of the same name had another UID.
func (s *Store[S]) Of(network client.Object, create func() *S) *S {
	key := client.ObjectKeyFromObject(network)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.networks[key]; ok && known.uid == network.GetUID() {
		return known.state
	}
	if s.networks == nil {
		s.networks = map[types.NamespacedName]stored[S]{}
	}
	state := create()
	s.networks[key] = stored[S]{network.GetUID(), state}
	return state
}

// Forget a network that was deleted.
func (s *Store[S]) Forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.networks, key)
}

// All states.
func (s *Store[S]) All() map[types.NamespacedName]*S {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[types.NamespacedName]*S, len(s.networks))
	for key, known := range s.networks {
		all[key] = known.state
	}
	return all
}

// Written is the status that was patched last, and the resource version that the network has since then.
type Written[Status any] struct {
	ResourceVersion string
	Status          *Status
}

// Restore replaces the status and the version of a network from a cache that has not seen the last patch yet, and forgets the patch when the
// cache has. Otherwise the pass would record the events of that patch again, and its own patch would conflict with that one.
func Restore[Status any, P interface {
	*Status
	DeepCopyInto(out *Status)
}](written *Written[Status], network client.Object, status P) *Written[Status] {
	if written == nil {
		return nil
	}
	if order, err := resourceversion.CompareResourceVersion(network.GetResourceVersion(), written.ResourceVersion); err == nil && order < 0 {
		P(written.Status).DeepCopyInto(status)
		network.SetResourceVersion(written.ResourceVersion)
		return written
	}
	return nil
}

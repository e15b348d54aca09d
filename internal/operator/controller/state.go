package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// stateStore keeps the state of each network between two reconcile passes. A restarted operator starts without it and
// observes everything again, or derives it from the API server and the nodes, see resume.go.
type stateStore struct {
	mu       sync.Mutex
	networks map[types.NamespacedName]*networkState
}

func newStateStore() *stateStore {
	return &stateStore{networks: map[types.NamespacedName]*networkState{}}
}

// of returns the state of a network, a new one if an earlier network of the same name had another UID.
func (s *stateStore) of(network *v1.BitcoinNetwork) *networkState {
	key := types.NamespacedName{Namespace: network.Namespace, Name: network.Name}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.networks[key]; known != nil && known.uid == network.UID {
		return known
	}
	state := newNetworkState(network)
	s.networks[key] = state
	return state
}

func (s *stateStore) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.networks, key)
}

// observations returns the latest observation of every network, for the metrics.
func (s *stateStore) observations() map[types.NamespacedName]observation {
	s.mu.Lock()
	shared := make(map[types.NamespacedName]*sharedState, len(s.networks))
	for key, state := range s.networks {
		shared[key] = state.shared
	}
	s.mu.Unlock()
	latest := make(map[types.NamespacedName]observation, len(shared))
	for key, state := range shared {
		if observed, ok := state.lastObservation(); ok {
			latest[key] = observed
		}
	}
	return latest
}

// networkState is the state that only reconcile passes use. The work queue runs one pass of a network at a time, so that it
// needs no lock. What background calls and the metrics use as well is in shared.
type networkState struct {
	key    types.NamespacedName
	uid    types.UID
	shared *sharedState

	// applied are the objects as the operator wrote them last, by kind and name.
	applied map[string]appliedObject
	// held are the writes of objects after one of them failed; nil when none did.
	held *heldWrites
	// statusFailed is true when the last patch of the status failed.
	statusFailed bool
	// retryAt is when what failed is tried again, in a network of this generation.
	retryAt    time.Time
	generation int64
	// rollouts are the template changes in progress; nil before the first pass.
	rollouts rollouts
	// settlingResumed is true after the first pass, see resumeSettling.
	settlingResumed bool
	// scaleDown is the removal of nodes in progress; nil for none.
	scaleDown *scaleDown
	claims    claims.State
	mining    miningSchedule
	lastPass  lastPass
	backoff   backoff.Backoff
	// behind are the nodes that are behind their peers.
	behind behindNodes
	// unsyncedSince is when the chains of a synced network were first seen to differ; zero while they do not.
	unsyncedSince time.Time
	// recorded is what the events reported last.
	recorded recordedEvents
	// written is the status that was patched last, until the cache has it.
	written *writtenStatus
}

func newNetworkState(network *v1.BitcoinNetwork) *networkState {
	return &networkState{
		key: types.NamespacedName{Namespace: network.Namespace, Name: network.Name}, uid: network.UID,
		shared: newSharedState(), applied: map[string]appliedObject{},
	}
}

// writtenStatus is a status and the resource version that the network has since it was written.
type writtenStatus struct {
	resourceVersion string
	status          *v1.BitcoinNetworkStatus
}

// restoreStatus replaces the status of a network from a cache that has not seen the last patch yet. Otherwise the pass would
// record the events of that patch again.
func (s *networkState) restoreStatus(network *v1.BitcoinNetwork) {
	if s.written == nil {
		return
	}
	if order, err := resourceversion.CompareResourceVersion(network.ResourceVersion, s.written.resourceVersion); err == nil && order < 0 {
		s.written.status.DeepCopyInto(&network.Status)
		return
	}
	s.written = nil
}

package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// stateStore keeps the state of each network between two reconcile passes. A restarted operator starts without it and
// observes everything again, or derives it from the API server and the nodes, see resume.go.
type stateStore struct{ passes.Store[networkState] }

func newStateStore() *stateStore { return &stateStore{} }

func (s *stateStore) of(network *v1.BitcoinNetwork) *networkState {
	return s.Of(network, func() *networkState { return newNetworkState(network) })
}

// observations returns the latest observation of every network, for the metrics.
func (s *stateStore) observations() map[types.NamespacedName]observation {
	latest := map[types.NamespacedName]observation{}
	for key, state := range s.All() {
		if observed, ok := state.shared.lastObservation(); ok {
			latest[key] = observed
		}
	}
	return latest
}

// networkState is the state that only reconcile passes use. The work queue runs one pass of a network at a time, so that it
// needs no lock. What background calls and the metrics use as well is in shared.
type networkState struct {
	key    types.NamespacedName
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
	// unsyncedSince is when the chains of a synced network were first seen to differ; zero while they do not.
	unsyncedSince time.Time
	// recorded is what the events reported last.
	recorded recordedEvents
	// written is the status that was patched last, until the cache has it.
	written *passes.Written[v1.BitcoinNetworkStatus]
}

func newNetworkState(network *v1.BitcoinNetwork) *networkState {
	return &networkState{
		key:    types.NamespacedName{Namespace: network.Namespace, Name: network.Name},
		shared: newSharedState(), applied: map[string]appliedObject{},
	}
}

func (s *networkState) restoreStatus(network *v1.BitcoinNetwork) {
	s.written = passes.Restore(s.written, network, &network.Status)
}

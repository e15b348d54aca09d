package controller

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// stateStore keeps the state of each network between two reconcile passes. A restarted operator starts without it: the nodes have all
// that matters.
type stateStore struct{ passes.Store[networkState] }

func newStateStore() *stateStore { return &stateStore{} }

func (s *stateStore) of(network *v1.LightningNetwork) *networkState {
	return s.Of(network, func() *networkState {
		return &networkState{
			key: client.ObjectKeyFromObject(network), applied: map[string]string{}, since: map[string]time.Time{}, shared: newShared(),
			last: lastAnswers{answers[*api.State]{}, answers[bitcoinAnswer]{}},
		}
	})
}

// observations returns the latest status of every network, for the metrics.
func (s *stateStore) observations() map[types.NamespacedName]v1.LightningNetworkStatus {
	latest := map[types.NamespacedName]v1.LightningNetworkStatus{}
	for key, state := range s.All() {
		if status := state.shared.observedStatus(); status != nil {
			latest[key] = *status
		}
	}
	return latest
}

// networkState is the state that only reconcile passes use. The work queue runs one pass of a network at a time, so that it needs no
// lock. What background calls and the metrics use as well is in shared.
type networkState struct {
	key    types.NamespacedName
	shared *shared
	// applied has the version of each object as the operator wrote it, or found it to be as desired, by kind and name.
	applied map[string]string
	claims  claims.State
	// last are the last answers of the nodes.
	last lastAnswers
	// since are the marks of the plans.
	since   map[string]time.Time
	backoff backoff.Backoff
	// generation is that of the last pass, and retryAt when an object that the API server rejected is written again.
	generation int64
	retryAt    time.Time
	held       *appliedObjects
	// statusFailed is true when the last patch of the status failed.
	statusFailed bool
	// written is the status that was patched last, until the cache has it.
	written *passes.Written[v1.LightningNetworkStatus]
}

func (s *networkState) restoreStatus(network *v1.LightningNetwork) {
	s.written = passes.Restore(s.written, network, &network.Status)
}

// mark keeps the times of the marks that a plan has set, and forgets the others.
func (s *networkState) mark(marks map[string]bool, now time.Time) {
	for mark := range s.since {
		if !marks[mark] {
			delete(s.since, mark)
		}
	}
	for mark := range marks {
		if _, known := s.since[mark]; !known {
			s.since[mark] = now
		}
	}
}

// shared is the state of a network that background calls and the metrics use beside the reconcile pass.
type shared struct {
	mu       sync.Mutex
	busy     map[string]bool
	failures map[string]plan.Failure
	// wallets are addresses of the wallets, by public key.
	wallets map[string]string
	mined   plan.Mined
	// minedTo are the heights after the last mining on each node of the BitcoinNetwork with the UID minedOn.
	minedTo map[int]minedHeight
	minedOn types.UID
	// observed is the latest status; nil before the first.
	observed *v1.LightningNetworkStatus
}

func newShared() *shared {
	return &shared{busy: map[string]bool{}, failures: map[string]plan.Failure{}, wallets: map[string]string{}, minedTo: map[int]minedHeight{}}
}

func (s *shared) observe(status *v1.LightningNetworkStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed = status.DeepCopy()
}

func (s *shared) observedStatus() *v1.LightningNetworkStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.observed
}

// begin claims an action; false while it is in progress.
func (s *shared) begin(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[key] {
		return false
	}
	s.busy[key] = true
	return true
}

func (s *shared) end(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, key)
}

// report stores the result of an action, nil for a success.
func (s *shared) report(key string, failure *plan.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure == nil {
		delete(s.failures, key)
		return
	}
	// An action that only waited has not failed, however often: the user must act only after some real failures.
	if before := s.failures[key]; before.Passes == failure.Passes && (before.Message != "" || failure.Message == "") {
		failure.Count = before.Count
	}
	failure.Count++
	s.failures[key] = *failure
}

// failureLifetime is how long a failure counts that is not repeated.
const failureLifetime = 2 * time.Minute

// keepRecent forgets failures of actions that are not tried any more.
func (s *shared) keepRecent(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, failure := range s.failures {
		if !s.busy[key] && now.Sub(failure.At) > failureLifetime {
			delete(s.failures, key)
		}
	}
}

// inProgress are the actions that have not ended yet.
func (s *shared) inProgress() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.busy)
}

// inputs sets what the background actions have reported, with the addresses of the nodes' wallets. The nodes may have answered before an
// action that was in progress when the pass started, or ended since: it counts as in progress.
func (s *shared) inputs(in *plan.Inputs, before map[string]bool, started time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mined = s.mined.Restored(in)
	in.Busy, in.Failures, in.Mined = maps.Clone(s.busy), maps.Clone(s.failures), s.mined
	maps.Copy(in.Busy, before)
	if s.mined.At.After(started) {
		in.Busy[plan.KeyMine] = true
	}
	for i := range in.Nodes {
		if state := in.Nodes[i].State; state != nil && state.Info != nil {
			in.Nodes[i].Wallet = s.wallets[state.Info.PubKey]
		}
	}
}

// await keeps how many blocks were mined for what still waits for some.
func (s *shared) await(p *plan.Plan, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mined = s.mined.Await(p, now)
}

// minedHeights are the heights after the last mining on the nodes of a BitcoinNetwork, as long as they count.
func (s *shared) minedHeights(on types.UID, now time.Time) map[int]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	heights := map[int]int64{}
	for ordinal, mined := range s.minedTo {
		if s.minedOn == on && !mined.expired(now) {
			heights[ordinal] = mined.height
		}
	}
	return heights
}

package controller

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// syncGracePeriod is how long a ready network may be behind or forked before Synced turns false: blocks on their way, also a
	// hundred at once, are no reason for an alarm.
	syncGracePeriod = 3 * time.Second
	// syncRecheckInterval is the time between two passes in the grace period.
	syncRecheckInterval = 500 * time.Millisecond
)

// conditionSet are all conditions of a network. Ready, Reconciling and Stalled are derived from the others.
type conditionSet struct {
	nodesReady, connected, synced condition.Result
	condition.Derived
	// mining is nil without spec.mining.
	mining *condition.Result
}

// stalledReasons are those of NodesReady that need the user to act.
var stalledReasons = []string{
	v1.ReasonSecretMissing, v1.ReasonImageUnavailable, v1.ReasonNodeFailing, v1.ReasonUnschedulable,
	v1.ReasonApplyRefused, v1.ReasonNameTaken, v1.ReasonPublishersMissing,
}

// deriveConditions derives Ready, Stalled and Reconciling. Within a grace period, whose rest is stalledIn, a network is not stalled.
func deriveConditions(nodesReady, connected, synced condition.Result, stalledIn time.Duration) conditionSet {
	whenMet := condition.True(v1.ReasonReady, "all nodes are ready, connected as specified, and on one branch")
	switch nodesReady.Reason {
	case v1.ReasonNoNodes:
		whenMet = nodesReady
	case v1.ReasonRPCBusy:
		whenMet = condition.True(v1.ReasonRPCBusy, whenMet.Message+"; "+nodesReady.Message)
	}
	var stalled *condition.Result
	if !nodesReady.Met && stalledIn == 0 && slices.Contains(stalledReasons, nodesReady.Reason) {
		stalled = &nodesReady
	}
	derived := condition.Derive(whenMet, []condition.Result{nodesReady, connected, synced}, stalled)
	return conditionSet{nodesReady: nodesReady, connected: connected, synced: synced, Derived: derived}
}

// conditionOrder is the order of the conditions in the status.
var conditionOrder = []string{
	v1.ConditionNodesReady, v1.ConditionConnected, v1.ConditionSynced, v1.ConditionMining,
	v1.ConditionReady, v1.ConditionReconciling, v1.ConditionStalled,
}

// setIn updates the conditions of a status. Those whose value has not changed keep their transition time.
func (s conditionSet) setIn(conditions *[]metav1.Condition, generation int64) {
	all := map[string]condition.Result{
		v1.ConditionNodesReady: s.nodesReady, v1.ConditionConnected: s.connected, v1.ConditionSynced: s.synced,
		v1.ConditionReady: s.Ready, v1.ConditionReconciling: s.Reconciling, v1.ConditionStalled: s.Stalled,
	}
	if s.mining == nil {
		meta.RemoveStatusCondition(conditions, v1.ConditionMining)
	} else {
		all[v1.ConditionMining] = *s.mining
	}
	condition.Set(conditions, all, conditionOrder, generation)
}

// graceSynced keeps Synced true for the grace period in a network that was synced and ready. unsyncedSince is the start of the
// grace period, zero outside of it; recheckIn is the time until the condition is evaluated again, 0 for none. A network that is
// not ready becomes synced only when its chains are known to be one: after a partition the nodes are still forked when the
// connections exist again.
func graceSynced(synced condition.Result, in *policyInputs, previous []metav1.Condition, unsyncedSince, now time.Time) (result condition.Result, since time.Time, recheckIn time.Duration) {
	if synced.Met || !allAnswer(in.nodes) {
		return synced, time.Time{}, 0
	}
	before := meta.FindStatusCondition(previous, v1.ConditionSynced)
	if before == nil || before.Status != metav1.ConditionTrue || !meta.IsStatusConditionTrue(previous, v1.ConditionReady) {
		return synced, unsyncedSince, 0
	}
	if unsyncedSince.IsZero() {
		unsyncedSince = now
	}
	left := syncGracePeriod - now.Sub(unsyncedSince)
	if left <= 0 {
		return synced, unsyncedSince, 0
	}
	return condition.True(v1.ReasonSynced, before.Message), unsyncedSince, min(left, syncRecheckInterval)
}

package controller

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// syncGracePeriod is how long a ready network may be behind or forked before Synced turns false: blocks on their way, also a
	// hundred at once, are no reason for an alarm.
	syncGracePeriod = 3 * time.Second
	// syncRecheckInterval is the time between two passes in the grace period.
	syncRecheckInterval = 500 * time.Millisecond
	// stalledGracePeriod is how long a pod may fail for a reason that may pass by itself before the network is stalled. It is as
	// long as that of kstatus for pods that cannot be scheduled.
	stalledGracePeriod = 15 * time.Second
)

// condition is the result of the policies of one condition.
type condition struct {
	// met is whether the condition is true.
	met             bool
	reason, message string
}

// conditionSet are all conditions of a network. Ready, Reconciling and Stalled are derived from the others.
type conditionSet struct {
	nodesReady, connected, synced, ready, reconciling, stalled condition
	// mining is nil without spec.mining.
	mining *condition
}

// stalledReasons are those of NodesReady that need the user to act.
var stalledReasons = []string{
	v1.ReasonSecretMissing, v1.ReasonImageUnavailable, v1.ReasonNodeFailing, v1.ReasonUnschedulable,
	v1.ReasonApplyRefused, v1.ReasonNameTaken, v1.ReasonPublishersMissing,
}

// deriveConditions derives Ready, Stalled and Reconciling. Within a grace period, whose rest is stalledIn, a network is not stalled.
func deriveConditions(nodesReady, connected, synced condition, stalledIn time.Duration) conditionSet {
	set := conditionSet{
		nodesReady: nodesReady, connected: connected, synced: synced,
		ready:       condition{true, v1.ReasonReady, "all nodes are ready, connected as specified, and on one branch"},
		stalled:     condition{false, v1.ReasonProgressing, "no action by a user is needed"},
		reconciling: condition{false, v1.ReasonSettled, "the operator has nothing left to do"},
	}
	switch nodesReady.reason {
	case v1.ReasonNoNodes:
		set.ready = nodesReady
	case v1.ReasonRPCBusy:
		set.ready.reason, set.ready.message = v1.ReasonRPCBusy, set.ready.message+"; "+nodesReady.message
	}
	for _, c := range []condition{nodesReady, connected, synced} {
		if !c.met {
			set.ready = c
			break
		}
	}
	if !nodesReady.met && stalledIn == 0 && slices.Contains(stalledReasons, nodesReady.reason) {
		set.stalled = condition{true, nodesReady.reason, nodesReady.message}
		set.reconciling = condition{false, nodesReady.reason, "the network needs action by the user: " + nodesReady.message}
	}
	if !set.ready.met && !set.stalled.met {
		set.reconciling = condition{true, v1.ReasonProgressing, set.ready.message}
	}
	return set
}

// conditionOrder is the order of the conditions in the status.
var conditionOrder = []string{
	v1.ConditionNodesReady, v1.ConditionConnected, v1.ConditionSynced, v1.ConditionMining,
	v1.ConditionReady, v1.ConditionReconciling, v1.ConditionStalled,
}

// setIn updates the conditions of a status. Those whose value has not changed keep their transition time.
func (s conditionSet) setIn(conditions *[]metav1.Condition, generation int64) {
	all := map[string]condition{
		v1.ConditionNodesReady: s.nodesReady, v1.ConditionConnected: s.connected, v1.ConditionSynced: s.synced,
		v1.ConditionReady: s.ready, v1.ConditionReconciling: s.reconciling, v1.ConditionStalled: s.stalled,
	}
	if s.mining == nil {
		meta.RemoveStatusCondition(conditions, v1.ConditionMining)
	} else {
		all[v1.ConditionMining] = *s.mining
	}
	for conditionType, c := range all {
		status := metav1.ConditionFalse
		if c.met {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: conditionType, Status: status, Reason: c.reason, Message: truncate.UTF8(c.message, maxConditionMessage), ObservedGeneration: generation,
		})
	}
	slices.SortStableFunc(*conditions, func(a, b metav1.Condition) int {
		return slices.Index(conditionOrder, a.Type) - slices.Index(conditionOrder, b.Type)
	})
}

// graceSynced keeps Synced true for the grace period in a network that was synced and ready. unsyncedSince is the start of the
// grace period, zero outside of it; recheckIn is the time until the condition is evaluated again, 0 for none. A network that is
// not ready becomes synced only when its chains are known to be one: after a partition the nodes are still forked when the
// connections exist again.
func graceSynced(synced condition, in *policyInputs, previous []metav1.Condition, unsyncedSince, now time.Time) (result condition, since time.Time, recheckIn time.Duration) {
	if synced.met || !allAnswer(in.nodes) {
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
	return condition{true, v1.ReasonSynced, before.Message}, unsyncedSince, min(left, syncRecheckInterval)
}

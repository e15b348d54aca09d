package controller

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// miningFailureReasons are the reasons for which blocks that are due are not mined.
var miningFailureReasons = []string{v1.ReasonMiningFailed, v1.ReasonAddressInvalid, v1.ReasonTimeTooNew, v1.ReasonNoMiner}

// evaluateMining returns the condition Mining, nil without spec.mining. A new operator has mined nothing yet and keeps the condition that
// the earlier one has reported.
func evaluateMining(network *v1.BitcoinNetwork, in *policyInputs) *condition.Result {
	previous := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionMining)
	switch {
	case network.Spec.Mining == nil:
		return nil
	case len(in.nodes) == 0:
		return ptr.To(condition.False(v1.ReasonNoNodes, noNodesMessage))
	case in.mining.failure != nil:
		return ptr.To(condition.False(in.mining.failure.reason, in.mining.failure.message))
	case in.mining.mined:
		return ptr.To(condition.True(v1.ReasonMining, "blocks are mined when they are due"))
	case previous != nil && previous.Status == metav1.ConditionTrue:
		return ptr.To(condition.True(previous.Reason, previous.Message))
	default:
		return ptr.To(condition.False(v1.ReasonWaiting, "no block has been due yet"))
	}
}

// reportedFailure is the failure that an earlier operator has reported; nil for none. It holds until a block is mined, unless the address
// may have been corrected since.
func reportedFailure(network *v1.BitcoinNetwork) *failingMiner {
	previous := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionMining)
	if previous == nil || !slices.Contains(miningFailureReasons, previous.Reason) {
		return nil
	}
	if previous.Reason == v1.ReasonAddressInvalid && previous.ObservedGeneration != network.Generation {
		return nil
	}
	return &failingMiner{-1, miningFailure{previous.Reason, previous.Message}}
}

// miningTransitions are the beginning of a failure, for each reason, and its end.
func miningTransitions(before []metav1.Condition, status v1.BitcoinNetworkStatus) []eventlog.Event {
	old, now := meta.FindStatusCondition(before, v1.ConditionMining), meta.FindStatusCondition(status.Conditions, v1.ConditionMining)
	failed := old != nil && slices.Contains(miningFailureReasons, old.Reason)
	switch {
	case now == nil:
		return nil
	case slices.Contains(miningFailureReasons, now.Reason) && (!failed || old.Reason != now.Reason):
		return []eventlog.Event{{Type: corev1.EventTypeWarning, Reason: v1.EventMiningFailed, Action: "Mine", Note: now.Reason + ": " + now.Message}}
	case now.Status == metav1.ConditionTrue && failed:
		note := fmt.Sprintf("blocks are mined again, at height %d", status.Height)
		return []eventlog.Event{{Type: corev1.EventTypeNormal, Reason: v1.EventMiningResumed, Action: "Mine", Note: note}}
	default:
		return nil
	}
}

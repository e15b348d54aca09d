package controller

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// reportFailure reports a pass that could not observe the nodes. It returns the error, with that of the report if there is one.
func (r *Reconciler) reportFailure(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, err error) error {
	return errors.Join(err, r.writeStatus(ctx, network, failedStatus(network, err), state))
}

// failedStatus is the status before the pass that failed, with the failure in its conditions.
func failedStatus(network *v1.BitcoinNetwork, err error) v1.BitcoinNetworkStatus {
	status := *network.Status.DeepCopy()
	previous := func(conditionType string) condition.Result {
		if c, ok := condition.Of(status.Conditions, conditionType); ok {
			return c
		}
		return condition.False(v1.ReasonWaiting, "the nodes have not been observed yet")
	}
	nodesReady := condition.False(v1.ReasonReconcileFailed, phrase.OfFailure(err))
	conditions := deriveConditions(nodesReady, previous(v1.ConditionConnected), previous(v1.ConditionSynced), 0)
	if network.Spec.Mining != nil {
		conditions.mining = ptr.To(previous(v1.ConditionMining))
	}
	conditions.setIn(&status.Conditions, network.Generation)
	return status
}

// recordStatusFailure records once that the status cannot be written: nothing else reports it.
func (r *Reconciler) recordStatusFailure(network *v1.BitcoinNetwork, state *networkState, err error) {
	if state.statusFailed {
		return
	}
	state.statusFailed = true
	eventlog.Record(r.recorder, network, eventlog.Event{
		Type: corev1.EventTypeWarning, Reason: v1.ReasonReconcileFailed, Action: "Report",
		Note: fmt.Sprintf("the status cannot be written: %s", phrase.OfFailure(err)),
	})
}

package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// setHeight sets the height of a network and records its falls. The previous height is in the status, so that a fall is recorded once,
// also when the operator restarts in between. A height does not fall while a node that cannot be asked may have the block: it is
// known again when that node answers.
func setHeight(status *v1.BitcoinNetworkStatus, in *policyInputs, stored bool) {
	best := tip{}
	if len(in.chains.branches) > 0 {
		best = in.chains.branches[0]
	}
	switch {
	case best.height >= status.Height && best.hash != "":
	case best.height < status.Height && !mayHaveMoreBlocks(in, stored):
		status.HeightFell = &v1.HeightFall{From: status.Height, To: best.height, Time: metav1.NewTime(in.now).Rfc3339Copy()}
	default:
		return
	}
	status.Height, status.BestBlockHash = best.height, best.hash
}

// mayHaveMoreBlocks reports whether there may be blocks that no node has reported: in a node that does not answer, in one that is
// being removed, or in the claims of a network without nodes.
func mayHaveMoreBlocks(in *policyInputs, stored bool) bool {
	if len(in.leaving) > 0 || len(in.leavingNodes) > 0 || len(in.nodes) == 0 && stored {
		return true
	}
	for i := range in.nodes {
		if n := &in.nodes[i]; n.answer == nil && (stored || hasRun(n.pod)) {
			return true
		}
	}
	return false
}

// hasRun reports whether bitcoind has been running in a pod. Without storage, a pod in which it has not has no blocks.
func hasRun(pod *corev1.Pod) bool {
	if pod == nil {
		return false
	}
	status := nodeContainerStatus(pod)
	return status != nil && (status.State.Running != nil || status.State.Terminated != nil || status.LastTerminationState.Terminated != nil)
}

// heightTransition is the event of a fall of the height.
func heightTransition(before v1.BitcoinNetworkStatus, network *v1.BitcoinNetwork) (eventlog.Event, bool) {
	fall := network.Status.HeightFell
	if fall == nil || before.HeightFell != nil && *before.HeightFell == *fall {
		return eventlog.Event{}, false
	}
	cause := "without storage, a block is lost with the last pod that has it"
	if network.Spec.Storage != nil {
		cause = "blocks were invalidated, or the claims with them are gone"
	}
	return eventlog.Event{
		Type: corev1.EventTypeWarning, Reason: v1.EventHeightFell, Action: "Compare",
		Note: fmt.Sprintf("the height of the network fell from %d to %d: %s", fall.From, fall.To, cause),
	}, true
}

package controller

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxTextBytes bounds what the status has of a node's own texts.
const maxTextBytes = 256

// conditionSet are all conditions of a network.
type conditionSet struct {
	nodesReady, synced, funded, channelsActive condition.Result
	condition.Derived
}

// conditionOrder is the order of the conditions in the status.
var conditionOrder = []string{
	v1.LightningConditionNodesReady, v1.LightningConditionSynced, v1.LightningConditionFunded, v1.LightningConditionChannelsActive,
	v1.LightningConditionReady, v1.LightningConditionReconciling, v1.LightningConditionStalled,
}

func (s conditionSet) setIn(conditions *[]metav1.Condition, generation int64) {
	condition.Set(conditions, map[string]condition.Result{
		v1.LightningConditionNodesReady: s.nodesReady, v1.LightningConditionSynced: s.synced, v1.LightningConditionFunded: s.funded,
		v1.LightningConditionChannelsActive: s.channelsActive, v1.LightningConditionReady: s.Ready,
		v1.LightningConditionReconciling: s.Reconciling, v1.LightningConditionStalled: s.Stalled,
	}, conditionOrder, generation)
}

func isStalled(reason string) bool { return slices.Contains(stalledReasons, reason) }

// buildStatus returns the status of a network after a pass. The previous status gives the conditions their transition times, and the
// nodes that do not answer their public keys.
func buildStatus(network *v1.LightningNetwork, in *policyInputs, decided *plan.Plan, conditions conditionSet) v1.LightningNetworkStatus {
	status := *network.Status.DeepCopy()
	status.ObservedGeneration = network.Generation
	status.Selector = labels.FormatLabels(resources.Labels(network.Name))
	status.Replicas, status.ReadyNodes = 0, 0
	if set := in.objects.set; set != nil {
		status.Replicas = set.Status.Replicas
	}
	previous := status.Nodes
	status.Nodes = make([]v1.LightningNodeStatus, len(in.nodes))
	for i := range in.nodes {
		n := &in.nodes[i]
		if i < len(previous) {
			status.Nodes[i] = previous[i]
		}
		setNode(&status.Nodes[i], network, n)
		if n.ready() {
			status.ReadyNodes++
		}
	}
	status.Channels = decided.Channels
	status.DesiredChannels, status.ActiveChannels = int32(len(plan.Desired(&network.Spec))), int32(decided.Active) //nolint:gosec // at most 500
	status.ChannelsActive = fmt.Sprintf("%d/%d", status.ActiveChannels, status.DesiredChannels)
	conditions.setIn(&status.Conditions, network.Generation)
	return status
}

func setNode(status *v1.LightningNodeStatus, network *v1.LightningNetwork, n *node) {
	status.Ordinal, status.PodName, status.Ready = int32(n.ordinal), n.podName, n.ready() //nolint:gosec // at most 63
	status.BitcoinNode = int32(max(n.bitcoin, 0))                                         //nolint:gosec // at most 499
	status.Exposed = n.exposed
	if n.salt != "" {
		status.CredentialSalt = n.salt
	}
	if n.state == nil || n.state.Info == nil {
		status.Synced = false
		return
	}
	info := n.state.Info
	status.PubKey, status.Address = info.PubKey, info.PubKey+"@"+addressOf(network, n.ordinal)
	status.Alias, status.Version = truncate.UTF8(info.Alias, maxTextBytes), truncate.UTF8(info.Version, maxTextBytes)
	status.Height, status.Synced = info.Height, info.SyncedToChain
	if n.state.Wallet != nil {
		status.WalletBalance = n.state.Wallet.Confirmed
	}
	if n.state.Channels != nil {
		status.ChannelBalance = 0
		for _, c := range n.state.Channels {
			if c.State == api.Open && c.Active {
				status.ChannelBalance += c.Local
			}
		}
	}
}

// reportFailure reports a pass that could not observe the network.
func (r *Reconciler) reportFailure(ctx context.Context, network *v1.LightningNetwork, state *networkState, err error) error {
	status := *network.Status.DeepCopy()
	previous := func(conditionType string) condition.Result {
		if c, ok := condition.Of(status.Conditions, conditionType); ok {
			return c
		}
		return condition.False(v1.LightningReasonWaiting, "the nodes have not been observed yet")
	}
	conditions := conditionSet{
		nodesReady: condition.False(v1.LightningReasonReconcileFailed, phrase.OfFailure(err)), synced: previous(v1.LightningConditionSynced),
		funded: previous(v1.LightningConditionFunded), channelsActive: previous(v1.LightningConditionChannelsActive),
	}
	conditions.Derived = condition.Derive(conditions.nodesReady, []condition.Result{conditions.nodesReady}, nil)
	conditions.setIn(&status.Conditions, network.Generation)
	return r.writeStatus(ctx, network, status, state)
}

// writeStatus patches the status when it differs from the previous one, and then records the events of the change.
func (r *Reconciler) writeStatus(ctx context.Context, previous *v1.LightningNetwork, status v1.LightningNetworkStatus, state *networkState) error {
	if ctx.Err() != nil {
		return nil // what a pass has missed that was ended is no news of the network
	}
	state.shared.observe(&status)
	if equality.Semantic.DeepEqual(previous.Status, status) {
		state.statusFailed = false
		return nil
	}
	resourceVersion, err := apply.Status(ctx, r.client, previous, status)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		if apierrors.IsConflict(err) {
			// The version of another write, or that of a cluster whose data are from a backup.
			state.written = nil
		} else if !state.statusFailed && !apply.PassesByItself(err) {
			state.statusFailed = true
			eventlog.Record(r.recorder, previous, statusFailure(err))
		}
		return fmt.Errorf("write the status: %w", err)
	}
	state.statusFailed = false
	state.written = &passes.Written[v1.LightningNetworkStatus]{ResourceVersion: resourceVersion, Status: status.DeepCopy()}
	current := previous.DeepCopy()
	current.Status = status
	eventlog.Record(r.recorder, current, transitions(previous.Status, current)...)
	return nil
}

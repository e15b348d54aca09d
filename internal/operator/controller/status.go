package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// syncGrace is how long a network that was synced may be behind or forked before Synced turns false: blocks on their way,
// also a hundred at once, are no reason to alarm anybody.
const syncGrace = 3 * time.Second

// patchTimeout ends a patch of the status that the API server does not answer.
const patchTimeout = 10 * time.Second

// report makes the status from the look, patches it when it differs, and tells events and metrics.
func (r *Reconciler) report(ctx context.Context, before *v1.BitcoinNetwork, l *look) error {
	status := l.network.Status.DeepCopy()
	r.fill(status, l)
	l.network.Status = *status
	kept := l.memory.remember(status, l.chain)
	if l.memory.partitioned == nil && before.Status.ObservedGeneration == before.Generation {
		// The first look after a restart of the operator: this has been told.
		l.memory.partitioned = ptr.To(len(l.network.Spec.Partitions) > 0)
	}
	if equality.Semantic.DeepEqual(before.Status, *status) {
		return nil
	}
	// The status as a whole: a merge patch would never write a height of 0, which is what it is taken to have been.
	patch, err := json.Marshal([]map[string]any{{"op": "add", "path": "/status", "value": status}})
	if err != nil {
		return err
	}
	// An operator that is told to stop in this very moment writes what it has found out, and knows that it has: a status that
	// arrives unnoticed would be a transition without an event.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patchTimeout)
	defer cancel()
	patched := before.DeepCopy()
	if err := r.client.Status().Patch(ctx, patched, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return client.IgnoreNotFound(err)
	}
	l.memory.written = &writtenStatus{version: patched.ResourceVersion, status: kept}
	r.tell(before, l)
	return nil
}

func (r *Reconciler) fill(status *v1.BitcoinNetworkStatus, l *look) {
	status.ObservedGeneration = l.network.Generation
	status.Selector = labels.FormatLabels(l.groups[0].Selector(l.network.Name))
	status.Replicas = 0
	if set := l.sets[l.groups[0].StatefulSet]; set != nil {
		status.Replicas = set.Status.Replicas
	}
	fillNodes(status, l)
	nodes, connections, chains := judgeNodes(l), judgeConnections(l), r.grace(l, judgeChains(l))
	ready := judgeReady(nodes, connections, chains)
	stalled := no(v1.ReasonProgressing, "nothing needs anybody's help")
	if !nodes.holds && slices.Contains(stalling, nodes.reason) {
		stalled = yes(nodes.reason, nodes.message)
	}
	reconciling := no(v1.ReasonSettled, "all is as the spec asks for")
	if !ready.holds && !stalled.holds {
		reconciling = yes(v1.ReasonProgressing, ready.message)
	}
	for kind, v := range map[string]verdict{
		v1.ConditionNodesReady: nodes, v1.ConditionConnected: connections, v1.ConditionSynced: chains,
		v1.ConditionReady: ready, v1.ConditionReconciling: reconciling, v1.ConditionStalled: stalled,
	} {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: kind, Status: conditionStatus(v.holds), Reason: v.reason, Message: clip(v.message, longestMessage),
			ObservedGeneration: l.network.Generation,
		})
	}
	// A fixed order, whatever order the map came in.
	slices.SortStableFunc(status.Conditions, func(a, b metav1.Condition) int {
		return slices.Index(conditionOrder, a.Type) - slices.Index(conditionOrder, b.Type)
	})
	l.settled = ready.holds
}

var conditionOrder = []string{
	v1.ConditionNodesReady, v1.ConditionConnected, v1.ConditionSynced, v1.ConditionReady, v1.ConditionReconciling, v1.ConditionStalled,
}

func fillNodes(status *v1.BitcoinNetworkStatus, l *look) {
	status.Nodes = make([]v1.NodeStatus, len(l.nodes))
	status.ReadyNodes = 0
	for i := range l.nodes {
		status.Nodes[i] = nodeStatus(&l.nodes[i], l.network.Name)
		if l.nodes[i].ready() {
			status.ReadyNodes++
		}
	}
	status.Connections, status.DesiredConnections = int32(l.connected), int32(len(l.desired)) //nolint:gosec // at most 124,750
	status.Connected = fmt.Sprintf("%d/%d", l.connected, len(l.desired))
	// A tip whose place in the other chains is not known may be a block on its way, and no fork.
	if l.chain.known {
		status.ChainTips = int32(len(l.chain.branches)) //nolint:gosec // at most one a node
	}
	if len(l.chain.branches) > 0 {
		status.Height, status.BestBlockHash = l.chain.branches[0].height, l.chain.branches[0].hash
	}
}

func nodeStatus(n *node, network string) v1.NodeStatus {
	status := v1.NodeStatus{
		Ordinal: int32(n.ordinal), Ready: n.ready(), IP: n.ip(), NodeName: n.podName, //nolint:gosec // at most 500
		DNSName: n.podName + "." + resources.ServiceName(network), Group: n.group.Name,
	}
	if n.answer != nil {
		status.Blocks, status.BestBlockHash = n.answer.chain.Blocks, n.answer.chain.BestBlockHash
		status.Version = n.answer.info.Subversion
		status.Peers = int32(len(differentPeers(n.answer.peers))) //nolint:gosec // bounded by maxconnections
	}
	return status
}

// grace lets a network that was synced, and ready, be out of step for a moment. One that is not ready becomes so only when its
// chains are known to be one: what heals from a partition is forked still when its connections are there.
func (r *Reconciler) grace(l *look, now verdict) verdict {
	if now.holds || !allAnswer(l.nodes) {
		l.memory.unsyncedSince = time.Time{}
		return now
	}
	was := meta.FindStatusCondition(l.network.Status.Conditions, v1.ConditionSynced)
	if was == nil || was.Status != metav1.ConditionTrue || !meta.IsStatusConditionTrue(l.network.Status.Conditions, v1.ConditionReady) {
		return now
	}
	if l.memory.unsyncedSince.IsZero() {
		l.memory.unsyncedSince = l.now
	}
	left := syncGrace - l.now.Sub(l.memory.unsyncedSince)
	if left <= 0 {
		return now
	}
	l.recheckIn = min(left, 500*time.Millisecond)
	return yes(v1.ReasonSynced, was.Message)
}

func conditionStatus(holds bool) metav1.ConditionStatus {
	if holds {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// longestMessage of a condition, and longestNote of an event, in bytes, as the API server takes them.
const (
	longestMessage = 32768
	longestNote    = 1024
)

func clip(message string, most int) string {
	if len(message) > most {
		return message[:most]
	}
	return message
}

// remember keeps the status for the metrics, and returns what it keeps, which nobody changes.
func (m *memory) remember(status *v1.BitcoinNetworkStatus, chain chainView) *v1.BitcoinNetworkStatus {
	taken := snapshot{status: *status.DeepCopy()}
	// The block at height 0 is of 2011 in every regtest chain.
	if len(chain.branches) > 0 && chain.branches[0].height > 0 {
		taken.blockTime = chain.branches[0].time
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.snapshot = &taken
	return &taken.status
}

func uidOf(object client.Object) *types.UID {
	uid := object.GetUID()
	return &uid
}

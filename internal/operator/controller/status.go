package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// buildStatus returns the status of a network after a pass. The previous status gives the conditions their transition times, and
// the number of tips when it is not known.
func buildStatus(network *v1.BitcoinNetwork, in *policyInputs, conditions conditionSet) v1.BitcoinNetworkStatus {
	status := *network.Status.DeepCopy()
	main := in.objects.groups[0]
	status.ObservedGeneration = network.Generation
	status.Selector = labels.FormatLabels(main.Selector(network.Name))
	status.Replicas = 0
	if set := in.objects.sets[main.StatefulSet]; set != nil {
		status.Replicas = set.Status.Replicas
		if main.Packed() {
			nodes := max(main.Nodes, in.objects.targets[main.StatefulSet].Nodes)
			status.Replicas = min(status.Replicas*int32(main.PerPod), int32(nodes)) //nolint:gosec // at most 500
		}
	}
	setNodeStatuses(&status, network.Name, in.nodes)
	setConnectedWith(&status, in.connections.observed)
	setForeignPeers(&status, in.connections.foreign)
	existing, desired := in.connections.existing, len(in.connections.desired)
	status.Connections, status.DesiredConnections = int32(existing), int32(desired) //nolint:gosec // at most 124,750
	status.Connected = fmt.Sprintf("%d/%d", existing, desired)
	// A tip that could not be compared may be a block on its way, and no fork.
	if in.chains.complete {
		status.ChainTips = int32(len(in.chains.branches)) //nolint:gosec // at most one a node
	}
	setHeight(&status, in, network.Spec.Storage != nil)
	status.LastBlockTime = in.lastBlock
	conditions.setIn(&status.Conditions, network.Generation)
	return status
}

func setNodeStatuses(status *v1.BitcoinNetworkStatus, network string, nodes []node) {
	status.Nodes = make([]v1.NodeStatus, len(nodes))
	status.ReadyNodes = 0
	peers := peersOf(nodes)
	for i := range nodes {
		status.Nodes[i] = nodeStatus(i, &nodes[i], network, peers)
		if nodes[i].ready() {
			status.ReadyNodes++
		}
	}
}

func nodeStatus(i int, n *node, network string, peers peerNodes) v1.NodeStatus {
	status := v1.NodeStatus{
		Ordinal: int32(n.ordinal), Ready: n.ready(), IP: n.ip(), PodName: n.podName, NodeName: n.podName, //nolint:gosec // at most 500
		DNSName: n.podName + "." + resources.ServiceName(network), Group: n.group.Name,
	}
	if n.slot > 0 {
		status.Slot = int32(n.slot) //nolint:gosec // at most 249
		status.RPCPort, status.P2PPort = v1.PortInSlot(v1.RPCPort, status.Slot), v1.PortInSlot(v1.P2PPort, status.Slot)
	}
	if n.answer != nil {
		status.Blocks, status.BestBlockHash = n.answer.chain.Blocks, n.answer.chain.BestBlockHash
		status.Version = n.answer.info.Subversion
		status.Peers = peers.count(i, n)
		if n.answer.restored != nil {
			status.Peers = n.answer.restored.Peers
		}
	}
	return status
}

// setConnectedWith reports the connections that exist, desired or not, at both of their nodes.
func setConnectedWith(status *v1.BitcoinNetworkStatus, existing []topology.Edge) {
	neighbours := make(map[int32][]int32, len(status.Nodes))
	for _, e := range existing {
		a, b := int32(e.A), int32(e.B) //nolint:gosec // at most 500
		neighbours[a], neighbours[b] = append(neighbours[a], b), append(neighbours[b], a)
	}
	for i := range status.Nodes {
		status.Nodes[i].ConnectedWith = v1.NewOrdinals(neighbours[status.Nodes[i].Ordinal])
	}
}

// updateStatus reports what a pass observed.
func (r *Reconciler) updateStatus(ctx context.Context, previous *v1.BitcoinNetwork, status v1.BitcoinNetworkStatus, chains chainComparison, state *networkState) error {
	state.shared.observe(&status, chains)
	return r.writeStatus(ctx, previous, status, state)
}

// writeStatus patches the status when it differs from the previous one, and then records the events of the change.
func (r *Reconciler) writeStatus(ctx context.Context, previous *v1.BitcoinNetwork, status v1.BitcoinNetworkStatus, state *networkState) error {
	if ctx.Err() != nil {
		return nil // what a pass has missed that was ended is no news of the network
	}
	state.recorded.resume(previous)
	if equality.Semantic.DeepEqual(previous.Status, status) {
		state.statusFailed = false
		return nil
	}
	if state.statusFailed && r.now().Before(state.retryAt) {
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
		} else if !apply.PassesByItself(err) {
			r.recordStatusFailure(previous, state, err)
		}
		return fmt.Errorf("write the status: %w", err)
	}
	state.statusFailed = false
	state.written = &passes.Written[v1.BitcoinNetworkStatus]{ResourceVersion: resourceVersion, Status: status.DeepCopy()}
	current := previous.DeepCopy()
	current.Status = status
	r.recordEvents(previous.Status, current, &state.recorded)
	return nil
}

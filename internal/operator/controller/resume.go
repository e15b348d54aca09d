package controller

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// resumeRollouts are the rollouts after a start of the operator. It does not know which are in progress, and treats every
// StatefulSet as being rolled out until its nodes are seen to be synced.
func resumeRollouts(sets map[string]*appsv1.StatefulSet, now time.Time) rollouts {
	resumed := make(rollouts, len(sets))
	for name, set := range sets {
		resumed[name] = rolloutStep{since: now, partition: partitionOf(set), resumed: true}
	}
	return resumed
}

// adopt resumes the rollouts that a StatefulSet's partition shows and that are not in progress. The API server may have carried out the
// request that started one and still have answered with an error.
func (r rollouts) adopt(sets map[string]*appsv1.StatefulSet, now time.Time) {
	for name, set := range sets {
		if _, known := r[name]; !known && partitionOf(set) > 0 {
			r[name] = rolloutStep{since: now, partition: partitionOf(set), resumed: true}
		}
	}
}

// waitsSince is since when a rollout waits for nodes that are behind. An operator that starts again and again would wait for ever if
// it counted from its own start. The rollout cannot have proceeded later than the StatefulSet was last applied. While no operator ran,
// nobody connected the nodes; so the time counts from when they got their connections.
func (s rolloutStep) waitsSince(set *appsv1.StatefulSet, behind []*node) time.Time {
	if !s.resumed {
		return s.since
	}
	since := appliedAt(set)
	for _, n := range behind {
		connected, known := n.connectedSince()
		if !known {
			return s.since
		}
		if connected.After(since) {
			since = connected
		}
	}
	if since.IsZero() || since.After(s.since) {
		return s.since
	}
	return since
}

// appliedAt is when the operator last changed a StatefulSet by an apply; zero if it has only created it.
func appliedAt(set *appsv1.StatefulSet) (applied time.Time) {
	for _, entry := range set.ManagedFields {
		if entry.Manager == resources.FieldManager && entry.Subresource == "" && entry.Time != nil && entry.Time.After(applied) {
			applied = entry.Time.Time
		}
	}
	return applied
}

// connectedSince is when the oldest connection of a node was opened, by the node's own clock; false when it has none.
func (n *node) connectedSince() (oldest time.Time, known bool) {
	if n.answer == nil {
		return time.Time{}, false
	}
	for _, peer := range n.answer.peers {
		if opened := time.Unix(peer.ConnectedAt, 0); peer.ConnectedAt > 0 && (!known || opened.Before(oldest)) {
			oldest, known = opened, true
		}
	}
	return oldest, known
}

// resumeSettling lets a network settle after a start of the operator that may come in the middle of a change of its connections:
// an earlier process may just have removed entries from the nodes' lists, which bitcoind may still dial. The change ended before the status
// reported the specification as connected. Where all nodes are connected with each other, nothing wrong can be dialed.
func (s *networkState) resumeSettling(network *v1.BitcoinNetwork, nodes int, now time.Time) {
	if s.settlingResumed {
		return
	}
	s.settlingResumed = true
	connected := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionConnected)
	if connected == nil || connected.Status == metav1.ConditionTrue && connected.ObservedGeneration == network.Generation {
		return
	}
	if pairs := nodes * (nodes - 1) / 2; len(topology.Desired(topology.SpecOf(network.Spec, nodes))) < pairs {
		s.shared.settlesAt(now.Add(topology.LongestSettlingTime))
	}
}

package controller

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// pushTargets gives the pods that run other nodes than they are to run the number of nodes, since the kubelet brings the ConfigMap with
// it only after a while.
func (c *nodeClient) pushTargets(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, targets map[string]api.Target, nodes []node) {
	var awaited sync.WaitGroup
	for i := range nodes {
		n := &nodes[i]
		target, known := targets[n.group.StatefulSet]
		if n.slot > 0 || !n.shared || !known || !running(n.pod) || !state.shared.startPush(n.pod, target, n.shareOf(target.Nodes)) {
			continue
		}
		at, pod := c.supervisorOf(network, n), n.pod
		ctx := log.IntoContext(ctx, log.FromContext(ctx).WithValues("pod", n.podName, "nodes", target.Nodes, "forget", target.Forget))
		awaited.Add(1)
		c.run(ctx, state.shared.slots, changingCalls, func(ctx context.Context) {
			defer awaited.Done()
			err := errPanicked
			defer func() { state.shared.endPush(pod, target, err) }()
			if err = c.supervisors.SetTarget(ctx, at, target); err != nil {
				log.FromContext(ctx).Info("A pod does not take the number of its group's nodes; the operator tries again", "error", err.Error())
			}
		})
	}
	waitFor(ctx, &awaited, connectTimeout)
}

// startPush claims the push of a target to a pod that runs other nodes than its share, endPush returns it. A pod that runs its share may
// have the target and may not have been asked to delete data.
func (s *sharedState) startPush(pod *corev1.Pod, target api.Target, share int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pods[pod.UID]
	if state == nil || state.nodes == nil || state.pushing || contains(state.accepted, target) || !target.Forget && runsShare(state.nodes, share) {
		return false
	}
	state.pushing = true
	return true
}

// contains reports whether a pod that has accepted a target needs no push of another one. One without Forget would end a deletion that
// waits for the end of processes.
func contains(accepted, target api.Target) bool {
	return accepted == target || !target.Forget && accepted.Nodes == target.Nodes && accepted.Revision == target.Revision
}

// runsShare reports whether a pod runs these nodes and no others.
func runsShare(nodes map[int]api.Node, share int) bool {
	for slot := range share {
		if _, runs := nodes[slot]; !runs {
			return false
		}
	}
	for slot := range nodes {
		if slot >= share {
			return false
		}
	}
	return true
}

func (s *sharedState) endPush(pod *corev1.Pod, target api.Target, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pods[pod.UID]
	if state == nil || state.containerID != containerID(pod) {
		return
	}
	state.pushing, state.pushErr = false, err
	if err == nil {
		state.accepted = target
	}
}

// hasAccepted reports whether a pod has accepted a number of nodes.
func (s *sharedState) hasAccepted(pod *corev1.Pod, target api.Target) bool {
	if pod == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pods[pod.UID]
	return state != nil && state.containerID == containerID(pod) && state.accepted == target
}

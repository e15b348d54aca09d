package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// stateTimeout is how long a pass waits for the state of a node: a little longer than the agent waits for LND.
const stateTimeout = api.StateTimeout + time.Second

// node is an LND, and its pod.
type node struct {
	ordinal int
	podName string
	// pod is nil while it does not exist.
	pod *corev1.Pod
	// bitcoin is the ordinal of its bitcoind, -1 for none.
	bitcoin int
	// state is what its agent reports; nil if it did not answer, and err is why, nil if it was not asked.
	state *api.State
	err   error
	// salt is that of the credential that its agent accepted; "" if it did not answer.
	salt string
	// backend is what its agent should have, nil while that is unknown. otherCredential means that it has that but for the password.
	backend         *api.Backend
	otherCredential bool
	// exposed is where clients outside of the pod reach it, nil while that is unknown, and certificateHosts what its certificate needs for that.
	exposed          *v1.LightningExposedAddresses
	certificateHosts string
	// handOver is why its agent did not take that; "" for no failure.
	handOver string
}

// ready means that the kubelet reports the pod as ready, and LND is active and answers.
func (n *node) ready() bool {
	return podReady(n.pod) && !n.starts() && n.state != nil && n.state.Info != nil
}

// starts means that LND is not active yet, which the kubelet may not have seen: LND restarts in its container for another bitcoind.
func (n *node) starts() bool {
	return n.state != nil && (n.state.Process != api.Running || n.state.LND != "" && n.state.LND != api.LNDActive)
}

// nodesOf are the desired nodes, and after them those whose pods still exist.
func nodesOf(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, set *appsv1.StatefulSet, pods []corev1.Pod) []node {
	byOrdinal, count := map[int]*corev1.Pod{}, int(network.Spec.Nodes)
	for i := range pods {
		pod := &pods[i]
		if ordinal, ok := resources.Ordinal(network.Name, pod.Name); ok && set != nil && metav1.IsControlledBy(pod, set) {
			byOrdinal[ordinal], count = pod, max(count, ordinal+1)
		}
	}
	nodes := make([]node, count)
	for i := range nodes {
		nodes[i] = node{ordinal: i, podName: resources.PodName(network.Name, i), pod: byOrdinal[i], bitcoin: -1}
		if backend, ok := resources.BackendOf(bitcoin, i); ok {
			nodes[i].bitcoin = backend.Ordinal
		}
	}
	return nodes
}

// observe asks the agents of all running pods for the state of their LND, all at the same time.
func (r *Reconciler) observe(ctx context.Context, network *v1.LightningNetwork, nodes []node) {
	ctx, cancel := passes.WithTimeout(ctx, stateTimeout)
	defer cancel()
	var group sync.WaitGroup
	for i := range nodes {
		n := &nodes[i]
		if !running(n.pod) {
			continue
		}
		group.Go(func() {
			state, salt, err := r.stateOf(ctx, network, n.pod)
			if n.err = err; err == nil {
				n.state, n.salt = &state, salt
			}
		})
	}
	group.Wait()
}

// stateOf asks the agent of a pod, and returns the salt of the credential that it accepts. The kubelet replaces the file with the
// credential some time after a rotation of the master key.
func (r *Reconciler) stateOf(ctx context.Context, network *v1.LightningNetwork, pod *corev1.Pod) (state api.State, salt string, err error) {
	at := r.agentOf(network, pod)
	previous := at.PreviousPassword
	at.PreviousPassword = ""
	state, err = r.agents.State(ctx, at)
	if errors.Is(err, api.ErrUnauthorized) && previous != "" {
		at.Password = previous
		state, err = r.agents.State(ctx, at)
		return state, r.options.PreviousCredential(network).Salt, err
	}
	return state, r.options.Settings.Credential(network).Salt, err
}

// agentOf is where the agent of a pod is reached.
func (r *Reconciler) agentOf(network *v1.LightningNetwork, pod *corev1.Pod) api.Pod {
	credential := r.options.Settings.Credential(network)
	at := api.Pod{Host: pod.Status.PodIP, Name: pod.Name, User: credential.User, Password: credential.Password}
	if r.options.Host != nil {
		at.Host = r.options.Host(pod)
	}
	if r.options.PreviousCredential != nil {
		at.PreviousPassword = r.options.PreviousCredential(network).Password
	}
	return at
}

// planned are the nodes as the plan has them, without the addresses of their wallets.
func planned(network *v1.LightningNetwork, nodes []node) []plan.Node {
	list := make([]plan.Node, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		list[i] = plan.Node{Ordinal: n.ordinal, Bitcoin: n.bitcoin, Exists: n.pod != nil, State: n.state, Address: addressOf(network, n.ordinal)}
	}
	return list
}

// addressOf is where peers reach a node: the name of its Service, whose address stays.
func addressOf(network *v1.LightningNetwork, ordinal int) string {
	return fmt.Sprintf("%s.%s.svc:%d", resources.PodName(network.Name, ordinal), network.Namespace, v1.LightningP2PPort)
}

// describe reports why a node whose pod exists is not ready.
func (n *node) describe() string {
	switch {
	case n.err != nil:
		return n.podName + " (" + phrase.OfError(n.err) + ")"
	case n.state == nil:
		return n.podName
	case n.handOver != "":
		return n.podName + " (it does not take its bitcoind: " + n.handOver + ")"
	case n.state.Process == api.Waiting && len(n.state.Problems) == 0:
		return n.podName + " (it waits for its bitcoind)"
	case len(n.state.Problems) > 0:
		return n.podName + " (" + phrase.Quote(strings.Join(n.state.Problems, "; ")) + ")"
	case n.state.LND != "" && n.state.LND != api.LNDActive:
		return n.podName + " (LND is in the state " + phrase.Quote(n.state.LND) + ")"
	}
	return n.podName
}

func podReady(pod *corev1.Pod) bool {
	if pod == nil || !pod.DeletionTimestamp.IsZero() {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// running reports whether the agent of a pod runs and can be called.
func running(pod *corev1.Pod) bool {
	if pod == nil || !pod.DeletionTimestamp.IsZero() || pod.Status.PodIP == "" {
		return false
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == resources.ContainerName {
			return status.State.Running != nil
		}
	}
	return false
}

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// look is everything that one pass over a network finds out and decides. Steps fill it in, in their order; the status is
// made from it at the end.
type look struct {
	network *v1.BitcoinNetwork
	memory  *memory
	now     time.Time

	groups []resources.Group
	// sets are the StatefulSets there are, by name, and wanted those that the spec asks for.
	sets, wanted map[string]*appsv1.StatefulSet
	// waiting says which object has to wait for another one, "" for none, and collected that it is one of a network that is gone.
	waiting   string
	collected bool
	// nodes are those that the spec asks for, by ordinal.
	nodes []node
	// leaving are pods of nodes that the spec no longer asks for.
	leaving []string

	desired   []topology.Edge
	connected int
	// pending is the number of calls that were made to change connections, or are still under way.
	pending int
	missing []topology.Edge
	// lingering is the time until no node may dial out of an old copy of its list any more, 0 when that is over.
	lingering time.Duration

	chain chainView
	// refused is set when an object of the network could not be applied.
	refused *refusal

	// settled is true when nothing is left to do until the network changes.
	settled bool
	// nextBlockIn is the time until the next block is due, 0 when none is.
	nextBlockIn time.Duration
	// recheckIn is the time until something that is put up with for a moment is looked at again, 0 for nothing.
	recheckIn time.Duration
}

// node is one node that the spec asks for.
type node struct {
	ordinal int
	group   resources.Group
	podName string
	// pod is nil as long as there is none.
	pod *corev1.Pod
	// podReady is the kubelet's word.
	podReady bool
	// answer is what the node says of itself; nil when it does not answer.
	answer *answer
	// err says why it does not answer; nil when nobody has asked, because there is nobody to answer.
	err error
}

// ready means that the kubelet and the node itself say so.
func (n *node) ready() bool { return n.podReady && n.answer != nil }

// ip is the address of the pod, "" when it has none or is on its way out: nobody is to dial it any more.
func (n *node) ip() string {
	if n.pod == nil || !n.pod.DeletionTimestamp.IsZero() {
		return ""
	}
	return n.pod.Status.PodIP
}

// fingerprint changes whenever the network has got a step further.
func (l *look) fingerprint() string {
	started, ready, answering := 0, 0, 0
	for i := range l.nodes {
		if running(l.nodes[i].pod) {
			started++
		}
		if l.nodes[i].podReady {
			ready++
		}
		if l.nodes[i].answer != nil {
			answering++
		}
	}
	return fmt.Sprint(l.network.Generation, len(l.nodes), len(l.leaving), started, ready, answering, l.connected, l.chain.lowest)
}

// readPods finds the pods of the network's nodes, and those that should be gone.
func (r *Reconciler) readPods(ctx context.Context, l *look) error {
	var pods corev1.PodList
	err := r.client.List(ctx, &pods, objectsOf(l.network)...)
	if err != nil {
		return err
	}
	byName := make(map[string]*corev1.Pod, len(pods.Items))
	for i := range pods.Items {
		byName[pods.Items[i].Name] = &pods.Items[i]
	}
	alive := make(map[types.UID]bool, len(byName))
	for _, group := range l.groups {
		for i := range group.Nodes {
			n := node{ordinal: group.First + i, group: group, podName: group.PodName(i)}
			if pod := byName[n.podName]; pod != nil && ownedBySet(pod, l.sets[group.StatefulSet]) {
				n.pod = pod
				n.podReady = podReady(pod)
				alive[pod.UID] = true
				delete(byName, n.podName)
			}
			l.nodes = append(l.nodes, n)
		}
	}
	for name := range byName {
		l.leaving = append(l.leaving, name)
	}
	slices.SortFunc(l.leaving, strings.Compare)
	l.memory.keepNodes(alive)
	return nil
}

// runningNodes counts the pods of a network that run, as the cache has them now.
func (r *Reconciler) runningNodes(ctx context.Context, network *v1.BitcoinNetwork) (int, error) {
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, objectsOf(network)...); err != nil {
		return 0, err
	}
	count := 0
	for i := range pods.Items {
		if running(&pods.Items[i]) {
			count++
		}
	}
	return count, nil
}

// ownedBySet tells whether a pod is its StatefulSet's own. A pod of an earlier network of the same name is not.
func ownedBySet(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	if set == nil {
		return false
	}
	for _, ref := range pod.OwnerReferences {
		if ref.UID == set.UID {
			return true
		}
	}
	return false
}

func podReady(pod *corev1.Pod) bool {
	if !pod.DeletionTimestamp.IsZero() {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

package controller

import (
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// networkNodes are the nodes of a network and the pods beside them.
type networkNodes struct {
	// desired are the nodes as specified, by ordinal.
	desired []node
	// leaving are the pods of nodes that are no longer desired, and those that have the name of a desired one, by name.
	leaving []*corev1.Pod
}

// listPods returns the pods of a network from the cache. They must not be changed.
func (r *Reconciler) listPods(ctx context.Context, network *v1.BitcoinNetwork) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, objectsOf(network)...); err != nil {
		return nil, err
	}
	return pods.Items, nil
}

// nodesOf assigns the pods to the desired nodes of the groups of a network.
func nodesOf(network string, groups []resources.Group, sets map[string]*appsv1.StatefulSet, pods []corev1.Pod) networkNodes {
	var nodes networkNodes
	byName := make(map[string]*corev1.Pod, len(pods))
	for i := range pods {
		byName[pods[i].Name] = &pods[i]
	}
	used, desired := map[string]bool{}, map[string]bool{}
	for _, group := range groups {
		for i := range group.Nodes {
			pod := byName[group.PodName(i)]
			desired[group.PodName(i)] = true
			if pod != nil && !ownedBySet(pod, sets[group.StatefulSet]) {
				pod = nil
			}
			if pod != nil {
				used[pod.Name] = true
			}
			nodes.desired = append(nodes.desired, newNode(group.First+i, group, i, pod))
		}
	}
	for name, pod := range byName {
		if !used[name] && (desired[name] || isOfNetwork(network, pod)) {
			nodes.leaving = append(nodes.leaving, pod)
		}
	}
	slices.SortFunc(nodes.leaving, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}

// isOfNetwork reports whether a pod is, or was, one of a network's: a StatefulSet of the network has created it, or of an earlier one of the
// same name, or it has lost this owner. The labels alone do not show it: kubectl debug copies them, and others may use them.
func isOfNetwork(network string, pod *corev1.Pod) bool {
	if controller := metav1.GetControllerOf(pod); controller != nil {
		return controller.Kind == "StatefulSet" && resources.IsStatefulSetName(network, controller.Name)
	}
	return resources.IsPodName(network, pod.Name)
}

// keysOf are the keys of these nodes, without those whose pod does not exist.
func keysOf(nodes []node) map[nodeKey]bool {
	keys := make(map[nodeKey]bool, len(nodes))
	for i := range nodes {
		if nodes[i].pod != nil {
			keys[nodes[i].key()] = true
		}
	}
	return keys
}

// podUIDs are the UIDs of the pods of these nodes.
func podUIDs(nodes []node) map[types.UID]bool {
	uids := make(map[types.UID]bool, len(nodes))
	for i := range nodes {
		if pod := nodes[i].pod; pod != nil {
			uids[pod.UID] = true
		}
	}
	return uids
}

func countPods(groups []resources.Group) int {
	count := 0
	for i := range groups {
		count += groups[i].Pods()
	}
	return count
}

func countRunning(pods []corev1.Pod) int {
	count := 0
	for i := range pods {
		if running(&pods[i]) {
			count++
		}
	}
	return count
}

// ownedBySet reports whether a StatefulSet owns a pod. It does not own the pod of an earlier network of the same name.
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

// running reports whether bitcoind runs and can be called. It may answer long before the kubelet reports the pod as ready.
func running(pod *corev1.Pod) bool {
	if pod == nil || !pod.DeletionTimestamp.IsZero() || pod.Status.PodIP == "" {
		return false
	}
	status := nodeContainerStatus(pod)
	return status != nil && status.State.Running != nil
}

func containerID(pod *corev1.Pod) string {
	if status := nodeContainerStatus(pod); status != nil {
		return status.ContainerID
	}
	return ""
}

func nodeContainerStatus(pod *corev1.Pod) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Name == resources.ContainerName {
			return status
		}
	}
	return nil
}

package controller

import (
	"cmp"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// departingNodes are the nodes that the StatefulSets have, by the number of each, and the groups do not, with ordinals after those of the
// network.
func departingNodes(groups []resources.Group, sets map[string]*appsv1.StatefulSet, has map[string]int, pods []corev1.Pod) []node {
	byName := make(map[string]*corev1.Pod, len(pods))
	for i := range pods {
		byName[pods[i].Name] = &pods[i]
	}
	desired := map[string]resources.Group{}
	for _, group := range groups {
		desired[group.StatefulSet] = group
	}
	var departing []node
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		set := sets[name]
		group := resources.Group{StatefulSet: name, Nodes: desired[name].Nodes, PerPod: groups[0].PerPod}
		if !set.DeletionTimestamp.IsZero() {
			continue
		}
		for i := group.Nodes; i < has[name]; i++ {
			pod := byName[group.PodName(i)]
			if pod != nil && !ownedBySet(pod, set) {
				pod = nil
			}
			departing = append(departing, newNode(countNodes(groups)+len(departing), group, i, pod))
		}
	}
	return departing
}

// departingEdges connect each removed node with one node that stays, with one of its peers if possible: its blocks have to get there. A
// removed node is in no set of spec.partitions, so that its own side are the nodes in no set. A peer in a set is of its side only where it
// has no other peer: the set may be the one that it was in before.
func departingEdges(observed []topology.Node, staying int, partitions []v1.Partition) []topology.Edge {
	var edges []topology.Edge
	existing := map[topology.Edge]bool{}
	for _, edge := range topology.Observe(observed) {
		existing[edge] = true
	}
	inSet := map[int]bool{}
	for _, set := range partitions {
		for _, i := range set.Nodes {
			inSet[int(i)] = true
		}
	}
	for i := staying; i < len(observed); i++ {
		to, best := -1, 0
		for j := range staying {
			rank := 0
			switch isPeer := existing[topology.Edge{A: j, B: i}]; {
			case !observed[j].Answered:
			case isPeer && !inSet[j]:
				rank = 3
			case isPeer:
				rank = 2
			case !inSet[j]:
				rank = 1
			}
			if rank > best {
				to, best = j, rank
			}
		}
		if to >= 0 {
			edges = append(edges, topology.Edge{A: to, B: i})
		}
	}
	slices.SortFunc(edges, func(x, y topology.Edge) int { return cmp.Or(x.A-y.A, x.B-y.B) })
	return edges
}

// Package supervisor runs the nodes of a pod with several: cmd/supervisor. It imports the standard library only, and little of this
// repository, because every such pod starts it.
package supervisor

import "time"

// shareOf a pod is how many of its group's nodes it runs.
func shareOf(nodes, ordinal, nodesPerPod int) int {
	return min(max(nodes-ordinal*nodesPerPod, 0), nodesPerPod)
}

// target is how many nodes the group is to have, and which of several statements of that is the newest.
type target struct {
	Nodes    int   `json:"nodes"`
	Revision int64 `json:"revision"`
	// Requested by the operator itself. Otherwise it is from the ConfigMap, which the kubelet updates after up to a minute.
	Requested bool `json:"requested"`
	// Forget deletes the data of the pod's nodes among those of the group from Nodes to Before.
	Forget bool `json:"forget,omitempty"`
	Before int  `json:"before,omitempty"`
}

// supersedes reports whether a target replaces the current one. The operator may lower the number for one revision, when it has proved
// that other nodes have the blocks.
func (t target) supersedes(current target) bool {
	if t.Revision != current.Revision {
		return t.Revision > current.Revision
	}
	return t.Requested || !current.Requested
}

const (
	firstDelay = time.Second
	maxDelay   = 30 * time.Second
	// settled is how long a process runs before its end counts as the first one again.
	settled = time.Minute
)

// nextDelay before a process starts again, from the delay before its previous start, 0 for none, and how long it ran.
func nextDelay(previous, ran time.Duration) time.Duration {
	if previous == 0 || ran >= settled {
		return firstDelay
	}
	return min(2*previous, maxDelay)
}

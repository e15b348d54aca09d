package topology

import (
	"slices"
	"time"
)

const (
	// dialPause is bitcoind's pause after it has dialled one entry of its list.
	dialPause = 500 * time.Millisecond
	// dialTimeout is how long it waits for an address at which nobody answers.
	dialTimeout = 5 * time.Second
	// lingerMargin is for the last of these connections to be made and reported.
	lingerMargin = time.Second
)

// Lingering is for how long, once it has carried out the actions, a node may still dial one of the others that it should not
// be connected with; 0 when none of the actions takes such a one off its list. bitcoind dials out of a copy of the list, one
// entry after the other, and nothing tells whether it is in the middle of one. Until that time has passed, a connection that
// has been ended may come back once. The actions are those of this node, the edges as Desired returns them.
func Lingering(desired []Edge, node Node, actions []Action) time.Duration {
	unwanted, dead := false, 0
	for _, a := range actions {
		switch {
		case a.Kind != Remove:
		case a.Peer < 0:
			dead++
		case !isIn(desired, a.Node, a.Peer):
			unwanted = true
		}
	}
	if !unwanted {
		return 0
	}
	return time.Duration(len(node.Added))*dialPause + time.Duration(dead)*dialTimeout + lingerMargin
}

func isIn(edges []Edge, a, b int) bool {
	_, found := slices.BinarySearchFunc(edges, Edge{min(a, b), max(a, b)}, compareEdges)
	return found
}

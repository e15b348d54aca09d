package topology

import (
	"slices"
	"time"
)

const (
	// dialPause is bitcoind's pause after dialling one entry of its list.
	dialPause = 500 * time.Millisecond
	// dialTimeout is bitcoind's timeout for an address that does not answer.
	dialTimeout = 5 * time.Second
	// settlingMargin is the time until the last of these connections exists and is reported.
	settlingMargin = time.Second
)

// LongestSettlingTime is that of a node whose whole list may have been removed, of nodes that exist.
const LongestSettlingTime = maxListed*dialPause + settlingMargin

// SettlingTime returns how long a node, after the given actions, may still dial a node that it should not be connected with. It
// is 0 when no action removes such a node from its list. bitcoind dials from a copy of the list, one entry after the other, and
// does not report its progress. During that time a closed connection may be opened again, once. The actions are those of this
// node, the edges as Desired returns them.
func SettlingTime(desired []Edge, node Node, actions []Action) time.Duration {
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
	return time.Duration(len(node.Added))*dialPause + time.Duration(dead)*dialTimeout + settlingMargin
}

func isIn(edges []Edge, a, b int) bool {
	_, found := slices.BinarySearchFunc(edges, Edge{min(a, b), max(a, b)}, compareEdges)
	return found
}

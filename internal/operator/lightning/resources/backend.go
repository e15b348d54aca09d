package resources

import (
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Backend is the bitcoind that an LND uses.
type Backend struct {
	// Ordinal in the BitcoinNetwork.
	Ordinal int
	// Pod of the node, and the number of the node in it.
	Pod  string
	Slot int
}

// BackendOf the node with this ordinal: the node of the BitcoinNetwork with the same one, or in turn if it has fewer. It is false for a
// BitcoinNetwork that does not exist or has no nodes.
func BackendOf(bitcoin *v1.BitcoinNetwork, ordinal int) (Backend, bool) {
	if bitcoin == nil {
		return Backend{}, false
	}
	// Images do not matter here.
	groups := resources.Groups(bitcoin, "")
	last := groups[len(groups)-1]
	nodes := last.First + last.Nodes
	if nodes == 0 {
		return Backend{}, false
	}
	ordinal %= nodes
	for _, group := range groups {
		if i := ordinal - group.First; i >= 0 && i < group.Nodes {
			return Backend{Ordinal: ordinal, Pod: group.PodName(i), Slot: group.SlotOf(i)}, true
		}
	}
	return Backend{}, false
}

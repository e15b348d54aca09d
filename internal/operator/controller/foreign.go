package controller

import (
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxForeignPeers bounds those that the status lists.
const maxForeignPeers = 16

// setForeignPeers follows setNodeStatuses.
func setForeignPeers(status *v1.BitcoinNetworkStatus, foreign []topology.Foreign) {
	status.ForeignPeers = nil
	for i, peer := range foreign {
		nodes := make([]int32, len(peer.Nodes))
		for j, ordinal := range peer.Nodes {
			nodes[j] = int32(ordinal)        //nolint:gosec // at most 500
			if ordinal < len(status.Nodes) { // it is no node that is being removed
				status.Nodes[ordinal].ForeignPeers++
			}
		}
		if i < maxForeignPeers {
			status.ForeignPeers = append(status.ForeignPeers, v1.ForeignPeer{
				Address: truncate.UTF8(peer.Address, maxVersionBytes), Version: truncate.UTF8(peer.Agent, maxVersionBytes), Nodes: nodes,
			})
		}
	}
}

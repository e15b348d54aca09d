package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lastBlockTime returns when the latest block of a network appeared, in whole seconds as the status has it; nil before the first
// block. The previous status has the blocks that were seen before, so that a restart of the operator does not change the result.
//
// The time in a block that is new to the operator cannot be trusted in either direction: it is ahead of the clock after many quick
// blocks, and hours behind when a user has set a node's clock. A node that reported a lower block in the last pass got the new one after
// that. Of other nodes nothing is known, and the block may be as old as the time in it.
func lastBlockTime(previous *v1.BitcoinNetworkStatus, nodes []node, sides []side, lastPass, now time.Time) *metav1.Time {
	latest := previous.LastBlockTime
	if latest != nil && latest.After(now) {
		// The clock was set back, or that of an earlier operator is ahead. No block would be due until the clock has caught up.
		latest = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	if latest != nil && allOn(previous.BestBlockHash, nodes) {
		return latest
	}
	known, heights := map[string]bool{previous.BestBlockHash: true}, map[string]int64{}
	for _, n := range previous.Nodes {
		if n.BestBlockHash != "" {
			known[n.BestBlockHash], heights[nameOfNode(n.PodName, int(n.Slot), true)] = true, n.Blocks
		}
	}
	for _, s := range sides {
		for _, i := range s.members {
			a := nodes[i].answer
			if a == nil || a.chain.Blocks == 0 || a.chain.Blocks < s.height {
				continue
			}
			isNew := !known[a.chain.BestBlockHash]
			if !isNew && previous.LastBlockTime != nil {
				continue
			}
			appeared := time.Unix(a.chain.Time, 0)
			if height, reported := heights[nameOfNode(nodes[i].podName, nodes[i].slot, true)]; isNew && reported && a.chain.Blocks > height && appeared.Before(lastPass) {
				appeared = lastPass
			}
			if a.chain.Time == 0 || appeared.After(now) {
				appeared = now
			}
			if appeared = appeared.Truncate(time.Second); latest == nil || appeared.After(latest.Time) {
				latest = &metav1.Time{Time: appeared}
			}
		}
	}
	return latest
}

// allOn reports whether all nodes that answer have this best block.
func allOn(hash string, nodes []node) bool {
	for i := range nodes {
		if a := nodes[i].answer; a != nil && a.chain.BestBlockHash != hash {
			return false
		}
	}
	return true
}

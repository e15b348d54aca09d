package live

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
)

// MempoolInterval is the time between two calls of getmempoolinfo, whatever the number of nodes: each starts a process in a pod.
const MempoolInterval = 500 * time.Millisecond

// callTimeout is how long one node may keep the others waiting.
const callTimeout = 5 * time.Second

// Mempool is what a node reports of its mempool.
type Mempool struct {
	Size  int64 `json:"size"`
	Bytes int64 `json:"bytes"`
}

// mempools calls one node at a time.
func (n *Nodes) mempools(ctx context.Context) {
	tick := time.NewTicker(n.Interval)
	defer tick.Stop()
	turns := &rota{called: map[string]uint64{}}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		network, node, found := n.next(turns)
		if !found {
			continue
		}
		calling, done := context.WithTimeout(ctx, callTimeout)
		info, err := cluster.Ask[Mempool](calling, n.Cluster, node.Pod, "getmempoolinfo")
		done()
		key := view.MempoolKey(network, node.Ordinal)
		if right, lacks := errors.AsType[*cluster.MissingRight](err); lacks {
			n.Missing(right.Error())
			return
		}
		switch {
		case err == nil:
			n.Store.Set(key, info)
		case ctx.Err() == nil:
			n.Store.Delete(key)
		}
	}
}

// rota is when each pod was called, by the number of the call.
type rota struct {
	called map[string]uint64
	number uint64
}

// next is the node whose last call is the longest ago. Visible nodes have two turns of three.
func (n *Nodes) next(turns *rota) (network string, node noderef.Node, found bool) {
	turns.number++
	shown := n.shown()
	preferVisible := turns.number%3 != 0
	exists := map[string]bool{}
	better := func(ordinalVisible, bestVisible bool, pod, best string) bool {
		if preferVisible && ordinalVisible != bestVisible {
			return ordinalVisible
		}
		return turns.called[pod] < turns.called[best]
	}
	bestVisible := false
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		object, err := n.Network(name)
		if err != nil {
			continue
		}
		for _, at := range chain.Ready(object) {
			exists[at.Pod] = true
			if isVisible := shown[name][at.Ordinal]; !found || better(isVisible, bestVisible, at.Pod, node.Pod) {
				network, node, found, bestVisible = name, at, true, isVisible
			}
		}
	}
	maps.DeleteFunc(turns.called, func(pod string, _ uint64) bool { return !exists[pod] })
	if found {
		turns.called[node.Pod] = turns.number
	}
	return network, node, found
}

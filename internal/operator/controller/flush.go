package controller

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// flushInterval is the least time between two flushes of a node.
const flushInterval = 10 * time.Second

// flushReserve is the free room that a volume must have for a flush. bitcoind ends when it flushes with less than 50 MiB, and keeps
// running on a full volume until then.
const flushReserve = 64 << 20

// flush makes nodes with storage write new blocks to their volumes, in the background. bitcoind does so when it is stopped, and otherwise
// once an hour: a node that is killed, by the limits of its container or with its machine, would start with an earlier block, or with none.
func (c *nodeClient) flush(ctx context.Context, network *v1.BitcoinNetwork, shared *sharedState, nodes []node, volumes volumeSizes, now time.Time) {
	if network.Spec.Storage == nil {
		return
	}
	onDisk := sizesOnDisk(nodes)
	for i := range nodes {
		n := &nodes[i]
		if n.answer == nil || n.answer.chain.Blocks == 0 || !hasRoom(volumes(n), onDisk[n.pod.UID]) || !shared.startFlush(n.key(), n.answer.chain.BestBlockHash, now) {
			continue
		}
		endpoint, of := c.endpoint(network, n), n.process()
		ctx := log.IntoContext(ctx, log.FromContext(ctx).WithValues("node", n.name()))
		c.run(ctx, shared.slots, changingCalls, func(ctx context.Context) {
			err := errPanicked
			defer func() { shared.endFlush(of, err) }()
			if err = c.rpc.Call(ctx, endpoint, bitcoind.Flush()); err != nil {
				log.FromContext(ctx).V(1).Info("A node may not have written its chain to the disk", "error", err.Error())
			}
		})
	}
}

// volumeSizes returns the size of a node's volume, nil when it is not known.
type volumeSizes func(*node) *resource.Quantity

// hasRoom estimates from the size of the blocks whether a volume has room for a flush.
func hasRoom(volume *resource.Quantity, onDisk int64) bool {
	return volume == nil || onDisk+flushReserve <= volume.Value()
}

// startFlush claims the flush of a node's chain up to this block, endFlush returns it.
func (s *sharedState) startFlush(of nodeKey, best string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of]
	if state == nil || state.flushing || state.unflushable || state.flushed == best || now.Sub(state.flushedAt) < flushInterval {
		return false
	}
	state.flushing, state.flushed, state.flushedAt = true, best, now
	return true
}

func (s *sharedState) endFlush(of process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of.nodeKey]
	if state == nil || state.process != of {
		return
	}
	state.flushing = false
	var unreachable *bitcoind.UnreachableError
	switch {
	case errors.Is(err, bitcoind.ErrUnauthorized):
		// Its configuration is that of an earlier operator.
		state.unflushable = true
	case errors.As(err, &unreachable) && !unreachable.Timeout():
		state.flushed = ""
	}
}

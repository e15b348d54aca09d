package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// pause is a node without connections.
type pause struct {
	end   context.CancelFunc
	ended chan error
}

// maxPause is the end of a pause that nothing ends.
const maxPause = 24 * time.Hour

// pause returns when bitcoind reports that the node has no connections any more.
func (p *Player) pause(ctx context.Context, network *v1.BitcoinNetwork, name scenario.Node) error {
	node, err := p.node(network, name)
	if err != nil {
		return err
	}
	if p.paused[node.Ordinal] != nil {
		return fmt.Errorf("node %d is paused already", node.Ordinal)
	}
	pausing, end := context.WithCancel(context.WithoutCancel(ctx))
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		err := chain.Pause(pausing, p.Cluster, node.Pod, maxPause, func() { close(begun) })
		if errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error() {
			err = nil // resumed
		}
		ended <- err
	}()
	select {
	case <-begun:
		p.paused[node.Ordinal] = &pause{end, ended}
		return nil
	case err := <-ended:
		end()
		return err
	case <-ctx.Done():
		end()
		timer := time.NewTimer(p.endTimeout)
		defer timer.Stop()
		select {
		case <-ended: //nolint:errcheck // the node is connected again, or its loss is what ended the context
		case <-timer.C:
			p.paused[node.Ordinal] = &pause{end, ended} // the end of the scenario waits for it again
		}
		return ctx.Err()
	}
}

// resume returns when the node has its connections again, and the blocks of the others.
func (p *Player) resume(ctx context.Context, network *v1.BitcoinNetwork, name scenario.Node, limit time.Duration) error {
	node, err := p.node(network, name)
	if err != nil {
		return err
	}
	paused := p.paused[node.Ordinal]
	if paused == nil {
		return fmt.Errorf("node %d is not paused", node.Ordinal)
	}
	paused.end()
	select {
	case err := <-paused.ended:
		delete(p.paused, node.Ordinal)
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err() // the end of the scenario waits for it again
	}
	return p.connected(ctx, fmt.Sprintf("the connection of node %d", node.Ordinal), limit)
}

// resumeAll ends all pauses.
func (p *Player) resumeAll(ctx context.Context) error {
	var first error
	for _, ordinal := range slices.Sorted(maps.Keys(p.paused)) {
		p.paused[ordinal].end()
		select {
		case err := <-p.paused[ordinal].ended:
			first = both(first, err)
		case <-ctx.Done():
			first = both(first, ctx.Err())
		}
	}
	clear(p.paused)
	return first
}

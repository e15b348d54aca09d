package backend

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
)

const (
	// maxBlocks is what a person mines by a click.
	maxBlocks = 1000
	maxPause  = 10 * time.Minute
	// limit is how long an action waits for its effect.
	limit = 2 * time.Minute
)

// Do implements page.Backend, with what the commands of the same names do.
func (b *Backend) Do(ctx context.Context, action page.Action, report func(words string)) (string, error) {
	switch action.Kind {
	case "mine":
		return b.mine(ctx, action)
	case "partition":
		return b.partition(ctx, action)
	case "heal":
		return b.heal(ctx, action)
	case "pause":
		return b.pause(ctx, action, report)
	}
	return "", invalid.Errorf("the action %q does not exist", action.Kind)
}

func (b *Backend) mine(ctx context.Context, action page.Action) (string, error) {
	if action.Blocks < 1 || action.Blocks > maxBlocks {
		return "", invalid.Errorf("%d is not a number of blocks from 1 to %d", action.Blocks, maxBlocks)
	}
	network, node, err := b.node(action.Network, action.Node)
	if err != nil {
		return "", err
	}
	wallet := faucet.Faucet{Cluster: b.Cluster, UID: string(network.UID), Node: node}
	address, err := wallet.Address(ctx)
	if err != nil {
		return "", err
	}
	tip, err := faucet.Mine(ctx, b.Cluster, node.Pod, action.Blocks, address)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Node %d mined %d blocks up to height %d.", node.Ordinal, action.Blocks, tip.Height), nil
}

func (b *Backend) partition(ctx context.Context, action page.Action) (string, error) {
	network, err := b.watcher.Network(action.Network)
	if err != nil {
		return "", err
	}
	sides, err := noderef.Sets(action.Sides, len(noderef.Nodes(network)))
	if err != nil {
		return "", err
	}
	if err := chain.Partition(ctx, b.Cluster, network.Name, sides); err != nil {
		return "", err
	}
	if err := chain.AwaitConnections(ctx, b.Cluster, network.Name, "the partition of "+network.Name, limit); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is partitioned: %s.", network.Name, strings.Join(action.Sides, " | ")), nil
}

func (b *Backend) heal(ctx context.Context, action page.Action) (string, error) {
	if _, err := b.watcher.Network(action.Network); err != nil {
		return "", err
	}
	// The watch may not have heard of a partition yet.
	network, err := b.Cluster.Get(ctx, action.Network)
	if err != nil {
		return "", err
	}
	forked, err := chain.Heal(ctx, b.Cluster, network, limit)
	switch {
	case err != nil:
		return "", err
	case forked:
		return network.Name + " is connected; the branches have the same height: the next block decides which one wins.", nil
	}
	return network.Name + " is connected; all nodes have one best block.", nil
}

func (b *Backend) pause(ctx context.Context, action page.Action, report func(words string)) (string, error) {
	duration := time.Duration(action.Seconds) * time.Second
	if action.Seconds < 1 || action.Seconds > int64(maxPause/time.Second) {
		return "", invalid.Errorf("%d is not a number of seconds from 1 to %d", action.Seconds, int64(maxPause/time.Second))
	}
	network, node, err := b.node(action.Network, action.Node)
	if err != nil {
		return "", err
	}
	paused := func() {
		report(fmt.Sprintf("Node %d has no connection any more, and gets them back after %s.", node.Ordinal, duration))
	}
	if err := chain.Pause(ctx, b.Cluster, node.Pod, duration, paused); err != nil {
		return "", err
	}
	report(fmt.Sprintf("Node %d is connecting again.", node.Ordinal))
	if err := chain.AwaitConnections(ctx, b.Cluster, network.Name, "the connection of "+node.Pod, limit); err != nil {
		return "", err
	}
	return fmt.Sprintf("Node %d was cut from the network for %s, and is connected again.", node.Ordinal, duration), nil
}

package play

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lasts is the time that a step takes on purpose.
func lasts(step *scenario.Step) time.Duration {
	total := time.Duration(step.Sleep)
	if step.Traffic != nil {
		total += time.Duration(step.Traffic.For)
	}
	if step.Miners != nil {
		total += time.Duration(step.Miners.For)
	}
	return total
}

// act carries out the action of a step, and returns its result.
func (p *Player) act(ctx context.Context, step *scenario.Step, limit time.Duration) (any, error) {
	switch {
	case step.Wait != nil:
		return nil, p.wait(ctx, step.Wait, limit)
	case step.Stop != "":
		return p.stop(ctx, step.Stop)
	case slices.Contains(step.Actions(), "sleep"): // also for 0s
		return nil, cluster.Sleep(ctx, time.Duration(step.Sleep))
	case step.Command != nil:
		return p.command(ctx, step.Command)
	case step.Container != nil:
		return p.container(ctx, step.Container, limit)
	}
	network, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case step.Traffic != nil:
		return p.traffic(ctx, network, step)
	case step.Miners != nil:
		return p.miners(ctx, network, step)
	case step.Link != nil:
		return p.link(ctx, network, step)
	case step.Partition != nil || step.Heal != nil || step.Pause != nil || step.Resume != nil || step.Kill != nil:
		return nil, p.disturb(ctx, network, step, limit)
	case step.Scale != nil || step.Change != nil:
		return nil, p.change(ctx, network, step, limit)
	}
	return p.coins(ctx, network, step, limit)
}

// disturb does to the network what the world can do to it.
func (p *Player) disturb(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step, limit time.Duration) error {
	switch {
	case step.Partition != nil:
		sets, err := noderef.Sets(step.Partition, len(noderef.Nodes(network)))
		if err != nil {
			return err
		}
		if err := chain.Partition(ctx, p.Cluster, p.network, sets); err != nil {
			return err
		}
		return p.connected(ctx, "the partition", limit)
	case step.Heal != nil:
		if err := p.resumeAll(ctx); err != nil {
			return err
		}
		_, err := chain.Heal(ctx, p.Cluster, network, limit)
		return err
	case step.Pause != nil:
		return p.pause(ctx, network, step.Pause.Node)
	case step.Resume != nil:
		return p.resume(ctx, network, step.Resume.Node, limit)
	}
	node, err := p.node(network, step.Kill.Node)
	if err != nil {
		return err
	}
	seconds := max(int64(step.Kill.Grace.Or(time.Second)/time.Second), 1)
	wait := step.Kill.Wait == nil || *step.Kill.Wait
	return chain.Kill(ctx, p.Cluster, p.network, node, seconds, wait && len(p.paused) == 0, limit)
}

// connected waits for the connections of the spec. A node that is paused has none, so they are not complete then.
func (p *Player) connected(ctx context.Context, what string, limit time.Duration) error {
	if len(p.paused) > 0 {
		return nil
	}
	return chain.AwaitConnections(ctx, p.Cluster, p.network, what, limit)
}

func (p *Player) faucet(network *v1.BitcoinNetwork, node noderef.Node) *faucet.Faucet {
	return &faucet.Faucet{Cluster: p.Cluster, UID: string(network.UID), Node: node}
}

// coins carries out the actions of blocks and payments.
func (p *Player) coins(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step, limit time.Duration) (any, error) {
	var name scenario.Node
	switch {
	case step.Mine != nil:
		name = step.Mine.Node
	case step.Address != nil:
		name = step.Address.Node
	case step.Fund != nil:
		name = step.Fund.Node
	case step.Reorg != nil:
		name = step.Reorg.Node
	case step.CLI != nil:
		name = step.CLI.Node
	default:
		return nil, fmt.Errorf("the action %s has no effect with these values", strings.Join(step.Actions(), ", "))
	}
	node, err := p.node(network, name)
	if err != nil {
		return nil, err
	}
	switch {
	case step.Mine != nil:
		return p.mine(ctx, network, node, step.Mine, limit)
	case step.Address != nil:
		f := p.faucet(network, node)
		if _, err := f.Address(ctx); err != nil {
			return nil, err
		}
		return f.NewAddress(ctx, "")
	case step.Fund != nil:
		return p.fund(ctx, network, node, step.Fund, limit)
	case step.Reorg != nil:
		return p.reorg(ctx, network, node, step.Reorg, limit)
	}
	return p.cli(ctx, node, step.CLI)
}

// maxBlocks is more than a scenario mines at once.
const maxBlocks = 40_000

func (p *Player) mine(ctx context.Context, network *v1.BitcoinNetwork, node noderef.Node, m *scenario.Mine, limit time.Duration) (any, error) {
	blocks := int64(1)
	if m.Blocks != nil {
		blocks = *m.Blocks
	}
	if blocks < 0 || blocks > maxBlocks {
		return nil, fmt.Errorf("%d is not a number of blocks: write one from 0 to %d", blocks, maxBlocks)
	}
	address := m.To
	if address != "" {
		if err := faucet.CheckAddress(address); err != nil {
			return nil, err
		}
	} else {
		var err error
		if address, err = p.faucet(network, node).Address(ctx); err != nil {
			return nil, err
		}
	}
	tip, err := p.blocks(ctx, node, blocks, address, m.Empty)
	if err != nil || m.Wait != nil && !*m.Wait {
		return tip, err
	}
	return tip, faucet.AwaitMined(ctx, p.Cluster, node, p.side(network, node), tip, limit)
}

func (p *Player) blocks(ctx context.Context, node noderef.Node, blocks int64, address string, empty bool) (faucet.Tip, error) {
	if blocks > 0 && !empty {
		return faucet.Mine(ctx, p.Cluster, node.Pod, blocks, address)
	}
	for range blocks {
		if _, err := p.Cluster.CLI(ctx, node.Pod, "generateblock", address, "[]"); err != nil {
			return faucet.Tip{}, err
		}
	}
	return faucet.BestTip(ctx, p.Cluster, node.Pod)
}

func (p *Player) fund(ctx context.Context, network *v1.BitcoinNetwork, node noderef.Node, f *scenario.Fund, limit time.Duration) (any, error) {
	if err := faucet.CheckAddress(f.To); err != nil {
		return nil, err
	}
	from := p.faucet(network, node)
	if f.Fee != nil {
		if *f.Fee < 1 || *f.Fee > maxFee {
			return nil, fmt.Errorf("the fee %d is not from 1 to %d satoshis for each virtual byte", *f.Fee, maxFee)
		}
		from.Fee = *f.Fee
	}
	payment, err := from.Pay(ctx, f.To, amount.Satoshis(f.Amount))
	if err != nil || f.Confirm != nil && !*f.Confirm {
		return payment, err
	}
	if err := from.Confirm(ctx, payment); err != nil {
		return payment, err
	}
	return payment, from.Arrive(ctx, payment, p.side(network, node), limit)
}

// maxFee keeps a payment below what bitcoind takes for a mistake.
const maxFee = 5000

func (p *Player) reorg(ctx context.Context, network *v1.BitcoinNetwork, node noderef.Node, r *scenario.Reorg, limit time.Duration) (any, error) {
	depth := int64(1)
	if r.Depth != nil {
		depth = *r.Depth
	}
	if depth < 1 || depth > 1000 {
		return nil, fmt.Errorf("the depth %d is not from 1 to 1000", depth)
	}
	address := r.To
	if address == "" {
		// A block for the same address in the same second as an old one would be that block, which is invalid now.
		f := p.faucet(network, node)
		if _, err := f.Address(ctx); err != nil {
			return nil, err
		}
		var err error
		if address, err = f.NewAddress(ctx, "reorg"); err != nil {
			return nil, err
		}
	} else if err := faucet.CheckAddress(address); err != nil {
		return nil, err
	}
	run := chain.Reorg{Cluster: p.Cluster, Node: node, Others: p.side(network, node), Depth: depth, Address: address, Empty: r.Empty, Limit: limit}
	return run.Run(ctx)
}

package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	"github.com/christianb93/bitcoin-controller/internal/plugin/traffic"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxWallets is the number of nodes that send to each other.
const maxWallets = 8

func (p *Player) traffic(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step) (any, error) {
	t := step.Traffic
	interval, err := traffic.ParseRate(or(t.Rate, "1/s"))
	if err != nil {
		return nil, err
	}
	fees, err := traffic.ParseFees(or(t.Fee, "1-20"))
	if err != nil {
		return nil, err
	}
	nodes, err := p.senders(network, string(t.Nodes))
	if err != nil {
		return nil, err
	}
	run := &traffic.Traffic{Cluster: p.Cluster, Interval: interval, Blocks: time.Duration(t.Blocks), Fees: fees, Note: p.note, Seed: p.seed()}
	for _, node := range nodes {
		run.Faucets = append(run.Faucets, p.faucet(network, node))
	}
	if err := run.Prepare(ctx); err != nil {
		return nil, err
	}
	return p.background(ctx, step.As, time.Duration(t.For), func(ctx context.Context) (any, error) { return run.Run(ctx), nil })
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// senders are the nodes whose wallets pay each other.
func (p *Player) senders(network *v1.BitcoinNetwork, text string) ([]noderef.Node, error) {
	all := noderef.Nodes(network)
	if text == "" {
		first, err := p.node(network, "")
		if err != nil {
			return nil, err
		}
		nodes := append([]noderef.Node{first}, p.side(network, first)...)
		return nodes[:min(len(nodes), maxWallets)], nil
	}
	ordinals, err := noderef.Ordinals(text, len(all))
	if err != nil {
		return nil, err
	}
	if len(ordinals) > maxWallets {
		return nil, fmt.Errorf("%d nodes are more than the %d that can send", len(ordinals), maxWallets)
	}
	var nodes []noderef.Node
	for _, ordinal := range ordinals {
		nodes = append(nodes, all[ordinal])
	}
	return nodes, nil
}

// mined is the result of miners.
type mined struct {
	Blocks int64            `json:"blocks"`
	By     map[string]int64 `json:"by"`
}

// minInterval of all miners together: each block is a call of bitcoin-cli.
const minInterval = 100 * time.Millisecond

func (p *Player) miners(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step) (any, error) {
	m := step.Miners
	if time.Duration(m.Every) < minInterval {
		return nil, fmt.Errorf("miners: every is %s, and has to be at least %s", time.Duration(m.Every), minInterval)
	}
	names := slices.Sorted(maps.Keys(m.Shares))
	nodes, addresses, total := make([]noderef.Node, len(names)), make([]string, len(names)), int64(0)
	for i, name := range names {
		var err error
		if nodes[i], err = p.node(network, scenario.Node(name)); err != nil {
			return nil, err
		}
		if addresses[i], err = p.faucet(network, nodes[i]).Address(ctx); err != nil {
			return nil, err
		}
		if m.Shares[name] < 1 || m.Shares[name] > 1_000_000 {
			return nil, fmt.Errorf("miners: the share of %s is %d, and has to be from 1 to 1000000", name, m.Shares[name])
		}
		total += m.Shares[name]
	}
	if total == 0 {
		return nil, errors.New("miners: it has no shares")
	}
	random := p.random(1)
	return p.background(ctx, step.As, time.Duration(m.For), func(ctx context.Context) (any, error) {
		result := mined{By: map[string]int64{}}
		for cluster.Sleep(ctx, next(random, time.Duration(m.Every))) == nil {
			i := choose(random, names, m.Shares, total)
			// A block that is being mined at the end counts.
			calling, done := longer(ctx, p.endTimeout*2/3)
			_, err := faucet.Mine(calling, p.Cluster, nodes[i].Pod, 1, addresses[i])
			done()
			if _, away := errors.AsType[*cluster.NodeError](err); away {
				p.note("a block of node %d is lost: %s", nodes[i].Ordinal, err.Error())
				continue
			} else if err != nil {
				return result, err
			}
			result.Blocks++
			result.By[names[i]]++
		}
		return result, nil
	})
}

// next is the time to the next block: exponentially distributed, as on a real network, and at most ten times the mean.
func next(random *rand.Rand, mean time.Duration) time.Duration {
	return min(time.Duration(random.ExpFloat64()*float64(mean)), 10*mean)
}

func choose(random *rand.Rand, names []string, shares map[string]int64, total int64) int {
	at := random.Int64N(total)
	for i, name := range names {
		if at -= shares[name]; at < 0 {
			return i
		}
	}
	return len(names) - 1
}

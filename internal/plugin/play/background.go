package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	"github.com/christianb93/bitcoin-controller/internal/plugin/traffic"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// task runs in the background.
type task struct {
	cancel context.CancelFunc
	done   chan struct{}
	result any
	err    error
}

// background runs a function until it is stopped, or for a time, which it waits for then.
func (p *Player) background(ctx context.Context, as string, lasts time.Duration, run func(context.Context) (any, error)) (any, error) {
	if lasts > 0 {
		limited, cancel := context.WithTimeout(ctx, lasts)
		defer cancel()
		result, err := run(limited)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return result, err
	}
	running, cancel := context.WithCancel(p.alive)
	t := &task{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.result, t.err = run(running)
	}()
	if as == "" {
		as = fmt.Sprintf("step %d", p.number)
	}
	p.tasks[as] = t
	return nil, nil
}

// stop ends what runs under a name, which has its result then.
func (p *Player) stop(name string) (any, error) {
	t := p.tasks[name]
	if t == nil {
		return nil, fmt.Errorf("nothing runs under the name %s", name)
	}
	delete(p.tasks, name)
	t.cancel()
	<-t.done
	if t.err != nil {
		return nil, fmt.Errorf("%s has failed meanwhile: %w", name, t.err)
	}
	value, err := generic(t.result)
	p.Values[name] = value
	p.note("%s: %s", name, scenario.Text(value))
	return t.result, err
}

func (p *Player) stopAll() {
	for _, name := range slices.Sorted(maps.Keys(p.tasks)) {
		if _, err := p.stop(name); err != nil {
			p.note("%s", err.Error())
		}
	}
}

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
	random := p.random(1)
	return p.background(ctx, step.As, time.Duration(m.For), func(ctx context.Context) (any, error) {
		result := mined{By: map[string]int64{}}
		for cluster.Sleep(ctx, next(random, time.Duration(m.Every))) == nil {
			i := choose(random, names, m.Shares, total)
			if _, err := faucet.Mine(context.WithoutCancel(ctx), p.Cluster, nodes[i].Pod, 1, addresses[i]); err != nil {
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

// carried is the result of a link.
type carried struct {
	Carried int64 `json:"carried"`
}

// link hands the blocks of each of two nodes to the other, after a delay.
func (p *Player) link(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step) (any, error) {
	from, err := p.node(network, step.Link.From)
	if err != nil {
		return nil, err
	}
	to, err := p.node(network, step.Link.To)
	if err != nil {
		return nil, err
	}
	for _, node := range chain.Side(network, from) {
		if node == to {
			return nil, fmt.Errorf("nodes %d and %d are connected, so a link changes nothing: cut them with partition first", from.Ordinal, to.Ordinal)
		}
	}
	l := &link{p: p, delay: time.Duration(step.Link.Delay)}
	return p.background(ctx, step.As, 0, func(ctx context.Context) (any, error) {
		var both errgroup.Group
		both.Go(func() error { return l.follow(ctx, from.Pod, to.Pod) })
		both.Go(func() error { return l.follow(ctx, to.Pod, from.Pod) })
		err := both.Wait()
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return carried{l.carried}, err
	})
}

type link struct {
	p       *Player
	delay   time.Duration
	mu      sync.Mutex
	carried int64
}

// blockTimeout is how long one call waits for a block, in milliseconds.
const blockTimeout = 3000

// follow waits for the blocks of a node, and gives each to the other one when its time has come.
func (l *link) follow(ctx context.Context, from, to string) error {
	tip, err := faucet.BestTip(ctx, l.p.Cluster, from)
	if err != nil {
		return err
	}
	var moving sync.WaitGroup
	defer moving.Wait()
	for ctx.Err() == nil {
		text, err := l.p.Cluster.CLI(ctx, from, "waitforblockheight", strconv.FormatInt(tip.Height+1, 10), strconv.Itoa(blockTimeout))
		if err != nil {
			return err
		}
		latest, err := decode([]byte(text))
		if err != nil {
			return err
		}
		best := tipOf(latest)
		if best.Height <= tip.Height {
			continue // no block within the time
		}
		moving.Go(func() { l.carry(ctx, from, to, best) })
		tip = best
	}
	return ctx.Err()
}

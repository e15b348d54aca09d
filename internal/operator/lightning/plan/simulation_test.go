package plan

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const uid = "7d2c1fd0-6f5b-4a53-9d1c-2d1c1b6d0a11"

// simulation is a LightningNetwork of simulated LNDs on simulated chains, whose plans are carried out step by step.
type simulation struct {
	*testing.T
	net    *lightningtest.Network
	nodes  []*lightningtest.LND
	chains []*chain
	now    time.Time
	spec   v1.LightningNetworkSpec
	uid    string

	since    map[string]time.Time
	failures map[string]Failure
	mined    Mined
	minedTo  map[int]int64
	wallets  map[string]string
	channels []v1.LightningChannelStatus
	synced   bool
	// silent nodes do not answer, and change edits the inputs of each plan.
	silent map[int]bool
	change func(*Inputs)
	// noAddress are the errors of the nodes whose wallet gives no address.
	noAddress map[int]string
	// stuck bitcoinds mine nothing.
	stuck  map[int]bool
	blocks int
}

// chain of a bitcoind.
type chain struct {
	blocks []lightningtest.Block
	side   int
}

// newSimulation has so many bitcoinds on one chain, and an LND for each node of the specification.
func newSimulation(t *testing.T, bitcoinds int, spec v1.LightningNetworkSpec) *simulation {
	t.Helper()
	l := &simulation{T: t, net: lightningtest.New(), now: time.Unix(1_800_000_000, 0), spec: spec, uid: uid, silent: map[int]bool{}}
	l.net.Now = func() time.Time { return l.now }
	for range bitcoinds {
		l.chains = append(l.chains, &chain{})
	}
	for i := range int(spec.Nodes) {
		l.nodes = append(l.nodes, l.net.Start(l.chainOf(i)))
	}
	l.restart()
	return l
}

func (l *simulation) chainOf(node int) lightningtest.Chain {
	c := l.chains[node%len(l.chains)]
	return func() ([]lightningtest.Block, bool) { return c.blocks, true }
}

// restart the operator: it forgets everything but the status.
func (l *simulation) restart() {
	l.since, l.failures, l.mined, l.minedTo, l.wallets = map[string]time.Time{}, map[string]Failure{}, Mined{}, map[int]int64{}, map[string]string{}
}

func (l *simulation) mine(bitcoind, blocks int, script string) {
	miner := l.chains[bitcoind]
	for range blocks {
		l.blocks++
		block := lightningtest.Block{Hash: fmt.Sprintf("block %d", l.blocks), Time: l.now.Unix(), Script: script}
		for _, c := range l.chains {
			if c.side == miner.side {
				c.blocks = append(c.blocks[:len(c.blocks):len(c.blocks)], block)
			}
		}
	}
}

func (l *simulation) inputs() *Inputs {
	in := &Inputs{
		Now: l.now, UID: l.uid, BitcoinNetwork: "net", Wanted: int(l.spec.Nodes), Desired: Desired(&l.spec), Bitcoins: map[int]Bitcoin{}, Previous: l.channels,
		WasSynced: l.synced, CloseTimeout: time.Minute, Since: l.since, Busy: map[string]bool{}, Failures: l.failures,
	}
	for i, c := range l.chains {
		tip := Tip{Hash: "genesis", Time: time.Unix(1296688602, 0)}
		if n := len(c.blocks); n > 0 {
			tip = Tip{Height: int64(n), Hash: c.blocks[n-1].Hash, Time: time.Unix(c.blocks[n-1].Time, 0)}
		}
		in.Bitcoins[i] = Bitcoin{Ordinal: i, Side: c.side, Tip: &tip, MinedTo: l.minedTo[i]}
	}
	for i, n := range l.nodes {
		node := Node{Ordinal: i, Address: fmt.Sprintf("node-%d:9735", i), Bitcoin: i % len(l.chains), Exists: true}
		if !l.silent[i] {
			state := n.State()
			node.State, node.Wallet = &state, l.wallets[n.PubKey()]
		}
		in.Nodes = append(in.Nodes, node)
	}
	if l.change != nil {
		l.change(in)
	}
	l.mined = l.mined.Restored(in)
	in.Mined = l.mined
	return in
}

// step makes a plan and carries it out, which takes a second.
func (l *simulation) step() Plan {
	l.Helper()
	p := New(l.inputs())
	l.now = l.now.Add(time.Second)
	maps.DeleteFunc(l.since, func(mark string, _ time.Time) bool { return !p.Marks[mark] })
	for mark := range p.Marks {
		if _, known := l.since[mark]; !known {
			l.since[mark] = l.now.Add(-time.Second)
		}
	}
	l.channels, l.synced, l.mined = p.Channels, p.Synced.Met, l.mined.Await(&p, l.now)
	for _, i := range p.Addresses {
		if message := l.noAddress[i]; message != "" {
			l.report(KeyAddress(i), message)
			continue
		}
		l.wallets[l.nodes[i].PubKey()] = l.nodes[i].NewAddress()
	}
	for _, c := range p.Connect {
		message := ""
		for _, failed := range l.nodes[c.Node].Connect([]api.Peer{c.Peer}) {
			message = failed.Message
		}
		l.report(c.Key(), message)
	}
	for _, o := range p.Open {
		result := l.nodes[o.Node].Open(o.Channels)
		for _, opened := range result.Opened {
			l.report(KeyChannel(opened.Memo), "")
		}
		for _, failed := range result.Failed {
			l.report(KeyChannel(failed.Memo), failed.Message)
		}
	}
	for _, c := range p.Close {
		end := func(point string) string { return l.nodes[c.Node].Close(point, c.Force) }
		switch {
		case c.Abandon:
			end = l.nodes[c.Node].Abandon
		case c.Publish:
			end = l.nodes[c.Node].Publish
		}
		l.report(c.Key(), end(c.Point))
	}
	if p.Mine != nil && l.stuck[p.Mine.Bitcoin] {
		l.mined = l.mined.With(p.Mine, 0, l.now)
		l.report(KeyMine, "no space left")
	} else if p.Mine != nil {
		delete(l.failures, KeyMine)
		for _, reward := range p.Mine.Rewards {
			l.mine(p.Mine.Bitcoin, reward.Blocks, reward.Address)
		}
		l.minedTo[p.Mine.Bitcoin] = int64(len(l.chains[p.Mine.Bitcoin].blocks))
		l.mined = l.mined.With(p.Mine, p.Mine.Blocks(), l.now)
	}
	return p
}

func (l *simulation) report(key, message string) {
	if message == "" {
		delete(l.failures, key)
		return
	}
	l.failures[key] = Failure{Message: message, Count: l.failures[key].Count + 1, At: l.now}
}

// until makes steps until a plan is as wanted, and returns it.
func (l *simulation) until(what string, is func(Plan) bool) Plan {
	l.Helper()
	var p Plan
	for range 200 {
		if p = l.step(); is(p) {
			return p
		}
	}
	l.Fatalf("not %s after 200 steps: %+v", what, p)
	return p
}

func (l *simulation) ready() Plan {
	l.Helper()
	return l.until("ready", isReady)
}

func isReady(p Plan) bool { return p.Synced.Met && p.Funded.Met && p.ChannelsActive.Met }

// actives are the channels that both ends report as usable at this moment.
func (l *simulation) actives() int {
	ends := map[string]int{}
	for _, n := range l.nodes {
		for _, c := range n.State().Channels {
			if c.State == api.Open && c.Active && (c.Private || c.Announced) && c.Policies == 2 {
				ends[c.Point+" "+c.ShortID]++
			}
		}
	}
	active := 0
	for _, count := range ends {
		active += count / 2
	}
	return active
}

// once fails unless each of so many channels was opened once.
func (l *simulation) once(channels int) {
	l.Helper()
	opened := l.net.Opened()
	if len(opened) != channels {
		l.Errorf("%d channels were opened, want %d: %v", len(opened), channels, opened)
	}
	for memo, count := range opened {
		if count != 1 {
			l.Errorf("%s was opened %d times", memo, count)
		}
	}
}

func line(nodes int32, channels ...v1.LightningChannel) v1.LightningNetworkSpec {
	return v1.LightningNetworkSpec{Nodes: nodes, Channels: channels}
}

func open(from, to int32, capacity int64) v1.LightningChannel {
	return v1.LightningChannel{From: from, To: to, Capacity: capacity, Count: 1}
}

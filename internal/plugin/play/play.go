// Package play carries out scenarios: the steps, one after the other, what runs in the background meanwhile, and what is expected. It
// leaves nothing behind, unless it is asked to.
package play

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Player carries out one scenario, once.
type Player struct {
	Cluster  *cluster.Client
	Scenario *scenario.Scenario
	// Name of the scenario, from which those of objects are derived.
	Name string
	// Values are the parameters.
	Values scenario.Values
	Seed   int64
	// Use is the name of an existing network, instead of that of the scenario.
	Use string
	// Keep leaves the network as it is at the end.
	Keep   bool
	Report *report.Report
	// Progress prints a line for each step.
	Progress func(format string, args ...any)

	alive   context.Context //nolint:containedctx // the lifetime of what runs in the background
	network string
	// original is the network before the scenario, nil when the scenario creates it.
	original *v1.BitcoinNetwork
	number   int // of the step
	tasks    map[string]*task
	paused   map[int]*pause
	forward  *forward.Forwarder
	addrs    map[string]map[string]string
	watchers sync.WaitGroup
	events   events
	// sets are the names of the StatefulSets of the network.
	sets []string
	// endTimeout is how long what runs in the background may take to end.
	endTimeout time.Duration
}

// Failure is a step that failed.
type Failure struct {
	Location string
	Number   int
	Title    string
	Err      error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: step %d (%s): %s", f.Location, f.Number, f.Title, f.Err.Error())
}

func (f *Failure) Unwrap() error { return f.Err }

// Play returns when the last step has passed, or with the *Failure of the first that has not.
func (p *Player) Play(ctx context.Context) (err error) {
	p.tasks, p.paused = map[string]*task{}, map[int]*pause{}
	if p.endTimeout == 0 {
		p.endTimeout = taskEndTimeout
	}
	p.Report.Seed, p.Report.Namespace = p.Seed, p.Cluster.Namespace
	p.Values["seed"], p.Values["namespace"], p.Values["turn"] = strconv.FormatInt(p.Seed, 10), p.Cluster.Namespace, "1"
	watching, stop := context.WithCancel(ctx)
	p.alive = watching
	defer func() {
		failed := p.clean(ctx)
		stop()
		p.watchers.Wait()
		if err == nil {
			err = failed
		} else if failed != nil {
			p.Progress("%s", failed.Error())
		}
		p.Report.End(err)
	}()
	if err := p.setup(ctx, watching); err != nil {
		p.skip(0)
		return err
	}
	for i := range p.Scenario.Steps {
		if err := p.step(ctx, &p.Scenario.Steps[i], i+1); err != nil {
			p.skip(i + 1)
			return err
		}
	}
	return nil
}

// setup is step 0: the network.
func (p *Player) setup(ctx, watching context.Context) error {
	begin := time.Now()
	title, err := p.prepare(ctx, watching)
	err = p.failure(ctx, p.Scenario.File, 0, title, err)
	p.finish(report.Step{Number: 0, Name: title, Location: p.Scenario.File}, time.Since(begin), err)
	return err
}

// failure adds the place of an error. What an interrupt broke off is no failure of the step.
func (p *Player) failure(ctx context.Context, location string, number int, title string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &Failure{location, number, title, err}
}

// skip reports the steps that were not carried out.
func (p *Player) skip(from int) {
	for i := from; i < len(p.Scenario.Steps); i++ {
		step := &p.Scenario.Steps[i]
		p.Report.Finish(report.Step{Number: i + 1, Name: step.Title(), Location: p.Scenario.Location(step), Result: report.Skipped}, 0)
	}
}

// step carries out a step with its turns.
func (p *Player) step(ctx context.Context, step *scenario.Step, number int) error {
	p.number = number
	p.Values["turn"] = "1"
	begin := time.Now()
	title := step.Title()
	p.Report.Add(time.Time{}, report.KindStep, "", "step %d: %s", number, title)
	err := p.turns(ctx, step, &title)
	if err != nil && step.MayFail && ctx.Err() == nil {
		p.note("it failed, which it may: %s", err.Error())
		err = nil
	}
	err = p.failure(ctx, p.Scenario.Location(step), number, title, err)
	p.finish(report.Step{Number: number, Name: title, Location: p.Scenario.Location(step)}, time.Since(begin), err)
	return err
}

// turns carries a step out once, or as often as it is repeated.
func (p *Player) turns(ctx context.Context, step *scenario.Step, title *string) error {
	for turn := int64(1); ; turn++ {
		p.Values["turn"] = strconv.FormatInt(turn, 10)
		resolved, err := p.Values.Resolve(step)
		if err != nil {
			return err
		}
		*title = resolved.Title()
		result, err := p.limited(ctx, resolved)
		if err != nil {
			return err
		}
		if step.As != "" {
			if p.Values[step.As], err = generic(result); err != nil {
				return err
			}
		}
		if resolved.Repeat == nil || turn >= *resolved.Repeat {
			return nil
		}
	}
}

// actionTimeout is the time of a step without within.
const actionTimeout = 2 * time.Minute

// limited carries out an action within its time.
func (p *Player) limited(ctx context.Context, step *scenario.Step) (any, error) {
	limit := step.Within.Or(actionTimeout)
	if step.Expect != nil {
		return p.expect(ctx, step.Expect, step.Within.Or(scenario.ExpectTimeout+time.Duration(step.Expect.Holds)))
	}
	// A step that waits by itself reports what it waits for: the limit here is for one that hangs.
	bounded, cancel := context.WithTimeout(ctx, limit+grace+lasts(step))
	defer cancel()
	result, err := p.act(bounded, step, limit)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("it did not end within %s: %w", limit, err)
	}
	return result, err
}

const grace = 5 * time.Second

func (p *Player) finish(step report.Step, took time.Duration, err error) {
	step.Result = report.Passed
	word := "ok  "
	if err != nil {
		step.Result, step.Error, word = report.Failed, err.Error(), "FAIL"
	}
	p.Report.Add(time.Time{}, report.KindResult, "", "step %d: %s", step.Number, step.Result)
	p.Report.Finish(step, took)
	p.Progress("%s %2d/%d %7.1fs  %s", word, step.Number, len(p.Scenario.Steps), took.Seconds(), step.Name)
}

// note is for the timeline.
func (p *Player) note(format string, args ...any) {
	p.Report.Add(time.Time{}, report.KindNote, "", format, args...)
}

// random is the source of one purpose of a step: the same for the same seed, whatever others use at the same time.
func (p *Player) random(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(p.Seed), uint64(p.number)<<8|purpose)) //nolint:gosec // choices, no secret
}

// seed is that of a step.
func (p *Player) seed() *uint64 {
	seed := p.random(2).Uint64()
	return &seed
}

// get is the present network.
func (p *Player) get(ctx context.Context) (*v1.BitcoinNetwork, error) {
	return p.Cluster.Get(ctx, p.network)
}

// node finds the node that a step names, node 0 if it names none.
func (p *Player) node(network *v1.BitcoinNetwork, name scenario.Node) (noderef.Node, error) {
	nodes := noderef.Nodes(network)
	if name == scenario.Random && len(nodes) > 0 {
		node := nodes[p.random(0).IntN(len(nodes))]
		p.note("the seed chooses node %d", node.Ordinal)
		return node, nil
	}
	text := network.Name
	if name != "" {
		text += "/" + string(name)
	}
	ref, err := noderef.Parse(text)
	if err != nil {
		return noderef.Node{}, err
	}
	return ref.Node(network)
}

// side are the nodes that get the blocks of a node: not those on another side of a partition, and none that is paused.
func (p *Player) side(network *v1.BitcoinNetwork, node noderef.Node) []noderef.Node {
	if p.paused[node.Ordinal] != nil {
		return nil
	}
	return slices.DeleteFunc(chain.Side(network, node), func(n noderef.Node) bool { return p.paused[n.Ordinal] != nil })
}

//go:build faults

package faults

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// fault is one thing that happens in a run.
type fault struct {
	// at is the time since the beginning, and lasts its duration, for those that end.
	at, lasts time.Duration
	kind      string
	// target is the number of a node or of an operator, and amount what the kind needs: a percentage, a number of nodes, a topology.
	target, amount int
}

func (f fault) String() string {
	return fmt.Sprintf("%-13s target %d amount %2d for %s", f.kind, f.target, f.amount, f.lasts.Round(100*time.Millisecond))
}

// weights of the kinds: which of them a run has at all is a choice too, so that some runs have faults of nodes only.
var weights = []struct {
	kind   string
	weight int
	// group of the kinds that a run has or has not.
	group int
}{
	{"rpc", 6, 0}, {"rpc-lie", 3, 0}, {"node-kill", 5, 0}, {"node-freeze", 4, 0}, {"pod-delete", 4, 0},
	{"api", 6, 1}, {"watch-cut", 4, 1}, {"api-gone", 2, 1},
	{"op-kill", 3, 2}, {"op-freeze", 3, 2}, {"op-second", 3, 2}, {"op-takeover", 2, 2}, {"op-stop", 2, 2}, {"lease", 2, 2},
	{"scale", 3, 3}, {"topology", 3, 3}, {"partition", 3, 3}, {"heal", 3, 3}, {"mining", 2, 3},
	{"machine", 3, 4}, {"clock", 4, 4}, {"disk-full", 3, 4},
}

type plan struct {
	storage bool
	// perPod is spec.nodesPerPod.
	perPod int32
	faults []fault
}

// planOf is the run of a seed: the same seed makes the same choices.
func planOf(seed uint64) plan {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // for tests
	p := plan{storage: random.IntN(2) == 0}
	// At least one group; all of them in every fourth run.
	groups := 1 + random.IntN(31)
	if random.IntN(4) == 0 {
		groups = 31
	}
	total := 0
	for _, w := range weights {
		if groups>>w.group&1 == 1 {
			total += w.weight
		}
	}
	length := 20*time.Second + time.Duration(random.IntN(20_000))*time.Millisecond
	for at := time.Duration(0); at < length; at += time.Duration(300+random.IntN(2700)) * time.Millisecond {
		f := fault{at: at, lasts: time.Duration(1000+random.IntN(9000)) * time.Millisecond, target: random.IntN(60), amount: random.IntN(60)}
		left := random.IntN(total)
		for _, w := range weights {
			if groups>>w.group&1 == 0 {
				continue
			}
			if left -= w.weight; left < 0 {
				f.kind = w.kind
				break
			}
		}
		p.faults = append(p.faults, f)
	}
	// After all other choices, so that these stay those of the seed.
	if random.IntN(3) == 0 {
		p.perPod = 2
	}
	return p
}

func TestASeedRepeatsItsChoices(t *testing.T) {
	kinds, shared := map[string]bool{}, 0
	for seed := range uint64(200) {
		p := planOf(seed)
		if !reflect.DeepEqual(p, planOf(seed)) {
			t.Fatalf("seed %d makes other choices the second time", seed)
		}
		for _, f := range p.faults {
			kinds[f.kind] = true
		}
		if p.perPod > 1 {
			shared++
		}
	}
	if len(kinds) != len(weights) {
		t.Errorf("200 seeds have %d kinds of faults, want %d", len(kinds), len(weights))
	}
	if shared < 40 || shared > 100 {
		t.Errorf("in %d of 200 seeds nodes share pods, want about a third", shared)
	}
	if reflect.DeepEqual(planOf(1), planOf(2)) {
		t.Error("two seeds make the same choices")
	}
}

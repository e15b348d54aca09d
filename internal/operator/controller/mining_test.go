package controller

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestBlocksAreMinedAtTheInterval(t *testing.T) {
	for name, test := range map[string]struct {
		spec v1.Mining
		// quick is how many blocks a user has mined at once before.
		quick int
		clock time.Duration
		want  int
	}{
		"every second":                            {every(time.Second), 0, 0, 60},
		"every second and a half":                 {every(1500 * time.Millisecond), 0, 0, 40},
		"at the default interval":                 {v1.Mining{}, 0, 0, 6},
		"after 1,000 quick blocks":                {every(time.Second), 1000, 0, 60},
		"after 20,000 quick blocks":               {every(10 * time.Second), 20_000, 0, 6},
		"with clocks of nodes three hours behind": {every(10 * time.Second), 0, -3 * time.Hour, 6},
		"with clocks of nodes an hour ahead":      {every(10 * time.Second), 0, time.Hour, 6},
		"to an address":                           {v1.Mining{Address: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"}, 0, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newMiningWorld(t, 3, lineOf(0, 2), test.spec)
				w.clock = test.clock
				if err := w.mine(0, test.quick, false); err != nil {
					t.Fatal(err)
				}
				w.run(time.Minute+500*time.Millisecond, 0)
				if got := len(w.mined); got < test.want-1 || got > test.want+1 {
					t.Errorf("%d blocks in a minute, want %d; gaps %v", got, test.want, w.gaps())
				}
				if len(w.reports) != 2 || len(w.events) > 0 {
					t.Errorf("conditions %q, events %q", w.reports, w.events)
				}
			})
		})
	}
}

// A new operator knows only the chain and the status.
func TestARestartOfTheOperatorDoesNotChangeWhenBlocksAreMined(t *testing.T) {
	for name, test := range map[string]struct {
		interval, restarts time.Duration
		quick              int
	}{
		"restarts every 50 minutes":                        {time.Hour, 50 * time.Minute, 0},
		"restarts every 7 seconds":                         {time.Hour, 7 * time.Second, 0},
		"restarts in each interval of 10 seconds":          {10 * time.Second, 7 * time.Second, 0},
		"blocks that are an hour ahead":                    {time.Hour, 50 * time.Minute, 23_000},
		"blocks that are an hour ahead, and many restarts": {time.Hour, 7 * time.Second, 23_000},
		"blocks that are ahead by some minutes":            {10 * time.Second, 7 * time.Second, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newMiningWorld(t, 3, lineOf(0, 2), every(test.interval))
				if err := w.mine(0, test.quick, false); err != nil {
					t.Fatal(err)
				}
				w.run(12*test.interval+test.interval/2, test.restarts)
				if got := len(w.mined); got != 12 {
					t.Errorf("%d blocks in 12 intervals and a half, want 12", got)
				}
				for i, gap := range w.gaps() {
					if (gap - test.interval).Abs() > time.Second {
						t.Errorf("block %d after %s", i+1, gap)
					}
				}
				for i, miner := range w.miners() {
					if want := (test.quick + i) % 3; miner != want {
						t.Errorf("miners %v: block %d is the turn of node %d", w.miners(), i, want)
						break
					}
				}
				if len(w.events) > 0 {
					t.Errorf("events %v", w.events)
				}
			})
		})
	}
}

// The block is in the chain, but not in the status.
func TestAnOperatorThatEndsAfterABlockMinesNoOtherAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 2, lineOf(0, 1), every(time.Hour))
		w.run(time.Hour-time.Second, 0)
		written := *w.network.Status.DeepCopy()
		w.run(2*time.Second, 0)
		if len(w.mined) != 1 {
			t.Fatalf("%d blocks", len(w.mined))
		}
		w.network.Status = written
		time.Sleep(10 * time.Minute)
		w.restart()
		w.run(3*time.Hour, 0)
		if gaps := w.gaps(); len(gaps) < 2 || gaps[0] != time.Hour || gaps[1] != time.Hour {
			t.Errorf("the next blocks after %v", gaps)
		}
	})
}

func TestABlockOfAUserPostponesTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 2, lineOf(0, 1), every(time.Minute))
		w.run(90*time.Second, 0)
		if err := w.mine(1, 1, false); err != nil {
			t.Fatal(err)
		}
		w.run(2*time.Minute, 0)
		if gaps := w.gaps(); len(w.mined) != 2 || gaps[0] != 90*time.Second {
			t.Errorf("blocks after %v, want one after 90 seconds: a minute after the user's", gaps)
		}
	})
}

// Blocks per interval are as many as without a partition, and each side has a share.
func TestTheSidesOfAPartitionShareTheBlocks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 6, slices.Concat(lineOf(0, 3), lineOf(4, 5)), every(time.Second))
		w.run(time.Minute+500*time.Millisecond, 7*time.Second)
		per := map[int]int{}
		for _, miner := range w.miners() {
			per[miner]++
		}
		if len(w.mined) < 59 || len(w.mined) > 61 || per[0]+per[1]+per[2]+per[3] < 38 || per[4]+per[5] < 19 {
			t.Errorf("%d blocks, by node %v", len(w.mined), per)
		}
	})
}

func TestKeepAliveMinesOnlyWhenTheBestBlockIsOld(t *testing.T) {
	for name, test := range map[string]struct {
		desired []topology.Edge
		clock   time.Duration
		quick   int
		node    *int32
		want    []int // blocks by node
	}{
		"a new network":                      {lineOf(0, 3), 0, 0, nil, []int{2, 2, 1, 1}},
		"both sides of a partition":          {slices.Concat(lineOf(0, 1), lineOf(2, 3)), 0, 0, nil, []int{3, 3, 3, 3}},
		"blocks ahead of the clock":          {lineOf(0, 3), 0, 20_000, nil, []int{1, 1, 1, 1}},
		"one miner, two sides":               {slices.Concat(lineOf(0, 1), lineOf(2, 3)), 0, 0, ptr.To(int32(2)), []int{0, 0, 6, 0}},
		"clocks of nodes three hours behind": {lineOf(0, 3), -3 * time.Hour, 0, nil, []int{2, 2, 1, 1}},
	} {
		for _, restarts := range []time.Duration{0, 50 * time.Minute} {
			if restarts > 0 && test.clock != 0 {
				continue // each new operator mines one block
			}
			t.Run(fmt.Sprintf("%s, restarts every %s", name, restarts), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					spec := keepAlive(time.Hour)
					spec.Node = test.node
					w := newMiningWorld(t, 4, test.desired, spec)
					w.clock = test.clock
					if err := w.mine(0, test.quick, false); err != nil {
						t.Fatal(err)
					}
					w.run(5*time.Hour+30*time.Minute, restarts)
					got := make([]int, 4)
					for _, miner := range w.miners() {
						got[miner]++
					}
					if !slices.Equal(got, test.want) {
						t.Errorf("blocks by node %v, want %v; gaps %v", got, test.want, w.gaps())
					}
				})
			})
		}
	}
}

// One node that fails costs no block: the next one mines it.
func TestTheNextNodeMinesWhenOneFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 3, lineOf(0, 2), every(time.Hour))
		w.broken = map[int]error{1: errors.New("a full volume")}
		w.run(10*time.Hour, 0)
		for i, gap := range w.gaps() {
			if gap > time.Hour+miningRetryInterval || gap < time.Hour {
				t.Errorf("block %d after %s", i+1, gap)
			}
		}
		if len(w.mined) < 9 {
			t.Errorf("%d blocks in 10 hours", len(w.mined))
		}
	})
}

// A block that is due while the call of the last one is not answered waits.
func TestOneCallAtATimeWhenANodeIsSlow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 1, nil, every(3*time.Second))
		w.fake.answer(0, nil)
		w.run(40*time.Second, 0)
		// Each call ends after ten seconds, and blocks are due every three.
		if calls := w.fake.calls()[0]; calls < 3 || calls > 4 {
			t.Errorf("%d calls in 40 seconds", calls)
		}
	})
}

// After many quick blocks the time of a block is the median time plus one, and two sides of a partition that pay the same script
// mine the same block: there is no fork.
func TestEachNodeMinesToAScriptOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 3, lineOf(0, 2), every(time.Second))
		var mu sync.Mutex
		scripts := map[any]int{}
		for i := range 3 {
			w.fake.answer(i, func(method string, params []any) (any, error) {
				mu.Lock()
				defer mu.Unlock()
				if method != "generatetodescriptor" || params[0] != float64(1) {
					t.Errorf("%s %v", method, params)
				}
				scripts[params[1]]++
				return []string{"00"}, w.mine(i, 1, true)
			})
		}
		w.run(6500*time.Millisecond, 0)
		mu.Lock()
		defer mu.Unlock()
		for _, script := range []string{"raw(6a020000)", "raw(6a020001)", "raw(6a020002)"} {
			if scripts[script] != 2 {
				t.Errorf("%d blocks to %s: %v", scripts[script], script, scripts)
			}
		}
	})
}

// What a block has waited at one partition does not count at the next.
func TestABlockWaitsAtEachPartition(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 4, slices.Concat(lineOf(0, 1), lineOf(2, 3)), every(time.Hour))
		for _, step := range []struct {
			when   string
			joined bool
			// byHand is whether a person mines a block first, so that none is due.
			byHand bool
			during time.Duration
			blocks int
		}{
			{"the hour before the first block", false, false, time.Hour - time.Second, 0},
			{"a partition, and a block is due", true, false, joinedTimeout / 2, 0},
			{"the sides are apart, and no block is due", false, true, time.Hour - time.Minute, 0},
			{"the next partition, and a block is due", true, false, time.Minute + joinedTimeout/2, 0},
			{"the time is over", true, false, joinedTimeout, 1},
		} {
			if w.joined = step.joined; step.byHand {
				if err := w.mine(0, 1, false); err != nil {
					t.Fatal(err)
				}
			}
			w.run(step.during, 0)
			if len(w.mined) != step.blocks {
				t.Errorf("%s: %d blocks, want %d", step.when, len(w.mined), step.blocks)
			}
		}
	})
}

// The first blocks of the sides of a partition differ only if none is mined while the connections between them still exist.
func TestNoBlockIsMinedWhileTheSidesAreStillConnected(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 4, slices.Concat(lineOf(0, 1), lineOf(2, 3)), every(time.Second))
		w.joined = true
		w.run(20*time.Second, 0)
		if len(w.mined) > 0 {
			t.Errorf("blocks after %s", w.mined[0].at)
		}
		w.joined = false
		w.run(20*time.Second, 0)
		if got := len(w.mined); got < 18 || got > 21 {
			t.Errorf("%d blocks in 20 seconds", got)
		}
		// A connection that cannot be ended is reported by the condition Connected, and does not end mining.
		w.joined = true
		w.run(joinedTimeout+20*time.Second, 0)
		if got := len(w.mined); got < 36 || got > 41 {
			t.Errorf("%d blocks in 40 seconds", got)
		}
	})
}

package plan

import (
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestABlockKeepsEachSideOfTheChainAlive(t *testing.T) {
	type bitcoind struct {
		side            int
		height, minedTo int64
		age             time.Duration
		silent          bool
	}
	const old, fresh = 3 * time.Hour, time.Minute
	for name, test := range map[string]struct {
		nodes []bitcoind
		// miner is -1 for none.
		miner int
	}{
		"there is no block":                          {[]bitcoind{{}, {}}, 0},
		"all are old":                                {[]bitcoind{{height: 5, age: old}, {height: 5, age: old}}, 0},
		"the highest is mined on":                    {[]bitcoind{{height: 4, age: old}, {height: 5, age: old}}, 1},
		"a new block has not come to the first yet":  {[]bitcoind{{}, {height: 1, age: fresh}}, -1},
		"a new block has not come to the second yet": {[]bitcoind{{height: 6, age: fresh}, {height: 5, age: old}}, -1},
		"a mined block is on no node yet":            {[]bitcoind{{height: 5, age: old, minedTo: 6}, {height: 5, age: old}}, -1},
		"the miner of a block does not answer":       {[]bitcoind{{silent: true, minedTo: 6}, {height: 5, age: old}}, -1},
		"the first does not answer":                  {[]bitcoind{{silent: true}, {height: 5, age: old}}, 1},
		"nobody answers":                             {[]bitcoind{{silent: true}, {silent: true}}, -1},
		"another side has a new block":               {[]bitcoind{{height: 6, age: fresh}, {height: 5, age: old, side: 1}}, 1},
		"another side has mined":                     {[]bitcoind{{height: 6, age: fresh, minedTo: 6}, {height: 5, age: old, side: 1}}, 1},
		"both sides are old, the first comes first":  {[]bitcoind{{height: 5, age: old, side: 1}, {height: 6, age: old, side: 2}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, len(test.nodes), v1.LightningNetworkSpec{Nodes: int32(len(test.nodes))})
			in := l.inputs()
			for i, b := range test.nodes {
				in.Bitcoins[i] = Bitcoin{Ordinal: i, Side: b.side, MinedTo: b.minedTo}
				if !b.silent {
					in.Bitcoins[i] = Bitcoin{Ordinal: i, Side: b.side, MinedTo: b.minedTo, Tip: &Tip{Height: b.height, Hash: "tip", Time: l.now.Add(-b.age)}}
				}
			}
			miner := -1
			if p := New(in); p.Mine != nil {
				miner = p.Mine.Bitcoin
			}
			if miner != test.miner {
				t.Errorf("mines on %d, want %d", miner, test.miner)
			}
		})
	}
}

// Mining fails on one side, for whatever reason.
func TestASideThatCannotBeMinedOnDelaysNoOther(t *testing.T) {
	l := newSimulation(t, 2, line(2))
	l.mine(0, 5, "")
	l.chains[1].side, l.stuck = 1, map[int]bool{0: true}
	l.now = l.now.Add(3 * time.Hour)
	l.until("a block on the other side", func(Plan) bool { return len(l.chains[1].blocks) == 6 })
	if len(l.chains[0].blocks) != 5 {
		t.Error("the first side has a block")
	}
}

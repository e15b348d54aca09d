package bitcoindtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Genesis is the hash of the first block of every regtest chain, and genesisTime its time.
const (
	Genesis     = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
	genesisTime = 1296688602
)

const (
	// medianBlocks are the blocks whose median time a block must exceed.
	medianBlocks = 11
	// maxFuture is how far the time of a block may be ahead of the clock.
	maxFuture = 2 * time.Hour
)

// Block of a simulated chain, whose genesis block is not among them.
type Block struct {
	Hash string
	// Time in seconds since 1970.
	Time int64
	// Script is the address or the descriptor that has the reward.
	Script string
}

func tipOf(chain []Block) Block {
	if len(chain) == 0 {
		return Block{Hash: Genesis, Time: genesisTime}
	}
	return chain[len(chain)-1]
}

// nextBlock returns the block that bitcoind mines at this time. Its time is later than the median of the last blocks, and its hash
// depends on what real blocks consist of: two nodes that mine at the same time with the same script mine the same block.
func nextBlock(chain []Block, now time.Time, script string) (Block, error) {
	at := max(now.Unix(), medianTime(chain)+1)
	if time.Unix(at, 0).Sub(now) > maxFuture {
		return Block{}, fmt.Errorf("CreateNewBlock: TestBlockValidity failed: time-too-new, block timestamp too far in the future")
	}
	sum := sha256.Sum256(fmt.Append(nil, tipOf(chain).Hash, at, script))
	return Block{Hash: hex.EncodeToString(sum[:]), Time: at, Script: script}, nil
}

// medianTime of the last blocks.
func medianTime(chain []Block) int64 {
	times := []int64{}
	for height := len(chain); height >= 0 && len(times) < medianBlocks; height-- {
		times = append(times, tipOf(chain[:height]).Time)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

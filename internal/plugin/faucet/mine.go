package faucet

import (
	"context"
	"strconv"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
)

// Tip is the best block of a node.
type Tip struct {
	Height int64  `json:"height"`
	Hash   string `json:"hash"`
}

// batch is how many blocks one call mines: an interrupted command mines no more than these.
const batch = 100

// Mine mines blocks on a node, and returns the last one.
func Mine(ctx context.Context, c *cluster.Client, pod string, blocks int64, address string) (Tip, error) {
	var last string
	for left := blocks; left > 0; left -= batch {
		hashes, err := cluster.Ask[[]string](ctx, c, pod, "generatetoaddress", strconv.FormatInt(min(left, batch), 10), address)
		if err != nil {
			return Tip{}, err
		}
		if len(hashes) == 0 {
			return Tip{}, &cluster.NodeError{Pod: pod, Text: "it has mined no block"}
		}
		last = hashes[len(hashes)-1]
	}
	header, err := cluster.Ask[struct{ Height int64 }](ctx, c, pod, "getblockheader", last)
	return Tip{header.Height, last}, err
}

// BestTip is the best block of a node.
func BestTip(ctx context.Context, c *cluster.Client, pod string) (Tip, error) {
	chain, err := cluster.Ask[struct {
		Blocks        int64
		BestBlockHash string
	}](ctx, c, pod, "getblockchaininfo")
	return Tip{chain.Blocks, chain.BestBlockHash}, err
}

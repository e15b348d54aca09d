package faucet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
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

// AwaitBlock waits until all nodes have a block in their best chain, as bitcoind reports it. A node that has it is not called again.
func AwaitBlock(ctx context.Context, c *cluster.Client, nodes []noderef.Node, tip Tip, limit time.Duration) error {
	left := nodes
	return c.Wait(ctx, limit, fmt.Sprintf("the arrival of block %d at all nodes", tip.Height), func(ctx context.Context) (string, error) {
		var mu sync.Mutex
		var behind []noderef.Node
		failed := cluster.Each(ctx, left, func(ctx context.Context, node noderef.Node) error {
			hash, err := c.CLI(ctx, node.Pod, "getblockhash", strconv.FormatInt(tip.Height, 10))
			if err != nil || hash != tip.Hash {
				mu.Lock()
				defer mu.Unlock()
				behind = append(behind, node)
			}
			if cluster.IsCode(err, codeOutOfRange) {
				return nil // behind
			}
			return err
		})
		left = behind
		for _, err := range failed {
			return "", err
		}
		if len(behind) == 0 {
			return "", nil
		}
		var pods []string
		for _, node := range behind {
			pods = append(pods, node.Pod)
		}
		return "it is missing on " + strings.Join(pods, ", "), nil
	})
}

// codeOutOfRange is bitcoind's error for a height that its chain does not have.
const codeOutOfRange = -8

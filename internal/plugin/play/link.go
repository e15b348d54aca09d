package play

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

func tipOf(value any) faucet.Tip {
	object, _ := value.(map[string]any)
	number, _ := object["height"].(json.Number)
	height, _ := number.Int64()
	hash, _ := object["hash"].(string)
	return faucet.Tip{Height: height, Hash: hash}
}

// maxBranch is the number of blocks that a link follows a branch back.
const maxBranch = 100

// carry gives a node the blocks of a branch, the oldest first. Those that it has already are no error.
func (l *link) carry(ctx context.Context, from, to string, best faucet.Tip) {
	if cluster.Sleep(ctx, l.delay) != nil {
		return
	}
	var branch []string
	for hash := best.Hash; len(branch) < maxBranch; {
		if _, err := l.p.Cluster.CLI(ctx, to, "getblockheader", hash); err == nil {
			break
		}
		branch = append(branch, hash)
		header, err := l.p.Cluster.CLI(ctx, from, "getblockheader", hash)
		if err != nil {
			return // the next block has this one below it
		}
		object, _ := parsed(header).(map[string]any)
		if hash, _ = object["previousblockhash"].(string); hash == "" {
			break
		}
	}
	for i := len(branch) - 1; i >= 0; i-- {
		if !l.submit(ctx, from, to, branch[i]) {
			return
		}
	}
}

// submit passes a block on through the input of bitcoin-cli: it may be longer than an argument.
func (l *link) submit(ctx context.Context, from, to, hash string) bool {
	block, err := l.p.Cluster.CLI(ctx, from, "getblock", hash, strconv.Itoa(0))
	if err != nil {
		return false
	}
	var out, errOut strings.Builder
	if err := l.p.Cluster.Stream(ctx, to, []string{"-stdin", "submitblock"}, strings.NewReader(block+"\n"), &out, &errOut); err != nil {
		l.p.note("the link has lost block %s: %s", hash, brief(err.Error()+" "+errOut.String()))
		return false
	}
	// A block on a branch with less work is accepted too: inconclusive.
	if answer := strings.TrimSpace(out.String()); answer != "" && answer != "inconclusive" && answer != "duplicate" {
		l.p.note("block %s is not accepted: %s", hash, brief(answer))
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.carried++
	return true
}

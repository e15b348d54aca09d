package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

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

// follow waits for the blocks of a node, and gives each to the other one when its time has come. A node that is away for a while, such as
// one that was killed, is followed again when it is back.
func (l *link) follow(ctx context.Context, from, to string) error {
	var moving sync.WaitGroup
	defer moving.Wait()
	var tip faucet.Tip
	known, away := false, false
	for ctx.Err() == nil {
		best, err := l.next(ctx, from, tip, known)
		_, silent := errors.AsType[*cluster.NodeError](err)
		switch {
		case silent:
			if !away {
				l.p.note("the link waits for %s: %s", from, err.Error())
			}
			if cluster.Sleep(ctx, max(again, l.p.Cluster.Poll)) != nil {
				return ctx.Err()
			}
		case err != nil:
			return err
		case known && best.Height > tip.Height:
			moving.Go(func() { l.carry(ctx, from, to, best) })
		}
		away = silent
		if !silent && (!known || best.Height > tip.Height) {
			tip, known = best, true
		}
	}
	return ctx.Err()
}

// next is the best block when it is above the last one, or after a time. Without a last one it is that of now.
func (l *link) next(ctx context.Context, from string, last faucet.Tip, known bool) (faucet.Tip, error) {
	if !known {
		return faucet.BestTip(ctx, l.p.Cluster, from)
	}
	text, err := l.p.Cluster.CLI(ctx, from, "waitforblockheight", strconv.FormatInt(last.Height+1, 10), strconv.Itoa(blockTimeout))
	if err != nil {
		return faucet.Tip{}, err
	}
	latest, err := decode([]byte(text))
	return tipOf(latest), err
}

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

package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// answer is what a node reports.
type answer struct {
	node     noderef.Node
	answered bool
	tip      faucet.Tip
	wallet   map[string]any
	findings []finding
}

// asking collects the answers of one node.
type asking struct {
	*Player
	ctx     context.Context //nolint:containedctx // that of one call
	network *v1.BitcoinNetwork
	answer  *answer
	expect  *scenario.Expect
}

// asksNodes reports whether the nodes have to be called.
func asksNodes(e *scenario.Expect) bool {
	return e.Height != nil || e.Best != "" || e.Tips != nil || e.Peers != nil || e.Mempool != nil || e.Chain != nil || e.Wallet != nil
}

// ask calls the nodes. A node that does not answer is a finding; only what cannot pass is an error.
func (p *Player) ask(ctx context.Context, network *v1.BitcoinNetwork, nodes []noderef.Node, e *scenario.Expect) ([]answer, error) {
	if !asksNodes(e) {
		return nil, nil
	}
	answers := make([]answer, len(nodes))
	at := map[int]int{}
	for i, node := range nodes {
		answers[i].node, at[node.Ordinal] = node, i
	}
	for ordinal, err := range cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		a := &asking{p, ctx, network, &answers[at[node.Ordinal]], e}
		return a.all()
	}) {
		_, silent := errors.AsType[*cluster.NodeError](err)
		if ctx.Err() != nil {
			silent, err = true, errors.New("missing: the time was over before")
		}
		if _, rpc := errors.AsType[*cluster.RPCError](err); !silent && !rpc {
			return nil, err
		}
		a := &answers[at[ordinal]]
		a.answered = a.answered && !silent
		a.findings = append(a.findings, finding{fmt.Sprintf("the answer of node %d", ordinal), "what is expected", err.Error(), false})
	}
	return answers, nil
}

func (a *asking) add(what, want, seen string, met bool) {
	a.answer.findings = append(a.answer.findings, finding{fmt.Sprintf("%s of node %d", what, a.answer.node.Ordinal), want, seen, met})
}

func (a *asking) compare(what string, c *scenario.Comparison, seen string) {
	if c != nil {
		a.add(what, c.String(), seen, c.Holds(seen))
	}
}

func (a *asking) all() error {
	for _, part := range []func() error{a.best, a.peers, a.mempool, a.chain, a.wallet} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (a *asking) best() (err error) {
	e := a.expect
	if e.Height == nil && e.Best == "" && e.Tips == nil {
		return nil
	}
	if a.answer.tip, err = faucet.BestTip(a.ctx, a.Cluster, a.answer.node.Pod); err != nil {
		return err
	}
	a.answer.answered = true
	a.compare("the height", e.Height, strconv.FormatInt(a.answer.tip.Height, 10))
	if e.Best != "" && e.Best != "same" {
		a.add("the best block", short(e.Best), fmt.Sprintf("%s at height %d", short(a.answer.tip.Hash), a.answer.tip.Height), a.answer.tip.Hash == e.Best)
	}
	return nil
}

func (a *asking) peers() error {
	if a.expect.Peers == nil {
		return nil
	}
	node := a.answer.node
	lists, failed := a.Cluster.Peers(a.ctx, []noderef.Node{node})
	if err := failed[node.Ordinal]; err != nil {
		return err
	}
	// Two nodes may have two connections, when both have opened one.
	distinct := map[string]bool{}
	for _, peer := range lists[node.Ordinal] {
		host, _, err := net.SplitHostPort(peer.Address)
		if err != nil {
			host = peer.Address
		}
		distinct[host] = true
	}
	a.compare("the number of peers", a.expect.Peers, strconv.Itoa(len(distinct)))
	return nil
}

func (a *asking) mempool() error {
	m := a.expect.Mempool
	if m == nil {
		return nil
	}
	list, err := cluster.Ask[[]string](a.ctx, a.Cluster, a.answer.node.Pod, "getrawmempool")
	if err != nil {
		return err
	}
	a.compare("the number of transactions in the mempool", m.Size, strconv.Itoa(len(list)))
	return a.members("the mempool", m.Has, m.Lacks, func(hash string) (bool, error) { return slices.Contains(list, hash), nil })
}

// members checks which hashes a list has.
func (a *asking) members(where string, has, lacks []string, contains func(string) (bool, error)) error {
	for _, list := range []struct {
		hashes     []string
		want, seen string
		is         bool
	}{{has, "present", "missing", true}, {lacks, "absent", "present", false}} {
		for _, hash := range list.hashes {
			found, err := contains(hash)
			if err != nil {
				return err
			}
			seen := list.seen
			if found == list.is {
				seen = list.want
			}
			a.add(short(hash)+" in "+where, list.want, seen, found == list.is)
		}
	}
	return nil
}

func (a *asking) chain() error {
	c := a.expect.Chain
	if c == nil {
		return nil
	}
	return a.members("the best chain", c.Has, c.Lacks, func(hash string) (bool, error) {
		header, err := cluster.Ask[struct{ Confirmations int64 }](a.ctx, a.Cluster, a.answer.node.Pod, "getblockheader", hash)
		if cluster.IsCode(err, cluster.CodeInvalidAddress) { // also the code of a block that the node does not have
			return false, nil
		}
		return err == nil && header.Confirmations > 0, err
	})
}

func (a *asking) wallet() error {
	w := a.expect.Wallet
	if w == nil {
		return nil
	}
	name := w.Name
	if name == "" {
		name = faucet.Wallet
		if _, err := a.faucet(a.network, a.answer.node).Address(a.ctx); err != nil {
			return err
		}
	}
	balances, err := cluster.Ask[struct {
		Mine struct {
			Trusted  json.Number
			Pending  json.Number `json:"untrusted_pending"`
			Immature json.Number
		}
	}](a.ctx, a.Cluster, a.answer.node.Pod, "-rpcwallet="+name, "getbalances")
	if err != nil {
		return err
	}
	mine := balances.Mine
	a.answer.wallet = map[string]any{"trusted": mine.Trusted, "pending": mine.Pending, "immature": mine.Immature}
	a.compare("the trusted balance", w.Trusted, mine.Trusted.String())
	a.compare("the pending balance", w.Pending, mine.Pending.String())
	a.compare("the immature balance", w.Immature, mine.Immature.String())
	for _, txid := range slices.Sorted(maps.Keys(w.Confirmations)) {
		comparison := w.Confirmations[txid]
		tx, err := cluster.Ask[struct{ Confirmations json.Number }](a.ctx, a.Cluster, a.answer.node.Pod, "-rpcwallet="+name, "gettransaction", txid)
		seen := tx.Confirmations.String()
		if cluster.IsCode(err, cluster.CodeInvalidAddress) { // the wallet does not know it
			seen, err = "unknown to the wallet", nil
		}
		if err != nil {
			return err
		}
		a.add("the confirmations of "+short(txid)+" in the wallet", comparison.String(), seen, comparison.Holds(seen))
	}
	return nil
}

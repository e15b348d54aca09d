// Package lnd calls the LND nodes of a LightningNetwork through lncli in their pods: invoices, payments, and what the nodes report.
package lnd

import (
	"context"
	"fmt"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/lightning"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Nodes are those of a network.
type Nodes struct {
	Cluster *cluster.Client
	Network *v1.LightningNetwork
}

// all are the desired nodes.
func (n *Nodes) all() []noderef.Node { return noderef.LightningNodes(n.Network) }

// each calls a function for every node, and returns the answers and why some nodes gave none, by ordinal.
func each[T any](ctx context.Context, nodes []noderef.Node, call func(context.Context, noderef.Node) (T, error)) (map[int]T, map[int]error) {
	answers := map[int]T{}
	var mu sync.Mutex
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		answer, err := call(ctx, node)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		answers[node.Ordinal] = answer
		return nil
	})
	return answers, failed
}

// Balances are those of all nodes. A node that does not answer has its error in place of them.
func (n *Nodes) Balances(ctx context.Context) ([]lightning.Balance, map[int]error) {
	answers, failed := each(ctx, n.all(), func(ctx context.Context, node noderef.Node) (lightning.Balance, error) {
		wallet, err := cluster.AskLND[lightning.WalletBalance](ctx, n.Cluster, node.Pod, "walletbalance")
		if err != nil {
			return lightning.Balance{}, err
		}
		channels, err := cluster.AskLND[lightning.ChannelBalance](ctx, n.Cluster, node.Pod, "channelbalance")
		return lightning.BalanceOf(node.Ordinal, node.Pod, wallet, channels), err
	})
	balances := []lightning.Balance{}
	for _, node := range n.all() {
		balance, answered := answers[node.Ordinal]
		if !answered {
			balance = lightning.Balance{Node: node.Ordinal, Pod: node.Pod, Error: failed[node.Ordinal].Error()}
		}
		balances = append(balances, balance)
	}
	return balances, failed
}

// Channels are those of the network, as the status and the nodes report them.
func (n *Nodes) Channels(ctx context.Context) ([]lightning.Channel, map[int]error) {
	answers, failed := each(ctx, n.all(), func(ctx context.Context, node noderef.Node) ([]lightning.OpenChannel, error) {
		answer, err := cluster.AskLND[lightning.OpenChannels](ctx, n.Cluster, node.Pod, "listchannels")
		return answer.Channels, err
	})
	return lightning.Channels(n.Network, answers), failed
}

// Graph is that of some nodes, or of all.
func (n *Nodes) Graph(ctx context.Context, nodes ...noderef.Node) (lightning.Map, map[int]error) {
	if len(nodes) == 0 {
		nodes = n.all()
	}
	graphs, failed := each(ctx, nodes, n.graph)
	return lightning.MapOf(graphs, lightning.NamesOf(n.Network)), failed
}

func (n *Nodes) graph(ctx context.Context, node noderef.Node) (lightning.Graph, error) {
	return cluster.AskLND[lightning.Graph](ctx, n.Cluster, node.Pod, "describegraph")
}

// Invoice makes an invoice of a node for an amount in satoshis.
func (n *Nodes) Invoice(ctx context.Context, node noderef.Node, satoshis int64, memo string) (lightning.Invoice, error) {
	arguments := []string{"addinvoice", fmt.Sprintf("--amt=%d", satoshis)}
	if memo != "" {
		arguments = append(arguments, "--memo="+memo)
	}
	return cluster.AskLND[lightning.Invoice](ctx, n.Cluster, node.Pod, arguments...)
}

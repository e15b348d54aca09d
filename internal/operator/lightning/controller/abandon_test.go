package controller

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// twoBitcoinds are those of a BitcoinNetwork, of which LND nodes use the first one only.
func twoBitcoinds(t *testing.T) (bitcoin *v1.BitcoinNetwork, nodes *bitcoindtest.Nodes, started []*bitcoindtest.Node) {
	t.Helper()
	bitcoin, nodes = &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}}, bitcoindtest.New()
	for i := range 2 {
		node, err := nodes.StartAnywhere(nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nodes.Stop(node.Address) })
		started = append(started, node)
		bitcoin.Status.Nodes = append(bitcoin.Status.Nodes, v1.NodeStatus{Ordinal: int32(i), IP: node.Address, RPCPort: v1.RPCPort, Ready: true}) //nolint:gosec // two
	}
	return bitcoin, nodes, started
}

var point = strings.Repeat("ab", 32) + ":0"

// actionsOn a BitcoinNetwork, of which node 0 is used.
func actionsOn(ctx context.Context, bitcoin *v1.BitcoinNetwork) *actions {
	credential := func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{User: "lnd"} }
	r := &Reconciler{
		rpc: bitcoind.NewClient(nil, nil), options: Options{LND: BitcoinCredential{Current: credential}},
		background: &background{now: time.Now, requeue: func(types.NamespacedName) {}},
	}
	return &actions{Reconciler: r, bitcoin: bitcoin, bitcoins: r.bitcoinNodes(ctx, bitcoin, map[int]bool{0: true}), state: &networkState{shared: newShared()}}
}

// findNoFunding asks whether nobody has a transaction.
func findNoFunding(ctx context.Context, bitcoin *v1.BitcoinNetwork) error {
	return actionsOn(ctx, bitcoin).findNoFunding(ctx, point)
}

// The pods of a network keep the agent that they began with, and one that knows no abandonment closed channels only.
func TestAnEarlierAgentClosesNoChannelThatIsToBeAbandoned(t *testing.T) {
	var closed atomic.Int32
	agent := http.NewServeMux()
	agent.HandleFunc("POST "+api.ClosePath, func(w http.ResponseWriter, _ *http.Request) {
		closed.Add(1)
		io.WriteString(w, "{}") //nolint:errcheck // the client reports it
	})
	server := httptest.NewServer(agent)
	t.Cleanup(server.Close)
	bitcoin, _, _ := twoBitcoinds(t)
	a := actionsOn(t.Context(), bitcoin)
	a.agents = api.NewClient(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	})
	c := plan.Close{Node: 1, Point: point, Abandon: true}
	a.abandon(t.Context(), api.Pod{Host: "127.0.0.1"}, c)
	a.background.actions.Wait()
	if got := a.state.shared.failures[c.Key()].Message; closed.Load() > 0 || !strings.HasPrefix(got, "node 1: its lnd-agent is that of an earlier operator") {
		t.Errorf("%d requests to close it, and the message %q", closed.Load(), got)
	}
}

// The second bitcoind may have the transaction, on its side of a partition for instance.
func TestAnyBitcoindMayHaveAFundingTransaction(t *testing.T) {
	for name, test := range map[string]struct {
		has             []int
		notReady, ended bool
		want            string
	}{
		"none has it":                    {nil, false, false, ""},
		"the one that LND uses has it":   {[]int{0}, false, false, "node 0 of the BitcoinNetwork net has the transaction, with 3 confirmations"},
		"another one has it":             {[]int{1}, false, false, "node 1 of the BitcoinNetwork net has the transaction, with 3 confirmations"},
		"another one is not ready":       {nil, true, false, "node 1 of the BitcoinNetwork net does not answer, and may have the transaction"},
		"another one does not answer":    {nil, false, true, "connection refused), and may have the transaction"},
		"the silent one is named before": {[]int{0}, true, false, "node 1 of the BitcoinNetwork net does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			bitcoin, nodes, started := twoBitcoinds(t)
			for _, has := range test.has {
				started[has].Handle("gettxout", func(string, []any) (any, error) { return bitcoind.TxOut{Confirmations: 3}, nil })
			}
			bitcoin.Status.Nodes[1].Ready = !test.notReady
			if test.ended {
				nodes.Stop(started[1].Address)
			}
			err := findNoFunding(t.Context(), bitcoin)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// A BitcoinNetwork may have hundreds of nodes, and the time is that of one call.
func TestAllBitcoindsAreAskedAboutATransactionAtTheSameTime(t *testing.T) {
	bitcoin, _, started := twoBitcoinds(t)
	var asked sync.WaitGroup
	asked.Add(len(started))
	all := make(chan struct{})
	go func() {
		asked.Wait()
		close(all)
	}()
	for _, node := range started {
		node.Handle("gettxout", func(string, []any) (any, error) {
			asked.Done()
			select {
			case <-all:
				return nil, nil //nolint:nilnil // it has no such output
			case <-time.After(20 * time.Second):
				return nil, errors.New("the others are not asked")
			}
		})
	}
	if err := findNoFunding(t.Context(), bitcoin); err != nil {
		t.Error(err)
	}
}

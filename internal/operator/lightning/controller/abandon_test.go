package controller

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LND nodes use the first bitcoind only, and the second one may have the transaction, on its side of a partition for instance.
func TestAnyBitcoindMayHaveAFundingTransaction(t *testing.T) {
	for name, test := range map[string]struct {
		has      []int
		notReady bool
		want     string
	}{
		"none has it":                    {nil, false, ""},
		"the one that LND uses has it":   {[]int{0}, false, "node 0 of the BitcoinNetwork net has the transaction, with 3 confirmations"},
		"another one has it":             {[]int{1}, false, "node 1 of the BitcoinNetwork net has the transaction, with 3 confirmations"},
		"another one does not answer":    {nil, true, "node 1 of the BitcoinNetwork net does not answer, and may have the transaction"},
		"the silent one is named before": {[]int{0}, true, "node 1 of the BitcoinNetwork net does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			bitcoin := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}}
			nodes := bitcoindtest.New()
			for i := range 2 {
				node, err := nodes.StartAnywhere(nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { nodes.Stop(node.Address) })
				for _, has := range test.has {
					if has == i {
						node.Handle("gettxout", func(string, []any) (any, error) { return bitcoind.TxOut{Confirmations: 3}, nil })
					}
				}
				bitcoin.Status.Nodes = append(bitcoin.Status.Nodes, v1.NodeStatus{
					Ordinal: int32(i), IP: node.Address, RPCPort: v1.RPCPort, Ready: i == 0 || !test.notReady, //nolint:gosec // two
				})
			}
			credential := func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{User: "lnd"} }
			r := &Reconciler{rpc: bitcoind.NewClient(nil, nil), options: Options{LND: BitcoinCredential{Current: credential}}}
			a := &actions{Reconciler: r, bitcoin: bitcoin, bitcoins: r.bitcoinNodes(t.Context(), bitcoin, map[int]bool{0: true})}
			err := a.findNoFunding(t.Context(), strings.Repeat("ab", 32)+":0")
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

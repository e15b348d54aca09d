package snapshot

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/archive/archivetest"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// What bitcoind has and a snapshot cannot have must not make the rest unreadable.
func TestWhatASnapshotCannotHaveIsLeftOut(t *testing.T) {
	w := newWorld(t, "old", 1)
	node := w.first()
	node.blocks = archivetest.Chain(3, time.Now())
	info := map[string]any{"descriptors": true, "private_keys_enabled": true}
	many := make([]archive.Label, archive.MaxLabels+5)
	for i := range many {
		many[i].Address = fmt.Sprintf("bcrt1q%d", i)
	}
	many[len(many)-1].Label = "mine"
	node.wallets = map[string]*wallet{
		"/elsewhere": {info: info, balance: "0.00000000"},
		"busy":       {info: info, balance: "0.00000000", labels: many},
	}
	data, m, err := Save(t.Context(), w.client, w.network, noderef.Nodes(w.network)[0])
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Read(data)
	if err != nil || len(a.Kept) != 1 || a.Kept[0].Name != "busy" || len(a.Kept[0].Labels) != archive.MaxLabels || a.Kept[0].Labels[0].Label != "mine" {
		t.Errorf("%+v (%v)", m.Wallets, err)
	}
	text := strings.Join(m.NotKept, "\n")
	if len(m.NotKept) != 2 || !strings.Contains(text, `the name "/elsewhere", which is no name of a wallet: it is not kept`) || !strings.Contains(text, `"busy" has 100005 addresses`) {
		t.Errorf("not kept are\n%s", text)
	}
}

func TestASnapshotThatNothingCanReadIsNotSaved(t *testing.T) {
	w := newWorld(t, "old", 1)
	node := w.first()
	node.blocks = archivetest.Chain(3, time.Now())
	node.blocks[2].Transactions[0].TxOut[0].Value = 1 // not that of its header
	if data, _, err := Save(t.Context(), w.client, w.network, noderef.Nodes(w.network)[0]); data != nil || err == nil || !strings.Contains(err.Error(), "is not saved: block 3: its transactions") {
		t.Errorf("%d bytes (%v)", len(data), err)
	}
}

// The wait for the addresses of the pods does not include the blocks of those that have one.
func TestMoreNodesThanGetBlocksAtTheSameTimeAreRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := saved(t)
		w := newWorld(t, "new", 2*parallel+1)
		for _, node := range w.nodes {
			node.slow = 2 * time.Second
		}
		r := &Restorer{Cluster: w.client, Archive: a, Network: w.network}
		if _, err := r.Run(t.Context(), time.Second); err != nil || len(r.Complete()) != len(w.nodes) {
			t.Errorf("%d of %d nodes have their blocks (%v)", len(r.Complete()), len(w.nodes), err)
		}
	})
}

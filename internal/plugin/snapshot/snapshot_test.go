package snapshot

import (
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/archive/archivetest"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

const key = "tprvsecret"

// saved is a snapshot of a network of two nodes, with the wallet coins on node 1.
func saved(t *testing.T) *archive.Archive {
	t.Helper()
	w := newWorld(t, "old", 2)
	chain := archivetest.Chain(450, time.Now())
	for _, node := range w.nodes {
		node.blocks = chain
	}
	internal, next := false, 3
	w.nodes["old-sts-1"].wallets["coins"] = &wallet{
		info: map[string]any{"descriptors": true, "private_keys_enabled": true}, balance: "7.00000000",
		descriptors: []archive.Descriptor{{Desc: "wpkh(" + key + "/*)", Active: true, Internal: &internal, Range: []int{0, 99}, Next: &next, Timestamp: 5}},
		labels:      []archive.Label{{Address: "bcrt1qx", Label: "a=b"}, {Address: "bcrt1qy", Label: ""}}, coins: []archive.Output{{TXID: "ab", Vout: 1}},
	}
	data, m, err := Save(t.Context(), w.client, w.network, noderef.Nodes(w.network)[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(m.NotKept) != 0 || m.Network.Version != "/sim/" {
		t.Errorf("the manifest is %+v", m)
	}
	a, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnotherNetworkHasTheChainAndTheWallets(t *testing.T) {
	a := saved(t)
	w := newWorld(t, "new", 3)
	// One node has been given a part by an attempt before, which also created the wallet.
	part := w.nodes["new-sts-1"]
	part.blocks = archivetest.Chain(450, a.Latest)[:123]
	part.wallets["coins"] = &wallet{balance: "0.00000000"}
	r := &Restorer{Cluster: w.client, Archive: a, Network: w.network}
	notes, err := r.Run(t.Context(), time.Minute)
	if err != nil || len(notes) > 0 || len(r.Complete()) != 3 || r.Wallets() != 1 {
		t.Fatalf("nodes %v are complete, with %d wallets (%v): %q", r.Complete(), r.Wallets(), err, notes)
	}
	for pod, node := range w.nodes {
		if node.best() != a.BestBlock || len(node.blocks) != 450 || (len(node.wallets) == 1) != (pod == "new-sts-1") {
			t.Errorf("%s has %d blocks and %d wallets", pod, len(node.blocks), len(node.wallets))
		}
		for _, call := range node.calls {
			if strings.Contains(call, key) {
				t.Errorf("a key is an argument: %s", call)
			}
		}
	}
	coins := part.wallets["coins"]
	if d := coins.descriptors[0]; d.Desc != "wpkh("+key+"/*)" || !d.Active || *d.Internal || *d.Next != 3 || d.Timestamp != 0 || d.Range[1] != 99 {
		t.Errorf("the keys are %+v", d)
	}
	if len(part.imported) != 1 || part.imported[0] != 450 {
		t.Errorf("the keys came at the heights %v: they would take part in each block", part.imported)
	}
	if len(coins.labels) != 2 || len(coins.coins) != 1 || coins.coins[0].Vout != 1 {
		t.Errorf("labels are %v, locked coins %v", coins.labels, coins.coins)
	}
}

func TestANetworkOfFewerNodesLacksTheWalletsOfTheOthers(t *testing.T) {
	w := newWorld(t, "new", 1)
	r := &Restorer{Cluster: w.client, Archive: saved(t), Network: w.network}
	notes, err := r.Run(t.Context(), time.Minute)
	if err != nil || len(notes) != 1 || notes[0] != `the wallet "coins" of node 1 is not restored: the network has 1 nodes` || r.Wallets() != 0 {
		t.Errorf("the notes are %q (%v)", notes, err)
	}
}

func TestWhatDiffersAfterwardsIsNamed(t *testing.T) {
	a := saved(t)
	a.Kept[0].Balance = "8.00000000"
	w := newWorld(t, "new", 2)
	notes, err := (&Restorer{Cluster: w.client, Archive: a, Network: w.network}).Run(t.Context(), time.Minute)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "has 7.00000000 BTC, and had 8.00000000") {
		t.Errorf("the notes are %q (%v)", notes, err)
	}
}

func TestANodeThatCannotHaveTheChainIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		broken func(w *world, a *archive.Archive)
		want   string
	}{
		"it rejects a block": {func(w *world, _ *archive.Archive) { w.nodes["new-sts-1"].rejects = 300 }, "node 1 does not take the blocks"},
		"it lacks blocks":    {func(w *world, _ *archive.Archive) { w.nodes["new-sts-1"].loses = 300 }, "the best block of node 1 is not that of the snapshot"},
		"it lacks the last":  {func(w *world, _ *archive.Archive) { w.nodes["new-sts-1"].loses = 450 }, "the best block of node 1 is not that of the snapshot"},
		"it has another chain": {func(w *world, _ *archive.Archive) {
			w.nodes["new-sts-1"].blocks = archivetest.Chain(5, time.Now().Add(time.Minute))
		}, "node 1: its block 1 is not in the snapshot"},
		"it has more": {func(w *world, a *archive.Archive) {
			chain := archivetest.Chain(450, a.Latest)
			w.nodes["new-sts-1"].blocks = append(chain, archivetest.Mine(chain[449].BlockHash(), 451, a.Latest))
		}, "node 1: its block 451 is not in the snapshot"},
		"blocks are mined meanwhile": {func(w *world, a *archive.Archive) {
			best := a.Hashes[449]
			w.nodes["new-sts-1"].ahead[best.String()] = archivetest.Mine(best, 451, a.Latest)
		}, "the best block of node 1 is not that of the snapshot"},
		"it does not take the keys": {func(_ *world, a *archive.Archive) { a.Kept[0].Descriptors[0].Desc = "bad" + key }, `the wallet "coins" of node 1 cannot be created: bitcoind does not accept its keys: no`},
	} {
		a := saved(t)
		w := newWorld(t, "new", 2)
		c.broken(w, a)
		if _, err := (&Restorer{Cluster: w.client, Archive: a, Network: w.network}).Run(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: the error is %v, without %q", name, err, c.want)
		}
	}
}

func TestWhatIsNotKeptIsNamed(t *testing.T) {
	w := newWorld(t, "old", 2)
	chain := archivetest.Chain(5, time.Now())
	first, second := w.first(), w.nodes["old-sts-1"]
	first.blocks, second.blocks = chain, archivetest.Chain(5, time.Now().Add(time.Minute))
	first.mempool, first.stored = 3, []string{"coins", "asleep"}
	first.wallets = map[string]*wallet{
		"coins":  {info: map[string]any{"descriptors": true, "private_keys_enabled": true, "unlocked_until": 99}, balance: "0.00000000"},
		"legacy": {info: map[string]any{"descriptors": false}},
		"shut":   {info: map[string]any{"descriptors": true, "private_keys_enabled": true}, locked: true},
		"signer": {info: map[string]any{"descriptors": true, "external_signer": true}},
		"":       {info: map[string]any{"descriptors": true}},
		"watch":  {info: map[string]any{"descriptors": true, "private_keys_enabled": false}, locked: true, balance: "0.00000000"},
	}
	_, m, err := Save(t.Context(), w.client, w.network, noderef.Nodes(w.network)[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Wallets) != 2 || m.Wallets[0].Name != "coins" || m.Wallets[1].Name != "watch" || m.Wallets[1].PrivateKeys {
		t.Errorf("the wallets are %+v", m.Wallets)
	}
	text := strings.Join(m.NotKept, "\n")
	for _, want := range []string{
		`node 0: the passphrase of the wallet "coins" is not kept`, `node 0: the wallet "legacy" has no descriptors`, `node 0: the wallet "shut" is locked`,
		`node 0: the wallet "signer" has its keys in another program`, "node 0: the wallet without a name", `node 0: the wallet "asleep" is not loaded`,
		"node 0: 3 transactions are in no block", "node 1: its best block " + second.best() + " is not in the saved chain",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("what is not kept lacks %q:\n%s", want, text)
		}
	}
	if len(m.NotKept) != 8 {
		t.Errorf("not kept are\n%s", text)
	}
}

func TestASnapshotOfTheFutureIsNotUsed(t *testing.T) {
	now := time.Now()
	if err := Usable(&archive.Archive{Latest: now.Add(3 * time.Hour)}, now); err == nil || !strings.Contains(err.Error(), "nodes accept from "+now.Add(time.Hour).UTC().Format(time.RFC3339)) {
		t.Errorf("three hours ahead: %v", err)
	}
	if err := Usable(&archive.Archive{Latest: now.Add(time.Hour)}, now); err != nil {
		t.Errorf("an hour ahead: %v", err)
	}
}

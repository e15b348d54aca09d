package archive

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive/archivetest"
)

var (
	created = time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)
	tip     = created.Add(-time.Hour)
)

func wallets() []Wallet {
	internal, next := true, 7
	return []Wallet{
		{Node: 0, Name: "faucet", PrivateKeys: true, Balance: "50.00000000", Labels: []Label{{"bcrt1qxyz", "a = b"}}, Locked: []Output{{"ab", 1}},
			Descriptors: []Descriptor{{Desc: "wpkh(tprvsecret/0/*)#aaaaaaaa", Active: true, Internal: &internal, Range: []int{0, 999}, Next: &next}}},
		{Node: 1, Name: "sub/watching", Balance: "0.00000000"},
	}
}

// pack writes a snapshot of a chain.
func pack(t testing.TB, chain []*wire.MsgBlock, m Manifest, kept []Wallet) []byte {
	t.Helper()
	var b Builder
	for _, block := range chain {
		if err := b.Add(block); err != nil {
			t.Fatal(err)
		}
	}
	m.Created, m.Network = created, Network{Name: "net", Nodes: 2}
	data, _, err := b.Pack(m, kept)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestASnapshotHasWhatWasSaved(t *testing.T) {
	chain := archivetest.Chain(300, tip)
	data := pack(t, chain, Manifest{NotKept: []string{"node 1: nothing"}}, wallets())
	a, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if a.Height != 300 || a.Blocks != 300 || len(a.Chain) != 300 || a.BestBlock != chain[299].BlockHash().String() || !a.BestBlockTime.Equal(tip) ||
		!a.Latest.Equal(tip) || a.Network.Name != "net" || a.Digest != Digest(data) || len(a.NotKept) != 1 {
		t.Errorf("the manifest is %+v", a.Manifest)
	}
	for i, block := range chain {
		var raw bytes.Buffer
		if err := block.Serialize(&raw); err != nil || !bytes.Equal(raw.Bytes(), a.Chain[i]) || a.Hashes[i] != block.BlockHash() {
			t.Fatalf("block %d is another one (%v)", i+1, err)
		}
	}
	if len(a.Kept) != 2 || a.Kept[0].Descriptors[0].Desc != wallets()[0].Descriptors[0].Desc || *a.Kept[0].Descriptors[0].Next != 7 ||
		a.Kept[0].Labels[0].Label != "a = b" || a.Kept[1].PrivateKeys {
		t.Errorf("the wallets are %+v", a.Kept)
	}
	if again := pack(t, chain, Manifest{NotKept: []string{"node 1: nothing"}}, wallets()); !bytes.Equal(data, again) {
		t.Error("the same network gives another file")
	}
	if text, err := manifestText(data); err != nil || strings.Contains(text, "tprv") || !strings.Contains(text, `"faucet"`) {
		t.Errorf("the manifest has a key, or not the wallet (%v): %s", err, text)
	}
	if len(data) > 300*200 {
		t.Errorf("300 empty blocks take %d bytes", len(data))
	}
}

func TestAChainThatIsNoneOfRegtestIsRejected(t *testing.T) {
	for name, c := range map[string]struct {
		change func(chain []*wire.MsgBlock) []*wire.MsgBlock
		want   string
	}{
		"without its beginning": {func(c []*wire.MsgBlock) []*wire.MsgBlock { return c[1:] }, "block 1: it does not follow block 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"},
		"a missing block":       {func(c []*wire.MsgBlock) []*wire.MsgBlock { return slices.Delete(c, 2, 3) }, "block 3: it does not follow"},
		"no work": {func(c []*wire.MsgBlock) []*wire.MsgBlock {
			for hash := c[4].BlockHash(); hash[31] < 0x80; hash = c[4].BlockHash() {
				c[4].Header.Nonce++
			}
			return c
		}, "block 5: it has not the work"},
		"other bits": {func(c []*wire.MsgBlock) []*wire.MsgBlock {
			c[4].Header.Bits = 0x1d00ffff
			return c
		}, "block 5: it has not the work"},
		"other transactions": {func(c []*wire.MsgBlock) []*wire.MsgBlock {
			c[3].Transactions[0].TxOut[0].Value = 1
			return c
		}, "block 4: its transactions are not those of its header"},
		"no transactions": {func(c []*wire.MsgBlock) []*wire.MsgBlock {
			c[3].Transactions = nil
			return c
		}, "block 4: its transactions are not those of its header"},
	} {
		data := pack(t, c.change(archivetest.Chain(5, tip)), Manifest{}, nil)
		if _, err := Read(data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, without %q", name, err, c.want)
		}
	}
}

func TestTheRootOfSeveralTransactions(t *testing.T) {
	block := archivetest.Chain(1, tip)[0]
	for i := range 2 {
		tx := wire.NewMsgTx(2)
		tx.AddTxOut(wire.NewTxOut(int64(i), nil))
		block.Transactions = append(block.Transactions, tx)
	}
	join := func(a, b chainhash.Hash) chainhash.Hash { return chainhash.DoubleHashH(append(a[:], b[:]...)) }
	h := [3]chainhash.Hash{block.Transactions[0].TxHash(), block.Transactions[1].TxHash(), block.Transactions[2].TxHash()}
	if got, want := merkleRoot(block), join(join(h[0], h[1]), join(h[2], h[2])); got != want {
		t.Errorf("the root of three transactions is %s, and not %s", got, want)
	}
}

func TestASnapshotWithoutBlocksIsNotWritten(t *testing.T) {
	var b Builder
	if _, _, err := b.Pack(Manifest{}, nil); err == nil || !strings.Contains(err.Error(), "mine some first") {
		t.Errorf("the error is %v", err)
	}
}

// Whatever is changed in a file, nothing but the very snapshot is read, or an error returned.
func TestADamagedFileIsRejected(t *testing.T) {
	data := pack(t, archivetest.Chain(20, tip), Manifest{}, wallets())
	source := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for a secret
	for range 400 {
		damaged := bytes.Clone(data)
		at := source.IntN(len(damaged))
		damaged[at] ^= 1 << source.IntN(8)
		if _, err := Read(damaged); err == nil && at > 9 { // the header of gzip has a time and the system
			t.Errorf("a changed bit of byte %d of %d is not detected", at, len(data))
		}
	}
	for size := range len(data) {
		if _, err := Read(data[:size]); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", size, len(data))
		}
	}
	if _, err := Read(data[:len(data)-5]); err == nil || err.Error() != "it is cut off" {
		t.Errorf("a cut file: %v", err)
	}
	if _, err := Read(append(bytes.Clone(data), data...)); err == nil || !strings.Contains(err.Error(), "something follows its end") {
		t.Errorf("two files in one: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	data := pack(f, archivetest.Chain(3, tip), Manifest{}, wallets())
	f.Add(data)
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := Read(data); err == nil && (len(a.Chain) != a.Height || len(a.Kept) != len(a.Manifest.Wallets)) {
			t.Errorf("%+v", a.Manifest)
		}
	})
}

func TestWhatCouldNotBeReadIsNotWritten(t *testing.T) {
	var b Builder
	if err := b.Add(archivetest.Chain(1, tip)[0]); err != nil {
		t.Fatal(err)
	}
	m := Manifest{NotKept: []string{strings.Repeat("x", maxManifest)}}
	if data, _, err := b.Pack(m, nil); data != nil || err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a large manifest gives %d bytes (%v)", len(data), err)
	}
	if before := b.chain.Len(); !fits(maxChain-before, before-recordHead) || fits(maxChain-before+1, before-recordHead) {
		t.Errorf("a block of %d bytes with its head must fill the %d bytes that can be read, and no more", before, maxChain)
	}
}

package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// competes gives the other nodes another block at the height that the next block of net-sts-0 has.
func (w *world) competes() {
	w.Helper()
	w.nodes.mu.Lock()
	defer w.nodes.mu.Unlock()
	all := w.nodes.crossing
	w.nodes.crossing = func(a, b *node) bool { return a.ordinal != 0 && b.ordinal != 0 }
	w.nodes.generate(w.nodes.byPod["net-sts-1"], []string{"generatetoaddress", "1", someAddress})
	w.nodes.crossing = all
}

// wins lets the other branch grow, so that net-sts-0 leaves its own; what its blocks had is in its mempool again.
func (w *world) wins() {
	own := w.nodes.byPod["net-sts-0"]
	own.mempool = append(own.mempool, w.nodes.blocks[own.best].txs...)
	w.nodes.generate(w.nodes.byPod["net-sts-1"], []string{"generatetoaddress", "1", someAddress})
}

// when calls a function before the first answer to a call that begins so.
func (w *world) when(call string, do func()) {
	w.nodes.before = func(text string) {
		if strings.HasPrefix(text, call) {
			w.nodes.before = nil
			do()
		}
	}
}

type confirmed struct {
	TxID  string
	Mined int
	Block struct {
		Height int64
		Hash   string
	}
}

func (w *world) funds() (payment confirmed) {
	w.Helper()
	if err := json.Unmarshal([]byte(w.works("fund", "net", someAddress, "1", "-o", "json")), &payment); err != nil {
		w.Fatal(err)
	}
	block := w.nodes.ancestor(w.nodes.blocks[w.nodes.byPod["net-sts-2"].best], payment.Block.Height)
	if block.hash != payment.Block.Hash || !slices.Contains(block.txs, payment.TxID) {
		w.Errorf("the other nodes have block %+v, and the payment is %+v", block, payment)
	}
	return payment
}

func TestFundDecidesBetweenItsBlockAndOneOfAnotherMiner(t *testing.T) {
	w := newWorld(t, three())
	w.works("fund", "net", someAddress, "1")
	w.competes()
	if payment := w.funds(); payment.Block.Height != 103 || payment.Mined != 2 {
		t.Errorf("the payment is %+v", payment)
	}
}

// Further blocks do not help nodes that do not get them.
func TestFundMinesNoMoreBlocksForNodesThatStayOnAnotherBranch(t *testing.T) {
	w := newWorld(t, three())
	w.works("fund", "net", someAddress, "1")
	w.competes()
	w.nodes.crossing = func(a, b *node) bool { return a.ordinal != 0 && b.ordinal != 0 }
	w.fails(exitFailed, "it is missing on net-sts-1, net-sts-2; another branch has height 103, and that of net-sts-0 104: kubectl btcnet tree shows whether the nodes are connected",
		"fund", "net", someAddress, "1", "--timeout", "200ms")
}

func TestFundConfirmsAgainWhatAnotherMinersBranchReplaced(t *testing.T) {
	w := newWorld(t, three())
	w.works("fund", "net", someAddress, "1")
	w.competes()
	w.when("net-sts-0 -rpcwallet=faucet gettransaction", func() {
		w.when("net-sts-0 -rpcwallet=faucet gettransaction", w.wins)
	})
	if payment := w.funds(); payment.Block.Height != 105 || payment.Mined != 2 {
		t.Errorf("the payment is %+v", payment)
	}
}

func TestFundReportsTheBlockOfTheOtherMinerThatHasThePayment(t *testing.T) {
	w := newWorld(t, three())
	w.works("fund", "net", someAddress, "1")
	w.competes()
	w.when("net-sts-0 -rpcwallet=faucet gettransaction", func() {
		w.when("net-sts-0 -rpcwallet=faucet gettransaction", func() {
			other := w.nodes.byPod["net-sts-1"]
			other.mempool = append(other.mempool, w.nodes.blocks[w.nodes.byPod["net-sts-0"].best].txs...)
			w.wins()
		})
	})
	if payment := w.funds(); payment.Block.Height != 104 || payment.Mined != 1 {
		t.Errorf("the payment is %+v", payment)
	}
}

func TestMineReportsThatAnotherMinersBranchReplacedItsBlock(t *testing.T) {
	w := newWorld(t, three())
	w.competes()
	w.when("net-sts-1 getblockhash", w.wins)
	w.fails(exitFailed, "of net-sts-0 is not in the best chain any more: another miner's branch is longer", "mine", "net", "1", "--to", someAddress)
	w.competes()
	w.timesOut("another branch has a block at this height: the next block decides", "mine", "net", "1", "--to", someAddress, "--timeout", "20ms")
}

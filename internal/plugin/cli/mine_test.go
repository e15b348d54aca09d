package cli

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const someAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

func (w *world) height(pod string) int64 { return w.nodes.blocks[w.nodes.byPod[pod].best].height }

func TestMineCreatesTheWalletAndMinesToIt(t *testing.T) {
	w := newWorld(t, three())
	got := w.works("mine", "net/1", "250")
	if !strings.HasPrefix(got, "net-sts-1 mined 250 blocks: height 250, best block ") {
		t.Errorf("it printed %q", got)
	}
	at := w.nodes.byPod["net-sts-1"]
	if w.height("net-sts-0") != 250 || w.nodes.blocks[at.best].address != at.faucetAddress() {
		t.Errorf("the chain has %d blocks, the last one for %s", w.height("net-sts-0"), w.nodes.blocks[at.best].address)
	}
	calls := len(w.nodes.calls)
	w.works("mine", "net/1", "1")
	if more := w.nodes.calls[calls:]; len(more) != 5 { // address, block, height, and one of each other node
		t.Errorf("with the wallet it takes the calls %q", more)
	}
}

func TestMineToAnAddressNeedsNoWallet(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "1", "--to", someAddress)
	if w.nodes.blocks[w.nodes.byPod["net-sts-2"].best].address != someAddress || w.nodes.byPod["net-sts-0"].exists {
		t.Error("the block does not pay the address, or a wallet was created")
	}
}

func TestMineWaitsForItsSideOnly(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 3, Partitions: []v1.Partition{{Nodes: []int32{0, 1}}}})
	w.nodes.crossing = func(a, b *node) bool { return a.ordinal < 2 && b.ordinal < 2 }
	w.works("mine", "net", "1")
	if w.height("net-sts-1") != 1 || w.height("net-sts-2") != 0 {
		t.Errorf("the heights are %d and %d", w.height("net-sts-1"), w.height("net-sts-2"))
	}
	w.nodes.crossing = func(_, _ *node) bool { return false }
	w.timesOut("the arrival of block 2 at all nodes did not happen within 20ms: it is missing on net-sts-1", "mine", "net", "1", "--timeout", "20ms")
	w.works("mine", "net", "1", "--wait=false")
	// A node with another block at that height does not have it.
	w.works("mine", "net/1", "3", "--wait=false")
	w.timesOut("the arrival of block 4 at all nodes did not happen within 20ms", "mine", "net", "1", "--timeout", "20ms")
}

func TestTheWalletIsUsableInWhateverStateItWasLeft(t *testing.T) {
	for name, state := range map[string]node{
		"absent":                  {},
		"on disk":                 {exists: true, keys: true, labelled: true},
		"without keys, on disk":   {exists: true},
		"without keys, loaded":    {exists: true, loaded: true},
		"loaded, without address": {exists: true, loaded: true, keys: true},
		"loaded":                  {exists: true, loaded: true, keys: true, labelled: true},
	} {
		w := newWorld(t, three())
		at := w.nodes.byPod["net-sts-0"]
		at.exists, at.loaded, at.keys, at.labelled = state.exists, state.loaded, state.keys, state.labelled
		if got := w.works("wallet", "net"); got != "wallet faucet of net-sts-0: 0.00000000 BTC, 0.00000000 pending, 0.00000000 immature; new address address-0-1\n" {
			t.Errorf("%s: it printed %q", name, got)
		}
		if !at.loaded || !at.keys || !at.labelled {
			t.Errorf("%s: the wallet is %+v", name, at)
		}
	}
}

func TestFundMinesWhatIsMissingAndPaysExactly(t *testing.T) {
	w := newWorld(t, three())
	got := w.works("fund", "net", someAddress, "10.00000001")
	if !strings.HasPrefix(got, "sent 10.00000001 BTC to "+someAddress+" in transaction tx102, confirmed by block 102 ") {
		t.Errorf("it printed %q", got)
	}
	if !slices.ContainsFunc(w.nodes.calls, func(call string) bool {
		return strings.HasPrefix(call, "net-sts-0 -rpcwallet=faucet -named sendtoaddress address="+someAddress+" amount=10.00000001 fee_rate=10 comment=")
	}) {
		t.Errorf("the calls are %q", w.nodes.calls)
	}
	// The rest of the reward is enough for the next one.
	var payment struct {
		TxID   string
		Amount json.Number
		Mined  int
		Block  struct{ Height int64 }
	}
	if err := json.Unmarshal([]byte(w.works("fund", "net", someAddress, "100sat", "-o", "json")), &payment); err != nil {
		t.Fatal(err)
	}
	if payment.Mined != 1 || payment.Block.Height != 103 || payment.Amount != "0.00000100" || payment.TxID == "" {
		t.Errorf("the second payment is %+v", payment)
	}
	// Immature rewards exist: no more are mined than their maturity needs.
	if err := json.Unmarshal([]byte(w.works("fund", "net", someAddress, "300", "-o", "json")), &payment); err != nil || payment.Mined != 11 {
		t.Errorf("the third payment is %+v (%v)", payment, err)
	}
}

// losesTheAnswer lets the next payment of net-sts-0 have no answer.
func (w *world) losesTheAnswer() {
	const call = "net-sts-0 -rpcwallet=faucet -named sendtoaddress"
	w.nodes.before = func(text string) {
		if strings.HasPrefix(text, call) {
			w.nodes.before = nil
			w.nodes.send(w.nodes.byPod["net-sts-0"], strings.Fields(text))
			w.nodes.once[call] = func(*node) (int, string) { return -28, "connection lost" } // no error of the call
		}
	}
}

func TestAPaymentWhoseAnswerIsLostIsSentOnce(t *testing.T) {
	w := newWorld(t, three())
	w.works("fund", "net", someAddress, "1")
	w.losesTheAnswer()
	at := w.nodes.byPod["net-sts-0"]
	if payment := w.funds(); len(at.sent) != 2 || payment.TxID != at.sent[1]["txid"] || at.sent[0]["comment"] == at.sent[1]["comment"] {
		t.Errorf("the payment is %+v, and sent are %v", payment, at.sent)
	}
	w.losesTheAnswer()
	w.nodes.failing["net-sts-0 -rpcwallet=faucet listtransactions"] = errors.New("connection lost again")
	w.fails(exitFailed, "the payment may have been sent, because its answer is missing: before you pay again, read kubectl btcnet cli NAME/0 -rpcwallet=faucet listtransactions, which has the comment ",
		"fund", "net", someAddress, "1")
	if comment := at.sent[2]["comment"]; !strings.Contains(w.err.String(), comment) {
		t.Errorf("the comment %s is not in %s", comment, w.err.String())
	}
}

func TestFundCountsTheBlocksThatItMines(t *testing.T) {
	w := newWorld(t, three())
	var payment struct{ Mined int }
	if err := json.Unmarshal([]byte(w.works("fund", "net", someAddress, "60", "-o", "json")), &payment); err != nil || payment.Mined != 103 || w.height("net-sts-1") != 103 {
		t.Errorf("it reports %+v (%v), and the height is %d", payment, err, w.height("net-sts-1"))
	}
}

func TestFundReportsAPaymentThatNoBlockHas(t *testing.T) {
	w := newWorld(t, three())
	w.nodes.before = func(text string) {
		if strings.Contains(text, "generatetoaddress") {
			w.nodes.byPod["net-sts-0"].mempool = nil // as with blockmaxweight
		}
	}
	w.fails(exitFailed, "is in no block after three: the configuration of net-sts-0 keeps it out", "fund", "net", someAddress, "1")
}

func TestFundLeavesThePaymentInTheMempoolOnRequest(t *testing.T) {
	w := newWorld(t, three())
	got := w.works("fund", "net/2", someAddress, "1", "--confirm=false")
	if !strings.Contains(got, "which is in the mempool: kubectl btcnet mine net/2 1 confirms it") || len(w.nodes.byPod["net-sts-2"].mempool) != 1 {
		t.Errorf("it printed %q", got)
	}
}

func TestFundReportsAChainThatPaysNoMore(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "4950", "--to", someAddress)
	before := len(w.nodes.blocks)
	w.fails(exitFailed, "cannot pay 1.01000000 any more", "fund", "net", someAddress, "1")
	if len(w.nodes.blocks) != before {
		t.Error("it mined all the same")
	}
}

func TestCLIPassesEverythingOn(t *testing.T) {
	w := newWorld(t, three())
	if got := w.works("cli", "net/1", "-named", "echo", "-o", "--all", "a b"); got != "-o --all a b\n" {
		t.Errorf("it printed %q", got)
	}
	w.in = "x y"
	if got := w.works("cli", "net/1", "-stdin", "echo"); got != "x y\n" {
		t.Errorf("with input it printed %q", got)
	}
	if got := w.works("cli", "net/1", "echo"); got != "\n" {
		t.Errorf("without -stdin it printed %q", got)
	}
	if code := w.run("cli", "net", "nonsense"); code != 32601&0xff || !strings.Contains(w.err.String(), "Method not found") || strings.Contains(w.err.String(), "error: ") {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
	if got := w.works("cli", "net", "getpeerinfo"); strings.Contains(got, "\x1b") {
		t.Errorf("a control character came through: %q", got)
	}
}

func TestCLICallsAllNodes(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 2, Groups: []v1.Group{{Name: "old", Nodes: 1}}})
	for _, line := range []string{"cli net --all getblockcount", "cli --all net getblockcount"} {
		var answers []struct {
			Node   int
			Pod    string
			Result json.Number
		}
		if err := json.Unmarshal([]byte(w.works(strings.Fields(line)...)), &answers); err != nil {
			t.Fatal(err)
		}
		if len(answers) != 3 || answers[2].Pod != "net-old-sts-0" || answers[2].Node != 2 || answers[0].Result != "0" {
			t.Errorf("%s: the answers are %+v", line, answers)
		}
	}
	w.nodes.failing["net-sts-1"] = lacking("create", "pods/exec")
	w.fails(exitFailed, "no right to create pods/exec", "cli", "net", "--all", "getbestblockhash")
	if !strings.Contains(w.out.String(), `"result": "genesis"`) || !strings.Contains(w.out.String(), `"error": "your account`) {
		t.Errorf("it printed %s", w.out.String())
	}
}

// The operator loads wallets too, and another command may create the wallet at the same time.
func TestAWalletThatAnotherProgramOpensMeanwhileIsUsed(t *testing.T) {
	for call, answer := range map[string]func(*node) (int, string){
		"net-sts-0 loadwallet": func(at *node) (int, string) {
			at.exists, at.loaded, at.keys = true, true, true
			return -35, "Wallet \"faucet\" is already loaded."
		},
		"net-sts-0 -named createwallet": func(at *node) (int, string) {
			at.exists, at.loaded = true, true
			return -4, "Wallet file verification failed. Database already exists."
		},
	} {
		w := newWorld(t, three())
		w.nodes.once[call] = answer
		w.works("mine", "net", "1")
	}
	w := newWorld(t, three())
	w.nodes.once["net-sts-0 -named createwallet"] = func(*node) (int, string) { return -4, "The disk is full" }
	w.fails(exitFailed, "The disk is full", "mine", "net", "1")
}

//go:build linux

package snapshot

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// savedReality is a snapshot of a real network: on node 0 a wallet with rewards, as that of the faucet, on node 1 one with a label and a
// locked coin, and one that only watches its address, which is returned too.
func savedReality(t *testing.T) (*archive.Archive, string) {
	t.Helper()
	r := newReality(t, "old", 2)
	first, second := "old-sts-0", "old-sts-1"
	r.ask(first, "getblockcount")
	r.ask(second, "addnode", fmt.Sprintf("127.0.0.1:%d", r.real[first].port), "onetry")
	r.ask(first, "createwallet", "faucet")
	r.ask(second, "createwallet", "person")
	r.ask(second, "-named", "createwallet", "wallet_name=watching", "disable_private_keys=true")
	address := r.ask(second, "-rpcwallet=person", "getnewaddress", "rent = due")
	r.ask(first, "generatetoaddress", "101", r.ask(first, "-rpcwallet=faucet", "getnewaddress", "faucet"))
	r.ask(first, "-rpcwallet=faucet", "sendtoaddress", address, "10")
	var described struct{ Descriptor string }
	if err := json.Unmarshal([]byte(r.ask(second, "getdescriptorinfo", "addr("+address+")")), &described); err != nil {
		t.Fatal(err)
	}
	r.ask(second, "-rpcwallet=watching", "importdescriptors", fmt.Sprintf(`[{"desc":%q,"timestamp":0,"label":"theirs"}]`, described.Descriptor))
	r.ask(first, "generatetodescriptor", "299", "raw(51)")
	r.ask(second, "waitforblockheight", "400")
	var coins []archive.Output
	if err := json.Unmarshal([]byte(r.ask(second, "-rpcwallet=person", "listunspent")), &coins); err != nil || len(coins) != 1 {
		t.Fatalf("the coins are %v (%v)", coins, err)
	}
	text, err := json.Marshal(coins)
	if err != nil {
		t.Fatal(err)
	}
	r.ask(second, "-rpcwallet=person", "lockunspent", "false", string(text))
	data, m, err := Save(t.Context(), r.client, r.network, noderef.Nodes(r.network)[0])
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Read(data)
	if err != nil || m.Height != 400 || len(a.Kept) != 3 || len(m.NotKept) > 0 {
		t.Fatalf("saved is %+v (%v)", m, err)
	}
	return a, address
}

// The processor time in the log is what the nodes need; in a cluster each call is a process in a pod beside it.
func TestRealNodesHaveTheChainAndTheWallets(t *testing.T) {
	a, address := savedReality(t)
	r := newReality(t, "new", 3)
	for attempt := range 2 { // the second one is that of the same command after an interruption
		r.calls = nil
		begin := time.Now()
		restorer := &Restorer{Cluster: r.client, Archive: a, Network: r.network}
		notes, err := restorer.Run(t.Context(), realLimit)
		if err != nil || len(notes) > 0 || restorer.Wallets() != 3 {
			t.Fatalf("%d wallets, %q (%v)", restorer.Wallets(), notes, err)
		}
		t.Logf("attempt %d: %d calls in %s", attempt, len(r.calls), time.Since(begin))
		for _, call := range r.calls {
			if strings.Contains(call, "prv") || strings.Contains(call, "-rpcwallet=watching -named setlabel") {
				t.Errorf("the call %q should not be", call)
			}
		}
		if best := len(a.Kept[1].Descriptors); best < 8 {
			t.Errorf("%d descriptors are kept", best)
		}
		r.hasAll(a, address)
	}
}

// hasAll compares the nodes with the snapshot.
func (r *reality) hasAll(a *archive.Archive, address string) {
	r.Helper()
	for pod := range r.real {
		if best := r.ask(pod, "getbestblockhash"); best != a.BestBlock {
			r.Errorf("%s is at %s, not at %s", pod, best, a.BestBlock)
		}
	}
	for call, want := range map[string]string{
		"-rpcwallet=person getbalance":                                 "10.00000000",
		"-rpcwallet=person getreceivedbyaddress " + address:            "10.00000000",
		"-rpcwallet=watching getreceivedbyaddress " + address:          "10.00000000",
		"-rpcwallet=watching getaddressesbylabel theirs":               address,
		"-rpcwallet=person listlockunspent":                            a.Kept[1].Locked[0].TXID,
		"-rpcwallet=watching -named getaddressinfo address=" + address: `"theirs"`,
		"-rpcwallet=person -named getaddressinfo address=" + address:   `"rent = due"`,
	} {
		if got := r.ask("new-sts-1", strings.Fields(call)...); !strings.Contains(got, want) {
			r.Errorf("%s is %s, without %s", call, got, want)
		}
	}
	if got := r.ask("new-sts-0", "-rpcwallet=faucet", "getbalance", "*", "1"); got != a.Kept[0].Balance.String() {
		r.Errorf("the faucet has %s, and had %s", got, a.Kept[0].Balance)
	}
}

// bitcoind does not wait for the disk at a change of a wallet (unsafesqlitesync), and what it has written outlives a kill.
func TestTheWalletOfARealNodeOutlivesAKill(t *testing.T) {
	r := newReality(t, "killed", 1)
	const pod = "killed-sts-0"
	r.ask(pod, "-named", "createwallet", "wallet_name=coins", "load_on_startup=true")
	address := r.ask(pod, "-rpcwallet=coins", "getnewaddress", "mine")
	r.ask(pod, "generatetoaddress", "101", address)
	r.ask(pod, "syncwithvalidationinterfacequeue")
	r.end(r.real[pod].command, syscall.SIGKILL)
	r.start(pod)
	// The chain is flushed less often: bitcoind may have fewer blocks than the wallet has rewards.
	if got := r.ask(pod, "-rpcwallet=coins", "getaddressesbylabel", "mine"); !strings.Contains(got, address) {
		t.Errorf("the addresses are %s, without %s", got, address)
	}
	r.ask(pod, "generatetoaddress", "102", address)
	if got := r.ask(pod, "-rpcwallet=coins", "getbalance"); got == "0.00000000" {
		t.Error("the wallet has no coins")
	}
}

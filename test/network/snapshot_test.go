//go:build e2e

package network

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// savedHeight is the height of the chain that is saved.
const savedHeight = 1000

func TestASnapshotStartsAnotherNetwork(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 8)
	p := env.plugin("bob", pluginRights)
	create := []string{"create", "old", "--nodes", "2", "--wait"}
	if image := earlierImage(); image != "" {
		create = append(create, "--image", image)
	}
	p.Does(create...)
	saved := p.savesAThousandBlocks("old")
	p.Does("create", "plain", "--nodes", "1", "--wait")
	env.mineAt("plain-sts-0", strconv.Itoa(savedHeight))
	plain := filepath.Join(t.TempDir(), "plain.snapshot")
	p.Does("snapshot", "save", "plain", plain)
	p.startsInTime(plain, saved.file)

	p.Does("create", "copy", "--nodes", "3", "--from", saved.file, "--digest", saved.digest)
	env.allAt("copy", 3, saved.best)
	p.hasTheWallets("copy", saved)
	// The faucet has its coins already: it mines one block, and not 101.
	p.Does("fund", "copy", saved.address, "1")
	env.allHave("copy", savedHeight+1)
	// The network has other blocks now, which no command replaces.
	if _, errOut, code := p.Try("create", "copy", "--nodes", "3", "--from", saved.file); code != 1 || !strings.Contains(errOut, "its block 1001 is not in the snapshot") {
		t.Errorf("a network with another chain ended with %d: %s", code, errOut)
	}
	image := env.anotherImage("copy-sts-0")
	p.ends("copy")
	p.startsPacked(saved)
	p.continues(saved)

	// Fewer nodes, another image, and blocks afterwards.
	_, notes, code := p.Try("create", "single", "--nodes", "1", "--from", saved.file, "--image", image, "--mine-interval", "1s")
	if code != 0 || !strings.Contains(notes, `the wallet "person" of node 1 is not restored: the network has 1 nodes`) {
		t.Errorf("a network of one ended with %d: %s", code, notes)
	}
	env.eventually("blocks on the chain of the snapshot", time.Minute, func() error {
		if hash, err := env.cli("single-sts-0", "getblockhash", strconv.Itoa(savedHeight)); err != nil || hash != saved.best {
			t.Fatalf("block %d is %s (%v)", savedHeight, hash, err)
		}
		if count, err := env.cli("single-sts-0", "getblockcount"); err != nil || count < strconv.Itoa(savedHeight+1) {
			return fmt.Errorf("the height is %s (%w)", count, err)
		}
		return nil
	})
	p.rejectsDamage(saved)
}

// snapshotFile is a saved network.
type snapshotFile struct{ file, digest, best, address string }

// savesAThousandBlocks gives the network coins, a wallet with a label, a locked coin and one that only watches, and saves it.
func (p plugin) savesAThousandBlocks(name string) snapshotFile {
	p.Helper()
	second := name + "-sts-1"
	ask := func(args ...string) string {
		p.Helper()
		got, err := p.cli(second, args...)
		if err != nil {
			p.Fatal(err)
		}
		return got
	}
	ask("createwallet", "person")
	address := ask("-rpcwallet=person", "getnewaddress", "rent = due")
	p.Does("fund", name, address, "10")
	ask("-named", "createwallet", "wallet_name=watching", "disable_private_keys=true")
	var described struct{ Descriptor string }
	if err := json.Unmarshal([]byte(ask("getdescriptorinfo", "addr("+address+")")), &described); err != nil {
		p.Fatal(err)
	}
	ask("-rpcwallet=watching", "importdescriptors", fmt.Sprintf(`[{"desc":%q,"timestamp":0,"label":"theirs"}]`, described.Descriptor))
	var coins []struct {
		TXID string
		Vout int
	}
	if err := json.Unmarshal([]byte(ask("-rpcwallet=person", "listunspent")), &coins); err != nil || len(coins) != 1 {
		p.Fatalf("the coins are %v (%v)", coins, err)
	}
	ask("-rpcwallet=person", "lockunspent", "false", fmt.Sprintf(`[{"txid":%q,"vout":%d}]`, coins[0].TXID, coins[0].Vout))
	height, err := strconv.Atoi(ask("getblockcount"))
	if err != nil {
		p.Fatal(err)
	}
	best := p.mineAt(second, strconv.Itoa(savedHeight-height))
	p.allHave(name, savedHeight)
	file := filepath.Join(p.TempDir(), name+".snapshot")
	var saved struct {
		Digest, BestBlock string
		Height, Bytes     int
		NotKept           []string
		Wallets           []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(p.Does("snapshot", "save", name, file, "-o", "json")), &saved); err != nil {
		p.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || saved.Height != savedHeight || saved.BestBlock != best || len(saved.Wallets) != 3 || len(saved.NotKept) > 0 {
		p.Errorf("saved is %+v, with the mode %v (%v)", saved, info.Mode(), err)
	}
	if manifest := p.Does("snapshot", "inspect", file, "--digest", saved.Digest); strings.Contains(manifest, "prv") {
		p.Errorf("the manifest has a key: %s", manifest)
	}
	p.Logf("%d blocks and %d wallets are %d bytes", saved.Height, len(saved.Wallets), saved.Bytes)
	return snapshotFile{file, saved.Digest, best, address}
}

// startsInTime prints how long a network takes that is empty, one from a snapshot without wallets, and one with, until all are Ready. The
// tests of other networks run at the same time, so that the limits are wider than what a cluster with time to spare needs.
func (p plugin) startsInTime(plain, withWallets string) {
	p.Helper()
	const rounds = 3
	// Of each kind, the least that a round had: what else runs on the machine is about the same within a round.
	ratio := map[string]float64{}
	for round := range rounds {
		took := map[string]time.Duration{}
		for kind, more := range map[string][]string{"empty": {"--wait"}, "plain": {"--from", plain}, "wallets": {"--from", withWallets}} {
			name := fmt.Sprintf("%s-%d", kind, round)
			start := time.Now()
			p.Does(append([]string{"create", name, "--nodes", "3"}, more...)...)
			took[kind] = time.Since(start)
			p.ends(name)
		}
		for kind, last := range took {
			times := last.Seconds() / took["empty"].Seconds()
			p.Logf("round %d, three nodes, %s: Ready after %.2f s, %.2f times as long as empty ones", round, kind, last.Seconds(), times)
			if ratio[kind] == 0 || times < ratio[kind] {
				ratio[kind] = times
			}
		}
	}
	for kind, limit := range map[string]float64{"plain": 3, "wallets": 4} {
		if ratio[kind] > limit {
			p.Errorf("%d blocks (%s) take %.2f times as long as the start of empty nodes, more than %.0f times", savedHeight, kind, ratio[kind], limit)
		}
	}
}

// ends deletes a network, and waits until it takes no processor time any more.
func (p plugin) ends(name string) {
	p.Helper()
	if err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(p.namespace).Delete(p.Context(), name, metav1.DeleteOptions{}); err != nil {
		p.Fatal(err)
	}
	p.eventually("the end of "+name, time.Minute, func() error {
		pods, err := cluster.Core.CoreV1().Pods(p.namespace).List(p.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + name})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods exist", len(pods.Items))
		}
		return err
	})
}

// hasTheWallets compares the wallets with those that were saved.
func (p plugin) hasTheWallets(name string, saved snapshotFile) {
	p.Helper()
	second := name + "-sts-1"
	for call, want := range map[string]string{
		"-rpcwallet=person getbalance":                                     "10.00000000",
		"-rpcwallet=person getreceivedbyaddress " + saved.address:          "10.00000000",
		"-rpcwallet=watching getreceivedbyaddress " + saved.address + " 1": "10.00000000",
	} {
		if got, err := p.cli(second, strings.Fields(call)...); err != nil || got != want {
			p.Errorf("%s is %s, and should be %s (%v)", call, got, want, err)
		}
	}
	var info struct{ Labels []string }
	if err := json.Unmarshal([]byte(p.Does("cli", name+"/1", "-rpcwallet=person", "getaddressinfo", saved.address)), &info); err != nil || len(info.Labels) != 1 || info.Labels[0] != "rent = due" {
		p.Errorf("the labels are %q (%v)", info.Labels, err)
	}
	if locked, err := ask[[]any](p.testEnv, second, "-rpcwallet=person", "listlockunspent"); err != nil || len(locked) != 1 {
		p.Errorf("locked are %v (%v)", locked, err)
	}
	if watching, err := ask[struct {
		Keys bool `json:"private_keys_enabled"`
	}](p.testEnv, second, "-rpcwallet=watching", "getwalletinfo"); err != nil || watching.Keys {
		p.Errorf("the wallet that watches has keys: %t (%v)", watching.Keys, err)
	}
}

// rejectsDamage checks that nothing is created from a file that is not what was saved.
func (p plugin) rejectsDamage(saved snapshotFile) {
	p.Helper()
	data, err := os.ReadFile(saved.file)
	if err != nil {
		p.Fatal(err)
	}
	data[len(data)/2] ^= 1
	damaged := saved.file + ".damaged"
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		p.Fatal(err)
	}
	for _, args := range [][]string{{damaged}, {damaged, "--digest", saved.digest}} {
		if _, errOut, code := p.Try(append([]string{"create", "none", "--from"}, args...)...); code != 1 || !strings.Contains(errOut, "nothing was created") || strings.Contains(errOut, "\n") {
			p.Errorf("a damaged file ended with %d: %s", code, errOut)
		}
	}
	if list, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(p.namespace).List(p.Context(), metav1.ListOptions{FieldSelector: "metadata.name=none"}); err != nil || len(list.Items) > 0 {
		p.Errorf("a network was created from it: %v (%v)", list.Items, err)
	}
}

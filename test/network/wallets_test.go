//go:build e2e

package network

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// hasCoins waits until a wallet is loaded in a node and has this balance.
func (env *testEnv) hasCoins(pod, wallet, balance string) {
	env.Helper()
	env.eventually("the wallet of "+pod+" to be loaded", time.Minute, func() error {
		got, err := env.cli(pod, "-rpcwallet="+wallet, "getbalance")
		if err == nil && got != balance {
			err = fmt.Errorf("it has %s, and should have %s", got, balance)
		}
		return err
	})
}

// mineToWallet creates a wallet and mines 101 blocks to it, so that it can spend the coins of one.
func (env *testEnv) mineToWallet(pod, wallet string) (best string) {
	env.Helper()
	if _, err := env.cli(pod, "createwallet", wallet); err != nil {
		env.Fatal(err)
	}
	address, err := env.cli(pod, "-rpcwallet="+wallet, "getnewaddress")
	if err == nil {
		_, err = env.cli(pod, "generatetoaddress", "101", address)
	}
	if err == nil {
		best, err = env.cli(pod, "getbestblockhash")
	}
	if err != nil {
		env.Fatal(err)
	}
	return best
}

// bitcoind loads a wallet at its start only if that was requested when it was created. A node restarts without its user, alone or with
// its pod: in one pod with all nodes nobody else has the chain, which bitcoind writes when it gets SIGTERM.
func TestWalletsAreLoadedAfterARestart(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 1, packed)
		env := newPackedEnv(t, 2*nodes, perPod)
		env.create(storedNetwork("wallets", nodes))
		env.create(network("plain", nodes))
		env.ready("wallets", readyTimeout)
		env.ready("plain", readyTimeout)
		saver, plain := env.node("wallets", nodes-1), env.node("plain", nodes-1)
		env.mineToWallet(plain, "pocket")
		best := env.mineToWallet(saver, "savings")
		env.replace("wallets", saver)
		env.allAt("wallets", nodes, best)
		env.hasCoins(saver, "savings", "50.00000000")
		// The data directory outlives the process, also without storage.
		before := env.beside(plain, showProcess)
		env.signal("TERM", plain)
		env.eventually("another process of "+plain, time.Minute, func() error {
			now, err := env.process(plain)
			if err == nil && now == before {
				err = fmt.Errorf("it is still %s", now)
			}
			return err
		})
		env.hasCoins(plain, "pocket", "50.00000000")
		env.staysUnloaded("wallets", saver, "savings")
	})
}

// staysUnloaded checks that a wallet that a user unloads stays so until bitcoind starts again. An operator that another test has just
// started loads the wallets of nodes that are as young: with one, it is tried again.
func (env *testEnv) staysUnloaded(network, pod, wallet string) {
	env.Helper()
	for {
		if _, err := env.cli(pod, "unloadwallet", wallet); err != nil {
			env.Fatal(err)
		}
		height := env.get(network).Status.Height + 1
		env.mineAt(pod, "1")
		env.eventually("the operator to see the block", time.Minute, func() error {
			if now := env.get(network).Status.Height; now < height {
				return fmt.Errorf("height %d", now)
			}
			return nil
		})
		loaded, err := ask[[]string](env, pod, "listwallets")
		if err != nil {
			env.Fatal(err)
		}
		if len(loaded) == 0 {
			return
		}
		if pods, err := operators(env.Context()); err != nil || !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return time.Since(pod.CreationTimestamp.Time) < 2*time.Minute }) {
			env.Fatalf("loaded are %v, and the operator runs for two minutes (%v)", loaded, err)
		}
	}
}

//go:build e2e

package network

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// What bitcoind makes of its options, and of the defaults. The group starts after the end date of Knots, 2028-11-06.
func TestNodesHaveTheOptionsOfTheSpec(t *testing.T) {
	env := newEnv(t, 2)
	n := network("options", 1)
	n.Spec.Secret = "users"
	n.Spec.ConfigLists = v1.ConfigLists{"debug": {"net", "mempool"}, "uacomment": {"first", "second"}}
	n.Spec.Groups = []v1.Group{{
		Name: "expired", Nodes: 1, Config: v1.Config{"mocktime": "1900000000", "debug": "rpc"}, ConfigLists: v1.ConfigLists{"uacomment": {}},
	}}
	env.secret("users", "user", "user of options 7a1d")
	env.create(n)
	env.ready("options", readyTimeout)
	for pod, want := range map[string][]string{"options-sts-0": {"mempool", "net"}, "options-expired-sts-0": {"rpc"}} {
		categories, err := ask[map[string]bool](env, pod, "logging")
		var on []string
		for category, enabled := range categories {
			if enabled {
				on = append(on, category)
			}
		}
		slices.Sort(on)
		if err != nil || !slices.Equal(on, want) {
			t.Errorf("%s logs %v, want %v (%v)", pod, on, want, err)
		}
	}
	status := env.get("options").Status
	for i, commented := range []bool{true, false} {
		if got := status.Nodes[i].Version; strings.Contains(got, "(first; second)") != commented {
			t.Errorf("the version of node %d is %q", i, got)
		}
	}
	env.cliFindsTheNode("options-sts-0", "options-expired-sts-0")
	if _, err := env.cli("options-sts-0", "createwallet", "w"); err != nil {
		t.Fatal(err)
	}
	if address, err := env.cli("options-sts-0", "getnewaddress"); err != nil || !strings.HasPrefix(address, "bcrt1q") {
		t.Errorf("a new address is %q, %v", address, err)
	}
}

// cliFindsTheNode runs bitcoin-cli with the arguments that people give it, and without any.
func (env *testEnv) cliFindsTheNode(pods ...string) {
	env.Helper()
	for _, pod := range pods {
		for _, command := range []string{
			"bitcoin-cli", "bitcoin-cli -regtest", "bitcoin-cli -conf=/bitcoin.conf", "bitcoin-cli -regtest -conf=/bitcoin.conf", "/usr/local/bin/bitcoin-cli",
		} {
			if got, err := env.exec(pod, "", append(strings.Fields(command), "getblockcount")...); err != nil || got != "0" {
				env.Errorf("%s in %s: %q, %v", command, pod, got, err)
			}
		}
	}
}

func TestAnErrorOfBitcoindIsInTheConditionAndEndsWithItsCause(t *testing.T) {
	env := newEnv(t, 1)
	n := network("wrong", 1)
	n.Spec.Config = v1.Config{"maxmempool": "1"}
	env.create(n)
	env.eventually("the error to be in the condition", time.Minute, func() error {
		stalled := meta.FindStatusCondition(env.get("wrong").Status.Conditions, v1.ConditionStalled)
		if stalled == nil || stalled.Status != metav1.ConditionTrue || !strings.Contains(stalled.Message, "Error: -maxmempool must be at least 5 MB") {
			return fmt.Errorf("Stalled is %+v", stalled)
		}
		return nil
	})
	env.change("wrong", func(spec *v1.BitcoinNetworkSpec) { spec.Config = nil })
	env.ready("wrong", readyTimeout)
	env.notStalled("wrong")
}

// Pruned nodes give only their last blocks to a node that starts again without its chain.
func TestANodeThatIsBehindPrunedNodesIsNamed(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	n := network("pruned", 2)
	n.Spec.Config = v1.Config{"prune": "1"}
	n.Spec.Groups = []v1.Group{{Name: "full", Nodes: 1, Config: v1.Config{"prune": "0"}}}
	n.Spec.Topology = &v1.Topology{Type: v1.TopologyLine}
	env.create(n)
	env.ready("pruned", readyTimeout)
	// Not all at once, since the last node gets its blocks from a pruned one too.
	env.mineAt("pruned-full-sts-0", "200")
	env.allHave("pruned", 200)
	env.mineAt("pruned-full-sts-0", "200")
	env.allHave("pruned", 400)
	if err := cluster.core.CoreV1().Pods(env.namespace).Delete(t.Context(), "pruned-sts-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.eventually("the node to be named", time.Minute, func() error {
		synced := meta.FindStatusCondition(env.get("pruned").Status.Conditions, v1.ConditionSynced)
		const want = "a node is 400 blocks behind; the nodes that these are connected with are pruned, and have no blocks for them: pruned-sts-0; "
		if synced == nil || synced.Reason != v1.ReasonSyncing || !strings.HasPrefix(synced.Message, want) {
			return fmt.Errorf("Synced is %+v", synced)
		}
		return nil
	})
	env.change("pruned", func(spec *v1.BitcoinNetworkSpec) { spec.Topology.Type = v1.TopologyMesh })
	env.ready("pruned", readyTimeout)
	env.allHave("pruned", 400)
}

// allHave waits until all nodes report this height.
func (env *testEnv) allHave(name string, height int64) {
	env.Helper()
	env.eventually(fmt.Sprintf("height %d on all nodes of %s", height, name), time.Minute, func() error {
		for _, n := range env.get(name).Status.Nodes {
			if n.Blocks != height {
				return fmt.Errorf("%s is at %d", n.PodName, n.Blocks)
			}
		}
		return nil
	})
}

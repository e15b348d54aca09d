//go:build e2e

package network

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
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

// foreignImage has the programs elsewhere, and a user, a home directory and a configuration of its own.
const foreignImage = `FROM %s AS programs
FROM scratch
COPY --from=programs /lib64 /lib64
COPY --from=programs /usr/lib /usr/lib
COPY --from=programs /usr/local/bin /opt/bitcoin/bin
COPY --from=programs /bitcoin.conf /home/bitcoin/.bitcoin/bitcoin.conf
ENV PATH=/opt/bitcoin/bin HOME=/home/bitcoin BITCOIN_DATA=/home/bitcoin/.bitcoin
USER 101:101
WORKDIR /home/bitcoin
VOLUME /home/bitcoin/.bitcoin
EXPOSE 8332
ENTRYPOINT ["/entrypoint.sh"]
CMD ["bitcoind"]
`

// bitcoin-cli needs no arguments in a foreign image either.
func TestBitcoinCliFindsTheNodeInAForeignImage(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnv(t, 1)
	own := network("own", 0)
	env.create(own)
	env.ready("own", readyTimeout)
	set, err := cluster.Core.AppsV1().StatefulSets(env.namespace).Get(t.Context(), "own-sts", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := network("foreign", 1)
	n.Spec.Image = "registry.example/" + env.namespace + "/bitcoin:1"
	nodes, err := cluster.Core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "sh", "-c", `docker build --quiet --tag "$1" - && docker save "$1" | docker exec -i "$2" ctr -n k8s.io images import -`, //nolint:gosec // a test's own script
		"build", n.Spec.Image, nodes.Items[0].Name)
	build.Stdin = strings.NewReader(fmt.Sprintf(foreignImage, nodeImageInDocker(t, set.Spec.Template.Spec.Containers[0].Image)))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "rmi", n.Spec.Image).Run() //nolint:gosec // a test's own image
	})
	env.create(n)
	env.ready("foreign", readyTimeout)
	for _, command := range []string{"bitcoin-cli", "bitcoin-cli -regtest", "bitcoin-cli -regtest -conf=/bitcoin.conf", "/opt/bitcoin/bin/bitcoin-cli"} {
		if got, err := env.exec("foreign-sts-0", "", append(strings.Fields(command), "getblockcount")...); err != nil || got != "0" {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
}

// nodeImageInDocker is the image of the nodes as the engine has it: BITCOIND_IMAGE, or the one that the operator uses.
func nodeImageInDocker(t *testing.T, used string) string {
	t.Helper()
	for _, image := range []string{os.Getenv("BITCOIND_IMAGE"), used} {
		if image != "" && exec.Command("docker", "image", "inspect", image).Run() == nil { //nolint:gosec // the name of an image
			return image
		}
	}
	testtools.Missing(t, "the engine does not have the image of the nodes; set BITCOIND_IMAGE")
	return ""
}

func TestAnErrorOfBitcoindIsInTheConditionAndEndsWithItsCause(t *testing.T) {
	skipInDemo(t)
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
	if err := cluster.Core.CoreV1().Pods(env.namespace).Delete(t.Context(), "pruned-sts-0", metav1.DeleteOptions{}); err != nil {
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

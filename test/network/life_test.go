//go:build e2e

package network

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	user     = "alice"
	password = "correct horse # battery: staple 7f3a"
)

// The usual operations, one after the other in one network of a few nodes. The other tests try each of them in more depth, and
// -short leaves those out.
func TestTheLifeOfANetwork(t *testing.T) {
	env := newEnv(t, 4)
	// A test that kills the operator would lose events that it has not sent yet.
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.secret("bitcoin-default-secret", user, password)
	n := network("my-network", 3)
	n.Spec.Secret = "bitcoin-default-secret"
	env.create(n)
	for _, part := range []struct {
		name string
		test func(env *testEnv, name string)
	}{
		{"three-nodes-find-each-other", threeNodesFindEachOther},
		{"a-block-reaches-all", aBlockReachesAll},
		{"the-Secret-lets-its-user-in", theSecretLetsItsUserIn},
		{"no-password-is-in-any-object-event-or-log", noPasswordAnywhere},
		{"a-deleted-pod-is-connected-again-under-its-new-address", aDeletedPodIsConnectedAgain},
		{"a-fourth-node", aFourthNode},
		{"line-and-custom", lineAndCustom},
		{"two-nodes-less", twoNodesLess},
		{"deleted-it-leaves-nothing-behind", func(env *testEnv, name string) { env.remove(name); env.nothingLeft() }},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(&testEnv{T: t, namespace: env.namespace}, "my-network") }) {
			t.FailNow()
		}
	}
}

func threeNodesFindEachOther(env *testEnv, name string) {
	status := env.ready(name, readyTimeout).Status
	env.exactly(name, 3, others(3))
	addresses := env.addresses(name, 3)
	for i, node := range status.Nodes {
		pod := fmt.Sprintf("%s-sts-%d", name, i)
		if node.PodName != pod || node.NodeName != pod || node.IP != addresses[i] || node.DNSName != pod+"."+name+"-svc" || int(node.Ordinal) != i || !node.Ready || node.Peers != 2 {
			env.Errorf("status of node %d: %+v", i, node)
		}
		want := slices.Delete(slices.Clone(addresses), i, i+1)
		slices.Sort(want)
		if list, err := env.listOf(pod); err != nil || !slices.Equal(list, want) {
			env.Errorf("%s lists %v (%v), and should list the two others, %v", pod, list, err, want)
		}
	}
	if status.Connected != "3/3" || status.ReadyNodes != 3 || status.ChainTips != 1 {
		env.Errorf("status %+v", status)
	}
}

func aBlockReachesAll(env *testEnv, name string) {
	if _, err := env.cli(name+"-sts-0", "generatetodescriptor", "101", "raw(51)"); err != nil {
		env.Fatal(err)
	}
	best, err := env.cli(name+"-sts-0", "getbestblockhash")
	if err != nil {
		env.Fatal(err)
	}
	for i := range 3 {
		env.eventually("101 blocks on node "+strconv.Itoa(i), time.Minute, func() error {
			hash, err := env.cli(fmt.Sprintf("%s-sts-%d", name, i), "getbestblockhash")
			if err == nil && hash != best {
				err = errors.New("its best block is " + hash)
			}
			return err
		})
	}
	env.eventually("the status to show height 101", time.Minute, func() error {
		if status := env.get(name).Status; status.Height != 101 || status.BestBlockHash != best || status.ChainTips != 1 {
			return fmt.Errorf("height %d, %d tips", status.Height, status.ChainTips)
		}
		return nil
	})
}

// theSecretLetsItsUserIn calls one node from another as the user of the Secret, with the password on standard input.
func theSecretLetsItsUserIn(env *testEnv, name string) {
	call := func(user, password string) (string, error) {
		return env.exec(name+"-sts-0", password+"\n", "/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf",
			"-rpcconnect="+name+"-sts-1."+name+"-svc", "-rpcuser="+user, "-stdinrpcpass", "getblockcount")
	}
	if got, err := call(user, password); err != nil || got != "101" {
		env.Errorf("the user of the Secret gets %q, %v", got, err)
	}
	if got, err := call(user, "wrong"); err == nil {
		env.Errorf("a wrong password gets %q", got)
	}
	if got, err := call("mallory", password); err == nil {
		env.Errorf("a wrong name gets %q", got)
	}
}

// noPasswordAnywhere searches the whole cluster, with what the tests beside this one have in it.
func noPasswordAnywhere(env *testEnv, name string) {
	env.eventually("the cluster to be searched", time.Minute, func() error {
		// What another test deletes in the middle of this is searched by that test.
		found, err := searched(env.Context(), "")
		for _, find := range found {
			env.Error(find)
		}
		return err
	})
	// The process of bitcoind, as the cluster node sees it: a command that is run in its container later gets the Secret again.
	if exec.Command("docker", "info").Run() == nil {
		running := env.beside(name+"-sts-0", "cat $p/environ $p/cmdline")
		for _, find := range sought.in("the environment or arguments of bitcoind", running) {
			env.Error(find)
		}
		if !strings.Contains(running, "bitcoind") || !strings.Contains(running, "PATH=") {
			env.Errorf("environment and arguments are %q", running)
		}
	}
	if line, err := env.exec(name+"-sts-0", "", "/usr/local/bin/bitcoin-cli", "-version"); err != nil || line == "" {
		env.Errorf("bitcoin-cli -version: %q, %v", line, err)
	}
}

func aDeletedPodIsConnectedAgain(env *testEnv, name string) {
	before := env.ready(name, readyTimeout).Status.Nodes[1]
	if err := cluster.core.CoreV1().Pods(env.namespace).Delete(env.Context(), before.PodName, metav1.DeleteOptions{}); err != nil {
		env.Fatal(err)
	}
	env.eventually("the operator to see it", time.Minute, func() error {
		if node := env.get(name).Status.Nodes[1]; node.Ready && node.IP == before.IP {
			return errors.New("node 1 is still reported as ready at its old address")
		}
		return nil
	})
	env.ready(name, readyTimeout)
	env.exactly(name, 3, others(3))
	env.listsOnly(name, 3)
	// Its blocks were in a volume that was deleted with the pod.
	if height, err := env.cli(before.PodName, "getblockcount"); err != nil || height != "101" {
		env.Errorf("the network is Ready, and the new pod has %s blocks, %v", height, err)
	}
}

func aFourthNode(env *testEnv, name string) {
	env.scale(name, 4)
	env.ready(name, readyTimeout)
	env.exactly(name, 4, others(4))
	env.listsOnly(name, 4)
}

func lineAndCustom(env *testEnv, name string) {
	for _, shape := range []struct {
		topology v1.Topology
		want     func(int) []int
	}{
		{v1.Topology{Type: v1.TopologyLine}, line(4)},
		{v1.Topology{Type: v1.TopologyCustom, Edges: []v1.Edge{{From: 1, To: 0}, {From: 1, To: 2}, {From: 0, To: 2}, {From: 3, To: 2}}},
			neighbours([]topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}, {A: 0, B: 2}, {A: 2, B: 3}})},
	} {
		env.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Topology = &shape.topology })
		env.ready(name, readyTimeout)
		env.exactly(name, 4, shape.want)
	}
}

func twoNodesLess(env *testEnv, name string) {
	env.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Topology = 2, nil })
	if status := env.ready(name, readyTimeout).Status; status.ReadyNodes != 2 || len(status.Nodes) != 2 {
		env.Errorf("status %+v", status)
	}
	env.exactly(name, 2, others(2))
	env.listsOnly(name, 2)
	env.hasScaledEvents(name, []string{"scaled from 3 to 4 nodes", "scaled from 4 to 2 nodes"})
}

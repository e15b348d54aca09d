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
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	user     = "alice"
	password = "correct horse # battery: staple 7f3a"
)

// The usual operations, one after the other in one network of a few nodes. The other tests try each of them in more depth, and
// -short leaves those out.
func TestTheLifeOfANetwork(t *testing.T) {
	packings(t, func(t *testing.T, perPod int) {
		env := newPackedEnv(t, sized(perPod, 4, 7), perPod)
		// A test that kills the operator would lose events that it has not sent yet.
		undisturbed.RLock()
		defer undisturbed.RUnlock()
		env.secret("bitcoin-default-secret", user, password)
		n := network("my-network", sized(perPod, 3, 6))
		n.Spec.Secret = "bitcoin-default-secret"
		env.create(n)
		for _, part := range []struct {
			name string
			test func(env *testEnv, name string, nodes int)
		}{
			{"all-nodes-find-each-other", allNodesFindEachOther},
			{"a-block-reaches-all", aBlockReachesAll},
			{"the-Secret-lets-its-user-in", theSecretLetsItsUserIn},
			{"no-password-is-in-any-object-event-or-log", noPasswordAnywhere},
			{"a-deleted-pod-is-connected-again-under-its-new-address", aDeletedPodIsConnectedAgain},
			{"one-node-more", oneNodeMore},
			{"line-and-custom", lineAndCustom},
			{"two-nodes-less", twoNodesLess},
			{"deleted-it-leaves-nothing-behind", func(env *testEnv, name string, _ int) { env.remove(name); env.nothingLeft() }},
		} {
			if !t.Run(part.name, func(t *testing.T) { part.test(env.within(t), "my-network", sized(perPod, 3, 6)) }) {
				t.FailNow()
			}
		}
	})
}

func allNodesFindEachOther(env *testEnv, name string, nodes int) {
	status := env.ready(name, readyTimeout).Status
	env.exactly(name, nodes, others(nodes))
	addresses := env.addresses(name, nodes)
	if edges := nodes * (nodes - 1) / 2; status.Connected != fmt.Sprintf("%d/%d", edges, edges) || len(status.Nodes) != nodes || int(status.ReadyNodes) != nodes || status.ChainTips != 1 {
		env.Fatalf("status %+v", status)
	}
	for i, node := range status.Nodes {
		pod := podOf(env.node(name, i))
		if node.PodName != pod || node.NodeName != pod || !strings.HasPrefix(addresses[i], node.IP) || node.DNSName != pod+"."+name+"-svc" || int(node.Ordinal) != i ||
			!node.Ready || int(node.Slot) != i%env.nodesInPod() {
			env.Errorf("status of node %d: %+v", i, node)
		}
		want := slices.Delete(slices.Clone(addresses), i, i+1)
		slices.Sort(want)
		if list, err := env.listOf(env.node(name, i)); err != nil || !slices.Equal(list, want) {
			env.Errorf("node %d lists %v (%v), and should list the others, %v", i, list, err, want)
		}
	}
	// Two nodes that call each other at the same time have two connections until one of them is closed, which a pass sees later.
	// Two nodes that call each other at the same time have two connections until one is closed, which a pass sees later.
	env.eventually("each node to have a connection with each other one", time.Minute, func() error {
		for i, node := range env.get(name).Status.Nodes {
			if int(node.Peers) != nodes-1 {
				return fmt.Errorf("node %d has %d peers", i, node.Peers)
			}
		}
		return nil
	})
}

func aBlockReachesAll(env *testEnv, name string, nodes int) {
	best := env.mineAt(env.node(name, 0), "101")
	for i := range nodes {
		env.eventually("101 blocks on node "+strconv.Itoa(i), time.Minute, func() error {
			hash, err := env.cli(env.node(name, i), "getbestblockhash")
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

// theSecretLetsItsUserIn calls each node from the first one as the user of the Secret, with the password on standard input.
func theSecretLetsItsUserIn(env *testEnv, name string, nodes int) {
	for i := 1; i < nodes; i++ {
		called := noderef.At(env.node(name, i))
		call := func(user, password string) (string, error) {
			return env.cliWith(env.node(name, 0), password+"\n", "-rpcconnect="+called.Pod+"."+name+"-svc", fmt.Sprintf("-rpcport=%d", called.Port(v1.RPCPort)),
				"-rpcuser="+user, "-stdinrpcpass", "getblockcount")
		}
		if got, err := call(user, password); err != nil || got != "101" {
			env.Errorf("the user of the Secret gets %q, %v of %s", got, err, called)
		}
		if got, err := call(user, "wrong"); err == nil {
			env.Errorf("a wrong password gets %q of %s", got, called)
		}
		if got, err := call("mallory", password); err == nil {
			env.Errorf("a wrong name gets %q of %s", got, called)
		}
	}
}

// noPasswordAnywhere searches the whole cluster, with what the tests beside this one have in it.
func noPasswordAnywhere(env *testEnv, name string, _ int) {
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
		running := env.beside(env.node(name, 0), "cat $p/environ $p/cmdline")
		for _, find := range sought.in("the environment or arguments of bitcoind", running) {
			env.Error(find)
		}
		if !strings.Contains(running, "bitcoind") || !strings.Contains(running, "PATH=") {
			env.Errorf("environment and arguments are %q", running)
		}
	}
	if line, err := env.exec(env.node(name, 0), "", "/usr/local/bin/bitcoin-cli", "-version"); err != nil || line == "" {
		env.Errorf("bitcoin-cli -version: %q, %v", line, err)
	}
}

func aDeletedPodIsConnectedAgain(env *testEnv, name string, nodes int) {
	before := env.ready(name, readyTimeout).Status.Nodes[1]
	if err := cluster.Core.CoreV1().Pods(env.namespace).Delete(env.Context(), before.PodName, metav1.DeleteOptions{}); err != nil {
		env.Fatal(err)
	}
	env.eventually("the operator to see it", time.Minute, func() error {
		if node := env.get(name).Status.Nodes[1]; node.Ready && node.IP == before.IP {
			return errors.New("node 1 is still reported as ready at its old address")
		}
		return nil
	})
	env.ready(name, readyTimeout)
	env.exactly(name, nodes, others(nodes))
	env.listsOnly(name, nodes)
	// Its blocks were in a volume that was deleted with the pod.
	if height, err := env.cli(env.node(name, 1), "getblockcount"); err != nil || height != "101" {
		env.Errorf("the network is Ready, and the new pod has %s blocks, %v", height, err)
	}
}

func oneNodeMore(env *testEnv, name string, nodes int) {
	nodes++
	env.scale(name, nodes)
	env.ready(name, readyTimeout)
	env.exactly(name, nodes, others(nodes))
	env.listsOnly(name, nodes)
}

func lineAndCustom(env *testEnv, name string, nodes int) {
	nodes++
	for _, shape := range []struct {
		topology v1.Topology
		want     func(int) []int
	}{
		{v1.Topology{Type: v1.TopologyLine}, line(nodes)},
		{v1.Topology{Type: v1.TopologyCustom, Edges: []v1.Edge{{From: 1, To: 0}, {From: 1, To: 2}, {From: 0, To: 2}, {From: 3, To: 2}}},
			neighbours([]topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}, {A: 0, B: 2}, {A: 2, B: 3}})},
	} {
		env.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Topology = &shape.topology })
		env.ready(name, readyTimeout)
		env.exactly(name, nodes, shape.want)
	}
}

func twoNodesLess(env *testEnv, name string, nodes int) {
	left := nodes - 1
	env.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Topology = int32(left), nil }) //nolint:gosec // a small number
	if status := env.ready(name, readyTimeout).Status; int(status.ReadyNodes) != left || len(status.Nodes) != left {
		env.Errorf("status %+v", status)
	}
	env.exactly(name, left, others(left))
	env.listsOnly(name, left)
	env.hasScaledEvents(name, []string{fmt.Sprintf("scaled from %d to %d nodes", nodes, nodes+1), fmt.Sprintf("scaled from %d to %d nodes", nodes+1, left)})
}

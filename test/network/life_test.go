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

// What most networks go through, one after the other in the same one: a few nodes show what a commit breaks. The other tests
// take each of it further, and -short leaves them out.
func TestTheLifeOfANetwork(t *testing.T) {
	l := newLab(t, 4)
	l.secret("bitcoin-default-secret", user, password)
	n := network("my-network", 3)
	n.Spec.Secret = "bitcoin-default-secret"
	l.create(n)
	for _, part := range []struct {
		name string
		test func(l *lab, name string)
	}{
		{"three-nodes-find-each-other", threeNodesFindEachOther},
		{"a-block-reaches-all", aBlockReachesAll},
		{"the-Secret-lets-its-user-in", theSecretLetsItsUserIn},
		{"no-password-stands-in-any-object-event-or-log", noPasswordStandsAnywhere},
		{"a-deleted-pod-is-connected-again-under-its-new-address", aDeletedPodIsConnectedAgain},
		{"a-fourth-node", aFourthNode},
		{"line-and-custom", lineAndCustom},
		{"two-nodes-less", twoNodesLess},
		{"deleted-it-leaves-nothing-behind", func(l *lab, name string) { l.remove(name); l.nothingLeft() }},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(&lab{T: t, namespace: l.namespace}, "my-network") }) {
			t.FailNow()
		}
	}
}

func threeNodesFindEachOther(l *lab, name string) {
	status := l.ready(name, patience).Status
	l.exactly(name, 3, others(3))
	addresses := l.addresses(name, 3)
	for i, node := range status.Nodes {
		pod := fmt.Sprintf("%s-sts-%d", name, i)
		if node.NodeName != pod || node.IP != addresses[i] || node.DNSName != pod+"."+name+"-svc" || int(node.Ordinal) != i || !node.Ready || node.Peers != 2 {
			l.Errorf("status of node %d: %+v", i, node)
		}
		want := slices.Delete(slices.Clone(addresses), i, i+1)
		slices.Sort(want)
		if list, err := l.listOf(pod); err != nil || !slices.Equal(list, want) {
			l.Errorf("%s lists %v (%v), and should list the two others, %v", pod, list, err, want)
		}
	}
	if status.Connected != "3/3" || status.ReadyNodes != 3 || status.ChainTips != 1 {
		l.Errorf("status %+v", status)
	}
}

func aBlockReachesAll(l *lab, name string) {
	if _, err := l.cli(name+"-sts-0", "generatetodescriptor", "101", "raw(51)"); err != nil {
		l.Fatal(err)
	}
	best, err := l.cli(name+"-sts-0", "getbestblockhash")
	if err != nil {
		l.Fatal(err)
	}
	for i := range 3 {
		l.eventually("101 blocks on node "+strconv.Itoa(i), time.Minute, func() error {
			hash, err := l.cli(fmt.Sprintf("%s-sts-%d", name, i), "getbestblockhash")
			if err == nil && hash != best {
				err = errors.New("its best block is " + hash)
			}
			return err
		})
	}
	l.eventually("the status to show height 101", time.Minute, func() error {
		if status := l.get(name).Status; status.Height != 101 || status.BestBlockHash != best || status.ChainTips != 1 {
			return fmt.Errorf("height %d, %d tips", status.Height, status.ChainTips)
		}
		return nil
	})
}

// theSecretLetsItsUserIn calls from one node to another as the user of the Secret, whose password goes by standard input.
func theSecretLetsItsUserIn(l *lab, name string) {
	call := func(user, password string) (string, error) {
		return l.exec(name+"-sts-0", password+"\n", "/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf",
			"-rpcconnect="+name+"-sts-1."+name+"-svc", "-rpcuser="+user, "-stdinrpcpass", "getblockcount")
	}
	if got, err := call(user, password); err != nil || got != "101" {
		l.Errorf("the user of the Secret gets %q, %v", got, err)
	}
	if got, err := call(user, "wrong"); err == nil {
		l.Errorf("a wrong password gets %q", got)
	}
	if got, err := call("mallory", password); err == nil {
		l.Errorf("a wrong name gets %q", got)
	}
}

// noPasswordStandsAnywhere searches the whole cluster, with what the tests beside this one have in it.
func noPasswordStandsAnywhere(l *lab, name string) {
	l.eventually("the cluster to be searched", time.Minute, func() error {
		// What another test deletes in the middle of this is searched by that test.
		found, err := searched(l.Context(), "")
		for _, find := range found {
			l.Error(find)
		}
		return err
	})
	// bitcoind itself, looked at from the cluster node: what is run in its container later gets the Secret anew.
	if exec.Command("docker", "info").Run() == nil {
		running := l.beside(name+"-sts-0", "cat $p/environ $p/cmdline")
		for _, find := range sought.in("the environment or arguments of bitcoind", running) {
			l.Error(find)
		}
		if !strings.Contains(running, "bitcoind") || !strings.Contains(running, "PATH=") {
			l.Errorf("environment and arguments are %q", running)
		}
	}
	if line, err := l.exec(name+"-sts-0", "", "/usr/local/bin/bitcoin-cli", "-version"); err != nil || line == "" {
		l.Errorf("bitcoin-cli -version: %q, %v", line, err)
	}
}

func aDeletedPodIsConnectedAgain(l *lab, name string) {
	before := l.ready(name, patience).Status.Nodes[1]
	if err := cluster.core.CoreV1().Pods(l.namespace).Delete(l.Context(), before.NodeName, metav1.DeleteOptions{}); err != nil {
		l.Fatal(err)
	}
	l.eventually("the operator to notice", time.Minute, func() error {
		if node := l.get(name).Status.Nodes[1]; node.Ready && node.IP == before.IP {
			return errors.New("node 1 is still said to be ready at its old address")
		}
		return nil
	})
	l.ready(name, patience)
	l.exactly(name, 3, others(3))
	l.listsOnly(name, 3)
	// It had its blocks in a volume that went with the pod.
	if height, err := l.cli(before.NodeName, "getblockcount"); err != nil || height != "101" {
		l.Errorf("the network is Ready, and the new pod has %s blocks, %v", height, err)
	}
}

func aFourthNode(l *lab, name string) {
	l.scale(name, 4)
	l.ready(name, patience)
	l.exactly(name, 4, others(4))
	l.listsOnly(name, 4)
}

func lineAndCustom(l *lab, name string) {
	for _, shape := range []struct {
		topology v1.Topology
		want     func(int) []int
	}{
		{v1.Topology{Type: v1.TopologyLine}, line(4)},
		{v1.Topology{Type: v1.TopologyCustom, Edges: []v1.Edge{{From: 1, To: 0}, {From: 1, To: 2}, {From: 0, To: 2}, {From: 3, To: 2}}},
			neighbours([]topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}, {A: 0, B: 2}, {A: 2, B: 3}})},
	} {
		l.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Topology = &shape.topology })
		l.ready(name, patience)
		l.exactly(name, 4, shape.want)
	}
}

func twoNodesLess(l *lab, name string) {
	l.change(name, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Topology = 2, nil })
	if status := l.ready(name, patience).Status; status.ReadyNodes != 2 || len(status.Nodes) != 2 {
		l.Errorf("status %+v", status)
	}
	l.exactly(name, 2, others(2))
	l.listsOnly(name, 2)
	l.toldOfScaling(name, []string{"scaled from 3 to 4 nodes", "scaled from 4 to 2 nodes"})
}

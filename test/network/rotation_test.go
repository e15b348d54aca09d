//go:build e2e

package network

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// kubeconfig writes the kubeconfig of the cluster under test.
func (l *lab) kubeconfig() string {
	l.Helper()
	loaded, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err == nil {
		err = clientcmdapi.FlattenConfig(loaded)
	}
	file := l.TempDir() + "/kubeconfig"
	if err == nil {
		err = clientcmd.WriteToFile(*loaded, file)
	}
	if err != nil {
		l.Fatal(err)
	}
	return file
}

// mineAt mines blocks on a node, and returns the best block.
func (l *lab) mineAt(pod, blocks string) string {
	l.Helper()
	if _, err := l.cli(pod, "generatetodescriptor", blocks, "raw(51)"); err != nil {
		l.Fatal(err)
	}
	best, err := l.cli(pod, "getbestblockhash")
	if err != nil {
		l.Fatal(err)
	}
	return best
}

// rolled waits until a StatefulSet's pods all have another template than before. Meanwhile no more than one of its nodes may
// be away, and check holds all the time.
func (l *lab) rolled(set, before string, nodes int32, check func() error) {
	l.Helper()
	l.every(500*time.Millisecond, "all nodes of "+set+" to have the new template", patience, func() error {
		if err := check(); err != nil {
			l.Fatal(err)
		}
		s, err := cluster.core.AppsV1().StatefulSets(l.namespace).Get(l.Context(), set, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s.Status.ReadyReplicas < nodes-1 {
			l.Fatalf("only %d of %d nodes are ready: more than one was restarted at the same time", s.Status.ReadyReplicas, nodes)
		}
		if s.Status.CurrentRevision == before || s.Status.CurrentRevision != s.Status.UpdateRevision || s.Status.ReadyReplicas < nodes {
			return fmt.Errorf("%d updated, %d ready", s.Status.UpdatedReplicas, s.Status.ReadyReplicas)
		}
		return nil
	})
}

// Not parallel: it restarts the nodes of every network there is.
func TestAnotherMasterKeyIsTakenOverWithoutLosingContact(t *testing.T) {
	long(t)
	l := newLabAlone(t)
	n := network("rotated", 2)
	n.Spec.Storage = &v1.Storage{}
	l.create(n)
	l.ready("rotated", patience)
	best := l.mineAt("rotated-sts-0", "5")
	before := l.revision("rotated-sts")

	pod := operatorPods(t)[0]
	command := cli.Command()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"rotate-master-key", "--kubeconfig", l.kubeconfig(), "--namespace", pod.Namespace})
	if err := command.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "restart the operator") {
		t.Fatalf("%v: %s", err, out.String())
	}
	l.endOperators()
	l.rolled("rotated-sts", before, 2, func() error {
		nodes := meta.FindStatusCondition(l.get("rotated").Status.Conditions, v1.ConditionNodesReady)
		if strings.Contains(nodes.Message, "refuses") {
			return errors.New("contact is lost: " + nodes.Message)
		}
		return nil
	})
	l.ready("rotated", patience)
	l.exactly("rotated", 2, others(2))
	for i := range 2 {
		if hash, err := l.cli(fmt.Sprintf("rotated-sts-%d", i), "getbestblockhash"); err != nil || hash != best {
			t.Errorf("node %d is at %s, %v, and should be at %s", i, hash, err, best)
		}
	}
}

func TestAnotherPasswordIsTakenOverByARollingRestart(t *testing.T) {
	long(t)
	l := newLab(t, 3)
	l.secret("users", "alice", "the first 5e1d")
	n := network("renewed", 3)
	n.Spec.Secret = "users"
	l.create(n)
	l.ready("renewed", patience)
	best := l.mineAt("renewed-sts-0", "3")
	before := l.revision("renewed-sts")
	sought.add("alice, changed", "alice", "the second 9c40")
	secret := []byte(`{"stringData":{"BC_RPC_PASSWORD":"the second 9c40"}}`)
	if _, err := cluster.core.CoreV1().Secrets(l.namespace).Patch(t.Context(), "users", types.MergePatchType, secret, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	// In the words of the field's documentation.
	out, err := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", l.kubeconfig(), "--namespace", l.namespace,
		"rollout", "restart", "statefulset", "--selector", "app.kubernetes.io/instance=renewed").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.rolled("renewed-sts", before, 3, func() error { return nil })
	l.ready("renewed", patience)
	l.exactly("renewed", 3, others(3))
	for password, want := range map[string]string{"the first 5e1d": "", "the second 9c40": "3"} {
		got, err := l.exec("renewed-sts-0", password+"\n", "/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf",
			"-rpcconnect=renewed-sts-1.renewed-svc", "-rpcuser=alice", "-stdinrpcpass", "getblockcount")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("with password %q: %q, %v", password, got, err)
		}
	}
	// Without storage, the chain has gone from node to node.
	if hash, err := l.cli("renewed-sts-2", "getbestblockhash"); err != nil || hash != best {
		t.Errorf("the chain is at %s, %v, and should be at %s", hash, err, best)
	}
}

func TestAnotherImageReachesOneNodeAfterTheOtherAndKeepsTheChain(t *testing.T) {
	long(t)
	l := newLab(t, 3)
	n := network("replaced", 3)
	n.Spec.Storage = &v1.Storage{}
	l.create(n)
	l.ready("replaced", patience)
	best := l.mineAt("replaced-sts-0", "4")
	before := l.revision("replaced-sts")
	image := l.anotherNameOfItsImage("replaced-sts-0")
	l.change("replaced", func(s *v1.BitcoinNetworkSpec) { s.Image = image })
	l.eventually("the StatefulSet to have the image", time.Minute, func() error {
		if l.revision("replaced-sts") == before {
			return errors.New("it has not")
		}
		return nil
	})
	l.rolled("replaced-sts", before, 3, func() error { return nil })
	l.ready("replaced", patience)
	l.exactly("replaced", 3, others(3))
	for i := range 3 {
		pod, err := cluster.core.CoreV1().Pods(l.namespace).Get(t.Context(), fmt.Sprintf("replaced-sts-%d", i), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := l.cli(pod.Name, "getbestblockhash")
		if err != nil || hash != best || pod.Spec.Containers[0].Image != image {
			t.Errorf("node %d runs %s and is at %s, %v; it should run %s and be at %s", i, pod.Spec.Containers[0].Image, hash, err, image, best)
		}
	}
}

// The chain of nodes without storage is in their memory only: it would be gone if all groups were restarted together.
func TestGroupsAreRestartedOneAfterTheOther(t *testing.T) {
	long(t)
	l := newLab(t, 3)
	n := network("grouped", 1)
	n.Spec.Groups = []v1.Group{{Name: "a", Nodes: 1}, {Name: "b", Nodes: 1}}
	l.create(n)
	l.ready("grouped", patience)
	best := l.mineAt("grouped-sts-0", "3")
	l.ready("grouped", patience)
	sets := []string{"grouped-sts", "grouped-a-sts", "grouped-b-sts"}
	before := map[string]string{}
	for _, set := range sets {
		before[set] = l.revision(set)
	}
	l.change("grouped", func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": "17"} })
	l.ready("grouped", patience)
	for _, set := range sets {
		l.allRenewed(set, before[set])
		if l.revision(set) == before[set] {
			t.Errorf("%s has its old template", set)
		}
		if hash, err := l.cli(set+"-0", "getbestblockhash"); err != nil || hash != best {
			t.Errorf("%s is at %s, %v, and should be at %s", set, hash, err, best)
		}
	}
}

// anotherNameOfItsImage gives the image of a pod one more name, on a cluster node that is a container of Docker's.
func (l *lab) anotherNameOfItsImage(pod string) string {
	l.Helper()
	if exec.CommandContext(l.Context(), "docker", "info").Run() != nil {
		l.Skip("no Docker here, so no way to bring an image into the cluster")
	}
	p, err := cluster.core.CoreV1().Pods(l.namespace).Get(l.Context(), pod, metav1.GetOptions{})
	if err != nil {
		l.Fatal(err)
	}
	out, err := exec.CommandContext(l.Context(), "docker", "exec", p.Spec.NodeName, "ctr", "-n", "k8s.io", "images", "tag", "--force",
		p.Status.ContainerStatuses[0].Image, "docker.io/bitcoin-controller/another:name").CombinedOutput()
	if err != nil {
		l.Fatalf("tag %s: %v: %s", p.Status.ContainerStatuses[0].Image, err, out)
	}
	return "docker.io/bitcoin-controller/another:name"
}

//go:build e2e

package network

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// kubeconfig writes the kubeconfig of the cluster under test.
func (env *testEnv) kubeconfig() string {
	env.Helper()
	loaded, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err == nil {
		err = clientcmdapi.FlattenConfig(loaded)
	}
	file := env.TempDir() + "/kubeconfig"
	if err == nil {
		err = clientcmd.WriteToFile(*loaded, file)
	}
	if err != nil {
		env.Fatal(err)
	}
	return file
}

// mineAt mines blocks on a node, and returns the best block.
func (env *testEnv) mineAt(pod, blocks string) string {
	env.Helper()
	if _, err := env.cli(pod, "generatetodescriptor", blocks, "raw(51)"); err != nil {
		env.Fatal(err)
	}
	best, err := env.cli(pod, "getbestblockhash")
	if err != nil {
		env.Fatal(err)
	}
	return best
}

// waitForRollout waits until all pods of a StatefulSet have another template than before. Meanwhile at most one node may be
// unavailable, and check must hold all the time.
func (env *testEnv) waitForRollout(set, before string, nodes int32, check func() error) {
	env.Helper()
	env.every(500*time.Millisecond, "all nodes of "+set+" to have the new template", readyTimeout, func() error {
		if err := check(); err != nil {
			env.Fatal(err)
		}
		s, err := cluster.core.AppsV1().StatefulSets(env.namespace).Get(env.Context(), set, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s.Status.ReadyReplicas < nodes-1 {
			env.Fatalf("only %d of %d nodes are ready: more than one was restarted at the same time", s.Status.ReadyReplicas, nodes)
		}
		if s.Status.CurrentRevision == before || s.Status.CurrentRevision != s.Status.UpdateRevision || s.Status.ReadyReplicas < nodes {
			return fmt.Errorf("%d updated, %d ready", s.Status.UpdatedReplicas, s.Status.ReadyReplicas)
		}
		return nil
	})
}

// Not parallel: it restarts the nodes of every network in the cluster.
func TestAnotherMasterKeyIsTakenOverWithoutLosingContact(t *testing.T) {
	skipIfShort(t)
	env := newEnvAlone(t)
	n := network("rotated", 2)
	n.Spec.Storage = &v1.Storage{}
	env.create(n)
	env.ready("rotated", readyTimeout)
	best := env.mineAt("rotated-sts-0", "5")
	before := env.revision("rotated-sts")

	pod := operatorPods(t)[0]
	command := cli.Command()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"rotate-master-key", "--kubeconfig", env.kubeconfig(), "--namespace", pod.Namespace})
	if err := command.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "has a new master key") {
		t.Fatalf("%v: %s", err, out.String())
	}
	err := command.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not complete") || !strings.Contains(err.Error(), env.namespace+"/rotated (") {
		t.Errorf("a second rotation before the first is complete: %v", err)
	}
	env.waitForRollout("rotated-sts", before, 2, func() error {
		nodes := meta.FindStatusCondition(env.get("rotated").Status.Conditions, v1.ConditionNodesReady)
		if strings.Contains(nodes.Message, bitcoind.ErrUnauthorized.Error()) {
			return errors.New("contact is lost: " + nodes.Message)
		}
		return nil
	})
	env.ready("rotated", readyTimeout)
	env.exactly("rotated", 2, others(2))
	for i := range 2 {
		if hash, err := env.cli(fmt.Sprintf("rotated-sts-%d", i), "getbestblockhash"); err != nil || hash != best {
			t.Errorf("node %d is at %s, %v, and should be at %s", i, hash, err, best)
		}
	}
	// The next operator leads with the same key.
	rotated := env.revision("rotated-sts")
	env.endOperators()
	env.ready("rotated", readyTimeout)
	env.change("rotated", func(spec *v1.BitcoinNetworkSpec) { spec.Nodes = 3 })
	env.ready("rotated", readyTimeout)
	if now := env.revision("rotated-sts"); now != rotated {
		t.Errorf("the next operator restarts the nodes: revision %s, and %s before", now, rotated)
	}
}

func TestAnotherPasswordIsTakenOverByARollingRestart(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	env.secret("users", "alice", "the first 5e1d")
	n := network("renewed", 3)
	n.Spec.Secret = "users"
	env.create(n)
	env.ready("renewed", readyTimeout)
	best := env.mineAt("renewed-sts-0", "3")
	before := env.revision("renewed-sts")
	sought.add("alice, changed", "alice", "the second 9c40")
	secret := []byte(`{"stringData":{"BC_RPC_PASSWORD":"the second 9c40"}}`)
	if _, err := cluster.core.CoreV1().Secrets(env.namespace).Patch(t.Context(), "users", types.MergePatchType, secret, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	// As the field's documentation describes.
	out, err := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", env.kubeconfig(), "--namespace", env.namespace,
		"rollout", "restart", "statefulset", "--selector", "app.kubernetes.io/instance=renewed").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	env.waitForRollout("renewed-sts", before, 3, func() error { return nil })
	env.ready("renewed", readyTimeout)
	env.exactly("renewed", 3, others(3))
	for password, want := range map[string]string{"the first 5e1d": "", "the second 9c40": "3"} {
		got, err := env.exec("renewed-sts-0", password+"\n", "/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf",
			"-rpcconnect=renewed-sts-1.renewed-svc", "-rpcuser=alice", "-stdinrpcpass", "getblockcount")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("with password %q: %q, %v", password, got, err)
		}
	}
	// Without storage, the chain has gone from node to node.
	if hash, err := env.cli("renewed-sts-2", "getbestblockhash"); err != nil || hash != best {
		t.Errorf("the chain is at %s, %v, and should be at %s", hash, err, best)
	}
}

func TestAnotherImageReachesOneNodeAfterTheOtherAndKeepsTheChain(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	n := network("replaced", 3)
	n.Spec.Storage = &v1.Storage{}
	env.create(n)
	env.ready("replaced", readyTimeout)
	best := env.mineAt("replaced-sts-0", "4")
	before := env.revision("replaced-sts")
	image := env.anotherImage("replaced-sts-0")
	env.change("replaced", func(s *v1.BitcoinNetworkSpec) { s.Image = image })
	env.eventually("the StatefulSet to have the image", time.Minute, func() error {
		if env.revision("replaced-sts") == before {
			return errors.New("it has not")
		}
		return nil
	})
	env.waitForRollout("replaced-sts", before, 3, func() error { return nil })
	env.ready("replaced", readyTimeout)
	env.exactly("replaced", 3, others(3))
	for i := range 3 {
		pod, err := cluster.core.CoreV1().Pods(env.namespace).Get(t.Context(), fmt.Sprintf("replaced-sts-%d", i), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := env.cli(pod.Name, "getbestblockhash")
		if err != nil || hash != best || pod.Spec.Containers[0].Image != image {
			t.Errorf("node %d runs %s and is at %s, %v; it should run %s and be at %s", i, pod.Spec.Containers[0].Image, hash, err, image, best)
		}
	}
}

// The chain of nodes without storage is in their memory only: it would be gone if all groups were restarted together.
func TestGroupsAreRestartedOneAfterTheOther(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	n := network("grouped", 1)
	n.Spec.Groups = []v1.Group{{Name: "a", Nodes: 1}, {Name: "b", Nodes: 1}}
	env.create(n)
	env.ready("grouped", readyTimeout)
	best := env.mineAt("grouped-sts-0", "3")
	env.ready("grouped", readyTimeout)
	sets := []string{"grouped-sts", "grouped-a-sts", "grouped-b-sts"}
	before := map[string]string{}
	for _, set := range sets {
		before[set] = env.revision(set)
	}
	env.change("grouped", func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": "17"} })
	env.ready("grouped", readyTimeout)
	for _, set := range sets {
		env.allRenewed(set, before[set])
		if env.revision(set) == before[set] {
			t.Errorf("%s has its old template", set)
		}
		if hash, err := env.cli(set+"-0", "getbestblockhash"); err != nil || hash != best {
			t.Errorf("%s is at %s, %v, and should be at %s", set, hash, err, best)
		}
	}
}

// earlierImage is an image of an earlier bitcoind, which the cluster nodes have; "" unless EARLIER_BITCOIND_IMAGE is set. Debian's mirrors keep no
// earlier packages, so that no pin of one lasts.
func earlierImage() string { return os.Getenv("EARLIER_BITCOIND_IMAGE") }

// anotherImage is the image of an earlier bitcoind, or one more name of the image of a pod.
func (env *testEnv) anotherImage(pod string) string {
	if image := earlierImage(); image != "" {
		return image
	}
	return env.anotherNameOfItsImage(pod)
}

// anotherNameOfItsImage gives the image of a pod one more name, on a cluster node that is a container of Docker's.
func (env *testEnv) anotherNameOfItsImage(pod string) string {
	env.Helper()
	testtools.Docker(env.T)
	p, err := cluster.core.CoreV1().Pods(env.namespace).Get(env.Context(), pod, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	out, err := exec.CommandContext(env.Context(), "docker", "exec", p.Spec.NodeName, "ctr", "-n", "k8s.io", "images", "tag", "--force",
		p.Status.ContainerStatuses[0].Image, "docker.io/bitcoin-controller/another:name").CombinedOutput()
	if err != nil {
		env.Fatalf("tag %s: %v: %s", p.Status.ContainerStatuses[0].Image, err, out)
	}
	return "docker.io/bitcoin-controller/another:name"
}

//go:build e2e

package network

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
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

// Not parallel: it restarts the nodes of every network in the cluster.
func TestAnotherMasterKeyIsTakenOverWithoutLosingContact(t *testing.T) {
	skipIfShort(t)
	env := newEnvAlone(t)
	names, best, before := map[int]string{1: "rotated", packed: "packed"}, map[int]string{}, []rollout{}
	each := func(do func(env *testEnv, name string, nodes int)) {
		for perPod, name := range names {
			do(env.packed(perPod), name, sized(perPod, 2, 5))
		}
	}
	each(func(env *testEnv, name string, nodes int) {
		n := network(name, nodes)
		n.Spec.Storage = &v1.Storage{}
		env.create(n)
	})
	each(func(env *testEnv, name string, nodes int) {
		env.ready(name, readyTimeout)
		best[env.perPod] = env.mineAt(env.node(name, 0), "5")
		before = append(before, env.rolloutOf(name, nodes))
	})
	env.rotateMasterKey()
	env.waitForRollouts(before, func() error {
		for _, name := range names {
			nodes := meta.FindStatusCondition(env.get(name).Status.Conditions, v1.ConditionNodesReady)
			if strings.Contains(nodes.Message, bitcoind.ErrUnauthorized.Error()) {
				return errors.New("contact with " + name + " is lost: " + nodes.Message)
			}
		}
		return nil
	})
	rotated := map[int]string{}
	each(func(env *testEnv, name string, nodes int) {
		env.ready(name, readyTimeout)
		env.exactly(name, nodes, others(nodes))
		env.allAt(name, nodes, best[env.perPod])
		rotated[env.perPod] = env.revision(name + "-sts")
	})
	// The next operator leads with the same key.
	env.endOperators()
	each(func(env *testEnv, name string, nodes int) {
		env.ready(name, readyTimeout)
		env.scale(name, nodes+1)
		env.ready(name, readyTimeout)
		if now := env.revision(name + "-sts"); now != rotated[env.perPod] {
			t.Errorf("the next operator restarts the nodes of %s: revision %s, and %s before", name, now, rotated[env.perPod])
		}
	})
}

// rotateMasterKey runs the command for it, and again before the rotation is complete.
func (env *testEnv) rotateMasterKey() {
	env.Helper()
	pod := operatorPods(env.T)[0]
	command := cli.Command()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"rotate-master-key", "--kubeconfig", env.kubeconfig(), "--namespace", pod.Namespace})
	if err := command.ExecuteContext(env.Context()); err != nil || !strings.Contains(out.String(), "has a new master key") {
		env.Fatalf("%v: %s", err, out.String())
	}
	err := command.ExecuteContext(env.Context())
	if err == nil || !strings.Contains(err.Error(), "not complete") || !strings.Contains(err.Error(), env.namespace+"/rotated (") {
		env.Errorf("a second rotation before the first is complete: %v", err)
	}
}

func TestAnotherPasswordIsTakenOverByARollingRestart(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 3, 9)
		env := newPackedEnv(t, nodes, perPod)
		first, second := fmt.Sprintf("the first 5e1d of %d", perPod), fmt.Sprintf("the second 9c40 of %d", perPod)
		env.secret("users", "alice", first)
		n := network("renewed", nodes)
		n.Spec.Secret = "users"
		env.create(n)
		env.ready("renewed", readyTimeout)
		best := env.mineAt(env.node("renewed", 0), "3")
		before := env.rolloutOf("renewed", nodes)
		sought.add("alice, changed", "alice", second)
		secret := fmt.Appendf(nil, `{"stringData":{"BC_RPC_PASSWORD":%q}}`, second)
		if _, err := cluster.Core.CoreV1().Secrets(env.namespace).Patch(t.Context(), "users", types.MergePatchType, secret, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		// As the field's documentation describes.
		out, err := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", env.kubeconfig(), "--namespace", env.namespace, //nolint:gosec // a test's own command
			"rollout", "restart", "statefulset", "--selector", "app.kubernetes.io/instance=renewed").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		env.waitForRollouts([]rollout{before}, func() error { return nil })
		env.ready("renewed", readyTimeout)
		env.exactly("renewed", nodes, others(nodes))
		called := noderef.At(env.node("renewed", nodes-2))
		for password, want := range map[string]string{first: "", second: "3"} {
			got, err := env.cliWith(env.node("renewed", 0), password+"\n", "-rpcconnect="+called.Pod+".renewed-svc", fmt.Sprintf("-rpcport=%d", called.Port(v1.RPCPort)),
				"-rpcuser=alice", "-stdinrpcpass", "getblockcount")
			if got != want || (err == nil) != (want != "") {
				t.Errorf("with password %q: %q, %v", password, got, err)
			}
		}
		// Without storage, the chain has gone from node to node.
		env.allAt("renewed", nodes, best)
	})
}

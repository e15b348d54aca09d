//go:build e2e

package network

import (
	"errors"
	"fmt"
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

func TestAllPodsDeletedAtOnceComeBackConnected(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	env.create(network("razed", 3))
	env.ready("razed", readyTimeout)
	before := env.addresses("razed", 3)
	err := cluster.core.CoreV1().Pods(env.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	env.eventually("all pods to be new", readyTimeout, func() error {
		for i, node := range env.get("razed").Status.Nodes {
			if !node.Ready || node.IP == before[i] {
				return fmt.Errorf("node %d: ready %v at %s", i, node.Ready, node.IP)
			}
		}
		return nil
	})
	env.ready("razed", readyTimeout)
	env.exactly("razed", 3, others(3))
	env.listsOnly("razed", 3)
}

func TestAnOperatorKilledInTheMiddleLosesNoStep(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	env.create(network("orphaned", 2))
	env.ready("orphaned", readyTimeout)
	template := env.revision("orphaned-sts")
	env.scale("orphaned", 4)
	env.endOperators()
	env.ready("orphaned", readyTimeout)
	env.exactly("orphaned", 4, others(4))
	env.listsOnly("orphaned", 4)
	if now := env.revision("orphaned-sts"); now != template {
		t.Errorf("the new operator changed the pod template: revision %s, and it was %s", now, template)
	}
}

func (env *testEnv) revision(set string) string {
	env.Helper()
	s, err := cluster.core.AppsV1().StatefulSets(env.namespace).Get(env.Context(), set, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return s.Status.UpdateRevision
}

// beside runs a shell command on the cluster node of a pod, with the directory in /proc of its bitcoind as $p. That takes a
// node that is a container of Docker's, as kind's are.
func (env *testEnv) beside(pod, command string) string {
	env.Helper()
	out, err := env.tryBeside(pod, command)
	if err != nil {
		env.Fatal(err)
	}
	return out
}

func (env *testEnv) tryBeside(pod, command string) (string, error) {
	p, err := cluster.core.CoreV1().Pods(env.namespace).Get(env.Context(), pod, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	script := `for p in /proc/[0-9]*; do
		grep -q "$1" $p/cgroup 2>/dev/null && [ "$(cat $p/comm)" = bitcoind ] && ` + command + ` && exit 0
	done; exit 1`
	uid := string(p.UID)
	out, err := exec.CommandContext(env.Context(), "docker", "exec", p.Spec.NodeName, "sh", "-c", script, "beside",
		uid+`\|`+strings.ReplaceAll(uid, "-", "_")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s for %s: %w: %s", command, pod, err, out)
	}
	return string(out), nil
}

// signal sends a signal to the bitcoind of a pod.
func (env *testEnv) signal(name, pod string) {
	env.Helper()
	env.beside(pod, "kill -"+name+" ${p#/proc/}")
}

func TestAFrozenNodeIsNamedAndHoldsUpNobody(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnvAtOnce(t)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.create(network("frozen", 4))
	env.ready("frozen", readyTimeout)
	env.signal("STOP", "frozen-sts-1")
	frozen := time.Now()
	env.eventually("the condition to name the frozen node", time.Minute, func() error {
		ready := meta.FindStatusCondition(env.get("frozen").Status.Conditions, v1.ConditionReady)
		if ready.Status == metav1.ConditionFalse && strings.Contains(ready.Message, "frozen-sts-1") {
			return nil
		}
		return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
	})
	// Work for the operator meanwhile: the others are to be connected again as if nothing were wrong.
	old := env.addresses("frozen", 4)[2]
	if err := cluster.core.CoreV1().Pods(env.namespace).Delete(t.Context(), "frozen-sts-2", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.eventually("the nodes that are not frozen to be connected again", time.Minute, func() error {
		addresses, err := env.tryAddresses("frozen", 4)
		if err != nil {
			return err
		}
		if addresses[2] == old || addresses[2] == "" {
			return errors.New("the deleted pod is not back yet")
		}
		for _, i := range []int{0, 3} {
			peers, err := env.peersOf(fmt.Sprintf("frozen-sts-%d", i))
			if err != nil || !slices.Contains(peers, addresses[2]) || !slices.Contains(peers, addresses[3-i]) {
				return fmt.Errorf("node %d is connected with %v (%w)", i, peers, err)
			}
		}
		return nil
	})
	if _, err := env.cli("frozen-sts-0", "generatetodescriptor", "1", "raw(51)"); err != nil {
		t.Fatal(err)
	}
	env.every(3*time.Second, "a minute to pass in which the condition names the node, and the others go on", 2*time.Minute, func() error {
		ready := meta.FindStatusCondition(env.get("frozen").Status.Conditions, v1.ConditionReady)
		if ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "frozen-sts-1") {
			t.Fatalf("after %s the condition is %s: %s", time.Since(frozen), ready.Reason, ready.Message)
		}
		if height, err := env.cli("frozen-sts-3", "getblockcount"); err != nil || height != "1" {
			return fmt.Errorf("node 3 is at height %s, %w", height, err)
		}
		if left := time.Minute - time.Since(frozen); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	env.signal("CONT", "frozen-sts-1")
	env.ready("frozen", readyTimeout)
	env.exactly("frozen", 4, others(4))
	env.listsOnly("frozen", 4)
}

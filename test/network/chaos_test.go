//go:build e2e

package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestAllPodsDeletedAtOnceComeBackConnected(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 3, 6)
		env := newPackedEnv(t, nodes, perPod)
		env.create(network("razed", nodes))
		env.ready("razed", readyTimeout)
		before, err := env.podIPs("razed", nodes)
		if err == nil {
			err = cluster.Core.CoreV1().Pods(env.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		env.eventually("all pods to be new", readyTimeout, func() error {
			for _, node := range env.get("razed").Status.Nodes {
				if !node.Ready || slices.Contains(before, node.IP) {
					return fmt.Errorf("node %d: ready %v at %s", node.Ordinal, node.Ready, node.IP)
				}
			}
			return nil
		})
		env.ready("razed", readyTimeout)
		env.exactly("razed", nodes, others(nodes))
		env.listsOnly("razed", nodes)
	})
}

func TestAnOperatorKilledInTheMiddleLosesNoStep(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 7)
	names, templates := map[int]string{1: "orphaned", packed: "packed"}, map[int]string{}
	each := func(do func(env *testEnv, name string, perPod int)) {
		for perPod, name := range names {
			do(env.packed(perPod), name, perPod)
		}
	}
	each(func(env *testEnv, name string, perPod int) { env.create(network(name, sized(perPod, 2, 3))) })
	each(func(env *testEnv, name string, _ int) {
		env.ready(name, readyTimeout)
		templates[env.nodesInPod()] = env.revision(name + "-sts")
	})
	each(func(env *testEnv, name string, perPod int) { env.scale(name, sized(perPod, 4, 6)) })
	env.endOperators()
	each(func(env *testEnv, name string, perPod int) {
		nodes := sized(perPod, 4, 6)
		env.ready(name, readyTimeout)
		env.exactly(name, nodes, others(nodes))
		env.listsOnly(name, nodes)
		if now := env.revision(name + "-sts"); now != templates[perPod] {
			t.Errorf("the new operator changed the pod template of %s: revision %s, and it was %s", name, now, templates[perPod])
		}
	})
}

func (env *testEnv) revision(set string) string {
	env.Helper()
	s, err := cluster.Core.AppsV1().StatefulSets(env.namespace).Get(env.Context(), set, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return s.Status.UpdateRevision
}

// beside runs a shell command on the cluster node of a node, with the directory in /proc of its bitcoind as $p. That takes a
// cluster node that is a container of Docker's, as kind's are.
func (env *testEnv) beside(node, command string) string {
	env.Helper()
	out, err := env.tryBeside(node, command)
	if err != nil {
		env.Fatal(err)
	}
	return out
}

func (env *testEnv) tryBeside(node, command string) (string, error) {
	place := noderef.At(node)
	return cluster.Beside(env.Context(), env.namespace, place.Pod, "bitcoind", "-conf="+place.Configuration(), command)
}

// signal sends a signal to the bitcoind of a node.
func (env *testEnv) signal(name, node string) {
	env.Helper()
	env.beside(node, "kill -"+name+" ${p#/proc/}")
}

// showProcess prints the number of a process and when it started.
const showProcess = `echo "${p#/proc/} since $(cut -d ' ' -f 22 $p/stat)"`

// process is the bitcoind of a node: a node that restarts has another one.
func (env *testEnv) process(node string) (string, error) { return env.tryBeside(node, showProcess) }

// With several nodes in a pod, the frozen one shares its pod with others.
func TestAFrozenNodeIsNamedAndHoldsUpNobody(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes, frozen, deleted := sized(perPod, 4, 6), 1, sized(perPod, 2, 4)
		env := newEnvAtOnce(t).packed(perPod)
		undisturbed.RLock()
		defer undisturbed.RUnlock()
		env.create(network("frozen", nodes))
		env.ready("frozen", readyTimeout)
		env.signal("STOP", env.node("frozen", frozen))
		since := time.Now()
		named := func() error {
			ready := meta.FindStatusCondition(env.get("frozen").Status.Conditions, v1.ConditionReady)
			if ready.Status == metav1.ConditionFalse && strings.Contains(ready.Message, env.node("frozen", frozen)) {
				return nil
			}
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		env.eventually("the condition to name the frozen node", time.Minute, named)
		// Work for the operator meanwhile: the others are to be connected again as if nothing were wrong.
		env.replaceBeside("frozen", nodes, deleted, frozen)
		if _, err := env.cli(env.node("frozen", 0), "generatetodescriptor", "1", "raw(51)"); err != nil {
			t.Fatal(err)
		}
		env.every(3*time.Second, "a minute to pass in which the condition names the node, and the others go on", 2*time.Minute, func() error {
			if err := named(); err != nil {
				t.Fatalf("after %s the condition is %v", time.Since(since), err)
			}
			if height, err := env.cli(env.node("frozen", nodes-1), "getblockcount"); err != nil || height != "1" {
				return fmt.Errorf("the last node is at height %s, %w", height, err)
			}
			if left := time.Minute - time.Since(since); left > 0 {
				return fmt.Errorf("%s are left", left)
			}
			return nil
		})
		env.signal("CONT", env.node("frozen", frozen))
		env.ready("frozen", readyTimeout)
		env.exactly("frozen", nodes, others(nodes))
		env.listsOnly("frozen", nodes)
	})
}

// replaceBeside deletes the pod of a node while another node does not answer, and waits until the nodes that do are connected again.
func (env *testEnv) replaceBeside(name string, nodes, deleted, silent int) {
	env.Helper()
	answer := slices.DeleteFunc(firstOf(nodes), func(i int) bool { return i == silent })
	old := env.addresses(name, nodes)[deleted]
	if err := cluster.Core.CoreV1().Pods(env.namespace).Delete(env.Context(), podOf(env.node(name, deleted)), metav1.DeleteOptions{}); err != nil {
		env.Fatal(err)
	}
	env.eventually("the nodes that answer to be connected again", time.Minute, func() error {
		addresses, err := env.tryAddresses(name, nodes)
		if err != nil {
			return err
		}
		if addresses[deleted] == old || addresses[deleted] == "" {
			return errors.New("the deleted pod is not back yet")
		}
		connected, err := env.connections(name, nodes, answer...)
		if err != nil {
			return err
		}
		for _, i := range answer {
			for _, other := range answer {
				if other != i && !slices.Contains(connected[i], env.node(name, other)) {
					return fmt.Errorf("node %d is connected with %v, not with node %d", i, connected[i], other)
				}
			}
		}
		return nil
	})
}

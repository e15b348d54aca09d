//go:build e2e

package network

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// storedNetwork has claims that are deleted with their nodes.
func storedNetwork(name string, nodes int) *v1.BitcoinNetwork {
	n := network(name, nodes)
	n.Spec.Storage = &v1.Storage{RetentionPolicy: v1.RetentionDelete}
	return n
}

// claims returns the names of the claims in the namespace that are not being deleted.
func (env *testEnv) claims() []string {
	env.Helper()
	list, err := cluster.Core.CoreV1().PersistentVolumeClaims(env.namespace).List(env.Context(), metav1.ListOptions{})
	if err != nil {
		env.Fatal(err)
	}
	names := []string{}
	for _, claim := range list.Items {
		if claim.DeletionTimestamp == nil {
			names = append(names, claim.Name)
		}
	}
	slices.Sort(names)
	return names
}

// hasNoPods waits until the pods of a network have ended.
func (env *testEnv) hasNoPods(name string) {
	env.Helper()
	env.eventually("all pods of "+name+" to end", 2*time.Minute, func() error {
		pods, err := cluster.Core.CoreV1().Pods(env.namespace).List(env.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + name})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods exist", len(pods.Items))
		}
		return err
	})
}

// 0 stops the nodes and keeps what they have: claims are deleted with nodes that are removed, not with those that are stopped.
func TestAStoppedNetworkKeepsItsChainAndItsWallets(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 3, 5)
		env := newPackedEnv(t, nodes, perPod)
		env.create(storedNetwork("stopped", nodes))
		env.ready("stopped", readyTimeout)
		owner := env.node("stopped", nodes-2)
		best := env.mineToWallet(owner, "savings")
		env.eventually("height 101", time.Minute, func() error {
			if height := env.get("stopped").Status.Height; height != 101 {
				return fmt.Errorf("height %d", height)
			}
			return nil
		})
		env.scale("stopped", 0)
		env.ready("stopped", readyTimeout)
		env.hasNoPods("stopped")
		if got, want := env.claims(), env.claimNames("stopped", nodes); !slices.Equal(got, want) {
			t.Fatalf("the claims of the stopped network are %v, want %v", got, want)
		}
		env.scale("stopped", nodes)
		if status := env.ready("stopped", readyTimeout).Status; status.Height != 101 || status.BestBlockHash != best || status.HeightFell != nil {
			t.Errorf("height %d, best block %s, fall %+v; want 101, %s", status.Height, status.BestBlockHash, status.HeightFell, best)
		}
		env.allAt("stopped", nodes, best)
		env.hasCoins(owner, "savings", "50.00000000")
		if notes := env.eventNotes("stopped", "HeightFell"); len(notes) > 0 {
			t.Errorf("events %q", notes)
		}
		env.remove("stopped")
		env.nothingLeft()
	})
}

// The last of the removed nodes is cut off from the others and has the best chain. It stays until they have it. With several nodes in a
// pod, nodes leave a pod that stays, with their data, and a pod that goes.
func TestAScaleDownLosesNoBlocks(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		t.Parallel()
		for _, stored := range []bool{true, false} {
			t.Run("stored "+strconv.FormatBool(stored), func(t *testing.T) {
				nodes := sized(perPod, 3, 6)
				env := newPackedEnv(t, nodes, perPod)
				n := storedNetwork("smaller", nodes)
				if !stored {
					n.Spec.Storage = nil
				}
				last := nodes - 1
				n.Spec.Partitions = []v1.Partition{{Nodes: []int32{int32(last)}}} //nolint:gosec // a small number
				env.create(n)
				env.ready("smaller", readyTimeout)
				env.mineAt(env.node("smaller", 0), "3")
				best := env.mineAt(env.node("smaller", last), "20")
				left := sized(perPod, 1, 2)
				env.change("smaller", func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Partitions = int32(left), nil }) //nolint:gosec // a small number
				if status := env.ready("smaller", readyTimeout).Status; status.Height != 20 || status.BestBlockHash != best || status.HeightFell != nil {
					t.Errorf("height %d, best block %s, fall %+v; want 20, %s", status.Height, status.BestBlockHash, status.HeightFell, best)
				}
				env.allAt("smaller", left, best)
				if stored {
					env.dataIsOf("smaller", left)
				}
			})
		}
	})
}

// dataIsOf waits until no data of removed nodes is left.
func (env *testEnv) dataIsOf(name string, nodes int) {
	env.Helper()
	env.eventually("the data of the removed nodes to be deleted", time.Minute, func() error {
		if got := env.claims(); !slices.Equal(got, env.claimNames(name, nodes)) {
			return fmt.Errorf("the claims are %v", got)
		}
		if env.perPod <= 1 || exec.CommandContext(env.Context(), "docker", "info").Run() != nil {
			return nil
		}
		// The nodes that are left are in one pod.
		found, err := env.tryBeside(env.node(name, 0), "ls $p/root/data/nodes")
		if err == nil && len(strings.Fields(found)) != nodes {
			err = fmt.Errorf("the directories are %s", found)
		}
		return err
	})
	set, err := cluster.Core.AppsV1().StatefulSets(env.namespace).Get(env.Context(), name+"-sts", metav1.GetOptions{})
	if err != nil || set.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled != "Retain" {
		env.Errorf("after the scale-down: %+v, %v", set.Spec.PersistentVolumeClaimRetentionPolicy, err)
	}
}

// A removed node that does not give its blocks away is removed in the end, and its data stays until the network is deleted: a claim of its
// own, or its directory in that of its pod.
func TestTheOnlyCopyOfAChainIsKept(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 2, 4)
		env, only := newPackedEnv(t, nodes, perPod), nodes-1
		n := storedNetwork("only", nodes)
		n.Spec.Partitions = []v1.Partition{{Nodes: []int32{int32(only)}}} //nolint:gosec // a small number
		env.create(n)
		env.ready("only", readyTimeout)
		best := env.mineAt(env.node("only", only), "5")
		env.signal("STOP", env.node("only", only))
		env.change("only", func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Partitions = 1, nil })
		env.eventually("the event that its claim is kept", time.Minute, func() error { return env.hasEvent("only", "ClaimsKept") })
		env.signal("CONT", env.node("only", only))
		env.ready("only", 2*time.Minute)
		if got := env.claims(); !slices.Equal(got, env.claimNames("only", nodes)) {
			t.Errorf("the claims are %v", got)
		}
		env.scale("only", nodes)
		if status := env.ready("only", readyTimeout).Status; status.BestBlockHash != best {
			t.Errorf("best block %s at height %d, want %s", status.BestBlockHash, status.Height, best)
		}
		env.remove("only")
		env.nothingLeft()
	})
}

// Whoever changes the replicas of a StatefulSet by hand deletes no claim.
func TestAManualScaleDownDeletesNoClaim(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 2, 5)
		env := newPackedEnv(t, nodes, perPod)
		env.create(storedNetwork("manual", nodes))
		env.ready("manual", readyTimeout)
		best := env.mineToWallet(env.node("manual", 1), "savings")
		sets := cluster.Core.AppsV1().StatefulSets(env.namespace)
		scale, err := sets.GetScale(t.Context(), "manual-sts", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		scale.Spec.Replicas = 0
		if _, err := sets.UpdateScale(t.Context(), "manual-sts", scale, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		env.eventually("the operator to have put it right", time.Minute, func() error {
			set, err := sets.Get(t.Context(), "manual-sts", metav1.GetOptions{})
			if err == nil && (*set.Spec.Replicas != 2 || set.Status.ReadyReplicas != 2 || set.Status.ObservedGeneration < set.Generation) {
				err = fmt.Errorf("%d replicas, %d ready", *set.Spec.Replicas, set.Status.ReadyReplicas)
			}
			return cmp.Or(err, env.noneTerminates())
		})
		env.ready("manual", readyTimeout)
		env.allAt("manual", nodes, best)
	})
}

// The default class of kind does not expand volumes.
func TestStorageThatCannotGrowIsReported(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	env.create(storedNetwork("full", 1))
	env.ready("full", readyTimeout)
	resize := func(size string) {
		env.change("full", func(spec *v1.BitcoinNetworkSpec) { spec.Storage.Size = ptr.To(resource.MustParse(size)) })
	}
	stalled := func(want metav1.ConditionStatus, words string) func() error {
		return func() error {
			n := env.get("full")
			c := meta.FindStatusCondition(n.Status.Conditions, v1.ConditionStalled)
			if c.ObservedGeneration != n.Generation || c.Status != want || !strings.Contains(c.Message, words) {
				return fmt.Errorf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
			return nil
		}
	}
	resize("2Gi")
	env.eventually("Stalled to report it", time.Minute, stalled(metav1.ConditionTrue, "the claim of Pod full-sts-0 cannot be expanded to 2Gi"))
	env.ready("full", readyTimeout)
	resize("1Gi")
	env.eventually("Stalled to end", time.Minute, stalled(metav1.ConditionFalse, ""))
}

// Without storage a chain goes with the last pod that has it, and the network reports it, once.
func TestALostChainIsReported(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.create(network("lost", 2))
	env.ready("lost", readyTimeout)
	env.mineAt("lost-sts-0", "7")
	height := func(want int64) func() error {
		return func() error {
			if height := env.get("lost").Status.Height; height != want {
				return fmt.Errorf("height %d", height)
			}
			return nil
		}
	}
	env.eventually("height 7", time.Minute, height(7))
	env.scale("lost", 0)
	env.eventually("the event", 2*time.Minute, func() error { return env.hasEvent("lost", "HeightFell") })
	env.eventually("height 0", time.Minute, height(0))
	env.scale("lost", 2)
	fall := env.ready("lost", readyTimeout).Status.HeightFell
	if fall == nil || fall.From != 7 || fall.To != 0 || fall.Time.IsZero() {
		t.Errorf("the status has %+v", fall)
	}
	if notes := env.eventNotes("lost", "HeightFell"); len(notes) != 1 || notes[0] != "the height of the network fell from 7 to 0: without storage, a block is lost with the last pod that has it" {
		t.Errorf("events %q", notes)
	}
}

//go:build e2e

package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// readyTimeout is the limit for a network to become Ready while other tests run. e2e.LimitFactor multiplies it.
const readyTimeout = 3 * time.Minute

// With several nodes in a pod, inside of a pod and across pods. No pod that stays is restarted.
func TestScalingAddsAndRemovesExactlyWhatItShould(t *testing.T) {
	skipIfShort(t)
	steps := map[int][]int{1: {12, 5, 0, 3}, packed: {4, 9, 7, 2, 0, 5}}
	packings(t, func(t *testing.T, perPod int) {
		env := newPackedEnv(t, sized(perPod, 12, 9), perPod)
		// A test that kills the operator would lose events that it has not sent yet.
		undisturbed.RLock()
		defer undisturbed.RUnlock()
		env.create(network("scaled", 3))
		env.ready("scaled", readyTimeout)
		from, want := 3, []string{}
		for _, nodes := range steps[perPod] {
			want = append(want, fmt.Sprintf("scaled from %d to %d nodes", from, nodes))
			stays := min(env.pods(from), env.pods(nodes)) * env.nodesInPod()
			before, err := env.podIPs("scaled", stays)
			if err != nil {
				t.Fatal(err)
			}
			from = nodes
			env.scale("scaled", nodes)
			status := env.ready("scaled", readyTimeout).Status
			if int(status.ReadyNodes) != nodes || len(status.Nodes) != nodes {
				t.Errorf("scaled to %d: status %+v", nodes, status)
			}
			if after, err := env.podIPs("scaled", stays); err != nil || !slices.Equal(after, before) {
				t.Errorf("scaled to %d: the pods that stay were at %v, and are at %v, %v", nodes, before, after, err)
			}
			env.exactly("scaled", nodes, others(nodes))
			env.listsOnly("scaled", nodes)
		}
		env.hasScaledEvents("scaled", want)
	})
}

// hasScaledEvents waits until the events with reason Scaled are these, each once and in this order. The caller holds undisturbed.
func (env *testEnv) hasScaledEvents(name string, want []string) {
	env.Helper()
	env.eventually("the events of scaling", 20*time.Second, func() error {
		if got := env.eventNotes(name, "Scaled"); !slices.Equal(got, want) {
			return fmt.Errorf("they are %q, and should be %q", got, want)
		}
		return nil
	})
}

// eventNotes returns the notes of the events of a network with a reason, in their order. A repeated event is returned as often as it
// was recorded.
func (env *testEnv) eventNotes(network, reason string) []string {
	env.Helper()
	events, err := cluster.Core.EventsV1().Events(env.namespace).List(env.Context(), metav1.ListOptions{})
	if err != nil {
		env.Fatal(err)
	}
	slices.SortFunc(events.Items, func(a, b eventsv1.Event) int { return a.EventTime.Compare(b.EventTime.Time) })
	notes := []string{}
	for _, e := range events.Items {
		if e.Regarding.Name != network || e.Reason != reason {
			continue
		}
		notes = append(notes, e.Note)
		for i := int32(1); e.Series != nil && i < e.Series.Count; i++ {
			notes = append(notes, e.Note)
		}
	}
	return notes
}

// Ready is compared with the state of the nodes at the moment when it turns true: after creation, after a pod was deleted, with
// another topology, when nodes may still dial their former peers, and with another template.
func TestReadyIsNeverEarly(t *testing.T) {
	skipInDemo(t)
	t.Parallel()
	for run := range 8 {
		// One of each half.
		if testing.Short() && run%4 != 1 {
			continue
		}
		// Half of the runs are with several nodes in a pod, of which another one always has the chain.
		perPod := 1 + run/4*(packed-1)
		t.Run(fmt.Sprintf("%d-%d-in-a-pod", run, perPod), func(t *testing.T) {
			nodes := perPod + 1 + run%4
			env := newPackedEnv(t, nodes, perPod)
			env.create(network("early", nodes))
			env.ready("early", readyTimeout)
			env.exactly("early", nodes, others(nodes))
			best := env.mineAt(env.node("early", 0), "3")
			env.ready("early", readyTimeout)
			env.replace("early", env.node("early", 3*run%nodes))
			env.allAt("early", nodes, best)
			env.exactly("early", nodes, others(nodes))
			env.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Topology = &v1.Topology{Type: v1.TopologyLine} })
			env.ready("early", readyTimeout)
			env.exactly("early", nodes, line(nodes))
			if run%4 == 1 { // of two nodes, the chain would depend on when the first has it
				before := env.revision("early-sts")
				env.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": "17"} })
				env.ready("early", readyTimeout)
				env.allRenewed("early-sts", before)
				env.allAt("early", nodes, best)
				env.exactly("early", nodes, line(nodes))
			}
			env.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Topology = nil })
			env.ready("early", readyTimeout)
			env.exactly("early", nodes, others(nodes))
		})
	}
}

// allAt checks that all nodes have this best block.
func (env *testEnv) allAt(name string, nodes int, best string) {
	env.Helper()
	for i := range nodes {
		if hash, err := env.cli(env.node(name, i), "getbestblockhash"); err != nil || hash != best {
			env.Errorf("node %d is at %s, %v, and should be at %s", i, hash, err, best)
		}
	}
}

// allRenewed checks that no pod has the template that its StatefulSet had before.
func (env *testEnv) allRenewed(set, before string) {
	env.Helper()
	pods, err := cluster.Core.CoreV1().Pods(env.namespace).List(env.Context(), metav1.ListOptions{LabelSelector: appsv1.ControllerRevisionHashLabelKey + "=" + before})
	if err != nil {
		env.Fatal(err)
	}
	for _, pod := range pods.Items {
		env.Errorf("%s has the old template of %s", pod.Name, set)
	}
}

// noneTerminates is nil when no pod of the namespace is being deleted: until it has ended, such a pod is among the ready ones of its set.
func (env *testEnv) noneTerminates() error {
	pods, err := cluster.Core.CoreV1().Pods(env.namespace).List(env.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil {
			return fmt.Errorf("%s is being deleted", pod.Name)
		}
	}
	return nil
}

// An object under a name that the network needs, created by another client, is not taken over, and is not deleted with the network.
func TestForeignObjectsAreLeftAlone(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, 1)
	maps := cluster.Core.CoreV1().ConfigMaps(env.namespace)
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "taken-config"}, Data: map[string]string{"precious": "yes"}}
	if _, err := maps.Create(t.Context(), theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	env.create(network("taken", 1))
	env.eventually("the network to report the taken name", time.Minute, func() error {
		stalled := meta.FindStatusCondition(env.get("taken").Status.Conditions, v1.ConditionStalled)
		if stalled == nil || stalled.Status != metav1.ConditionTrue || stalled.Reason != v1.ReasonNameTaken || !strings.Contains(stalled.Message, "taken-config") {
			return fmt.Errorf("the condition is %v", stalled)
		}
		return nil
	})
	env.remove("taken")
	kept, err := maps.Get(t.Context(), "taken-config", metav1.GetOptions{})
	if err != nil || len(kept.OwnerReferences) > 0 || len(kept.Data) != 1 || kept.Data["precious"] != "yes" {
		t.Errorf("it is %v %v, %v", kept.OwnerReferences, kept.Data, err)
	}
	if err := maps.Delete(t.Context(), "taken-config", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.create(network("taken", 1))
	env.ready("taken", readyTimeout)
}

// replace deletes the pod of a node, and waits for Ready with another in its place.
func (env *testEnv) replace(name, node string) {
	env.Helper()
	pod, pods := podOf(node), cluster.Core.CoreV1().Pods(env.namespace)
	before, err := pods.Get(env.Context(), pod, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	if err := pods.Delete(env.Context(), pod, metav1.DeleteOptions{}); err != nil {
		env.Fatal(err)
	}
	env.eventually("another pod to take its place", readyTimeout, func() error {
		after, err := pods.Get(env.Context(), pod, metav1.GetOptions{})
		if err == nil && after.UID == before.UID {
			err = errors.New("the old one still exists")
		}
		return err
	})
	env.eventually("Ready, of the pods that there are now", readyTimeout, func() error {
		n := env.ready(name, readyTimeout)
		after, err := pods.Get(env.Context(), pod, metav1.GetOptions{})
		if err == nil && !slices.ContainsFunc(n.Status.Nodes, func(node v1.NodeStatus) bool { return node.PodName == pod && node.IP == after.Status.PodIP }) {
			err = errors.New("the status is of before")
		}
		return err
	})
}

// scale does what kubectl scale does, which tries again when the status has been written meanwhile.
func (env *testEnv) scale(name string, nodes int) {
	env.Helper()
	networks := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace)
	env.eventually("the scale to be written", 10*time.Second, func() error {
		scale, err := networks.GetScale(env.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = int32(nodes) //nolint:gosec // a small number
		_, err = networks.UpdateScale(env.Context(), name, scale, metav1.UpdateOptions{})
		return err
	})
}

func TestAMissingSecretIsNamedAndTheNetworkStartsWhenItComes(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	n := network("waiting", 2)
	n.Spec.Secret = "not-there-yet"
	env.create(n)
	env.eventually("the condition to name the Secret", time.Minute, func() error {
		for _, c := range env.get("waiting").Status.Conditions {
			if c.Type == v1.ConditionReady && c.Reason == v1.ReasonSecretMissing && strings.Contains(c.Message, `"not-there-yet"`) {
				return nil
			}
		}
		return errors.New("it does not")
	})
	env.secret("not-there-yet", "bob", "bob of waiting 0d3c")
	env.ready("waiting", readyTimeout)
	env.exactly("waiting", 2, others(2))
}

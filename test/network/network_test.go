//go:build e2e

package network

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// patience is for a machine that has two cores and other tests to run.
const patience = 3 * time.Minute

func TestScalingAddsAndRemovesExactlyWhatItShould(t *testing.T) {
	long(t)
	l := newLab(t, 12)
	l.create(network("scaled", 3))
	l.ready("scaled", patience)
	from, want := 3, []string{}
	for _, nodes := range []int{12, 5, 0, 3} {
		want = append(want, fmt.Sprintf("scaled from %d to %d nodes", from, nodes))
		from = nodes
		l.scale("scaled", int32(nodes)) //nolint:gosec // a small number
		status := l.ready("scaled", patience).Status
		if int(status.ReadyNodes) != nodes || len(status.Nodes) != nodes {
			t.Errorf("scaled to %d: status %+v", nodes, status)
		}
		l.exactly("scaled", nodes, others(nodes))
		l.listsOnly("scaled", nodes)
	}
	l.toldOfScaling("scaled", want)
}

// toldOfScaling checks that the events tell of nothing but this, each once and in this order. Another test kills the operator
// meanwhile, and what it had not sent yet is lost.
func (l *lab) toldOfScaling(name string, want []string) {
	l.Helper()
	rest := want
	for _, note := range l.told(name, "Scaled") {
		at := slices.Index(rest, note)
		if at < 0 {
			l.Fatalf("the events say %q, and should say %q", l.told(name, "Scaled"), want)
		}
		rest = rest[at+1:]
	}
	l.eventually("an event to tell that it was scaled", 10*time.Second, func() error { return l.hasEvent(name, "Scaled") })
}

// told returns what the events of a reason say about a network, in their order; one that was told several times stands
// there as often.
func (l *lab) told(network, reason string) []string {
	l.Helper()
	events, err := cluster.core.EventsV1().Events(l.namespace).List(l.Context(), metav1.ListOptions{})
	if err != nil {
		l.Fatal(err)
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

// Many times, what Ready says is held against what the nodes say the moment that it says so: after creation, after a pod was
// deleted, in another shape, when the nodes may be in the middle of dialling those of the old one, and with another template.
func TestReadyIsNeverEarly(t *testing.T) {
	long(t)
	t.Parallel()
	for run := range 8 {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			nodes := 2 + run%4
			l := newLab(t, nodes)
			l.create(network("early", int32(nodes))) //nolint:gosec // a small number
			l.ready("early", patience)
			l.exactly("early", nodes, others(nodes))
			best := l.mineAt("early-sts-0", "3")
			l.ready("early", patience)
			l.replace("early", fmt.Sprintf("early-sts-%d", run%nodes))
			l.allAt("early", nodes, best)
			l.exactly("early", nodes, others(nodes))
			l.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Topology = &v1.Topology{Type: v1.TopologyLine} })
			l.ready("early", patience)
			l.exactly("early", nodes, line(nodes))
			if run%4 == 1 { // of two nodes, the chain would depend on when the first has it
				before := l.revision("early-sts")
				l.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": "17"} })
				l.ready("early", patience)
				l.allRenewed("early-sts", before)
				l.allAt("early", nodes, best)
				l.exactly("early", nodes, line(nodes))
			}
			l.change("early", func(spec *v1.BitcoinNetworkSpec) { spec.Topology = nil })
			l.ready("early", patience)
			l.exactly("early", nodes, others(nodes))
		})
	}
}

// allAt checks that all nodes have this best block.
func (l *lab) allAt(name string, nodes int, best string) {
	l.Helper()
	for i := range nodes {
		if hash, err := l.cli(fmt.Sprintf("%s-sts-%d", name, i), "getbestblockhash"); err != nil || hash != best {
			l.Errorf("node %d is at %s, %v, and should be at %s", i, hash, err, best)
		}
	}
}

// allRenewed checks that no pod has the template that its StatefulSet had before.
func (l *lab) allRenewed(set, before string) {
	l.Helper()
	pods, err := cluster.core.CoreV1().Pods(l.namespace).List(l.Context(), metav1.ListOptions{LabelSelector: appsv1.ControllerRevisionHashLabelKey + "=" + before})
	if err != nil {
		l.Fatal(err)
	}
	for _, pod := range pods.Items {
		l.Errorf("%s has the old template of %s", pod.Name, set)
	}
}

// What somebody else made under a name that the network needs is not taken over, and does not go with the network.
func TestWhatSomebodyElseMadeIsLeftAlone(t *testing.T) {
	long(t)
	l := newLab(t, 1)
	maps := cluster.core.CoreV1().ConfigMaps(l.namespace)
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "taken-config"}, Data: map[string]string{"precious": "yes"}}
	if _, err := maps.Create(t.Context(), theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	l.create(network("taken", 1))
	l.eventually("the network to say whose name it is", time.Minute, func() error {
		stalled := meta.FindStatusCondition(l.get("taken").Status.Conditions, v1.ConditionStalled)
		if stalled == nil || stalled.Status != metav1.ConditionTrue || stalled.Reason != v1.ReasonNameTaken || !strings.Contains(stalled.Message, "taken-config") {
			return fmt.Errorf("it says %v", stalled)
		}
		return nil
	})
	l.remove("taken")
	kept, err := maps.Get(t.Context(), "taken-config", metav1.GetOptions{})
	if err != nil || len(kept.OwnerReferences) > 0 || len(kept.Data) != 1 || kept.Data["precious"] != "yes" {
		t.Errorf("it is %v %v, %v", kept.OwnerReferences, kept.Data, err)
	}
	if err := maps.Delete(t.Context(), "taken-config", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	l.create(network("taken", 1))
	l.ready("taken", patience)
}

// replace deletes a pod of a network, and waits for Ready with another in its place.
func (l *lab) replace(name, pod string) {
	l.Helper()
	pods := cluster.core.CoreV1().Pods(l.namespace)
	before, err := pods.Get(l.Context(), pod, metav1.GetOptions{})
	if err != nil {
		l.Fatal(err)
	}
	if err := pods.Delete(l.Context(), pod, metav1.DeleteOptions{}); err != nil {
		l.Fatal(err)
	}
	l.eventually("another pod to take its place", patience, func() error {
		after, err := pods.Get(l.Context(), pod, metav1.GetOptions{})
		if err == nil && after.UID == before.UID {
			err = errors.New("the old one is still there")
		}
		return err
	})
	l.eventually("Ready, of the pods that there are now", patience, func() error {
		n := l.ready(name, patience)
		after, err := pods.Get(l.Context(), pod, metav1.GetOptions{})
		if err == nil && !slices.ContainsFunc(n.Status.Nodes, func(node v1.NodeStatus) bool { return node.NodeName == pod && node.IP == after.Status.PodIP }) {
			err = errors.New("the status is of before")
		}
		return err
	})
}

// scale does what kubectl scale does, which tries again when the status has been written meanwhile.
func (l *lab) scale(name string, nodes int32) {
	l.Helper()
	networks := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace)
	l.eventually("the scale to be written", 10*time.Second, func() error {
		scale, err := networks.GetScale(l.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = nodes
		_, err = networks.UpdateScale(l.Context(), name, scale, metav1.UpdateOptions{})
		return err
	})
}

// mostListed is the number of entries that bitcoind makes connections of, and that a node is given at most.
const mostListed = 8

// listsOnly checks that everybody's list has as many of the others as it can hold, and no entry for a node that is no more.
func (l *lab) listsOnly(name string, nodes int) {
	l.Helper()
	addresses := l.addresses(name, nodes)
	for i, list := range ofEach(l, name, nodes, l.listOf) {
		if want := max(min(nodes-1, mostListed), 0); len(list) != want || len(slices.Compact(slices.Clone(list))) != want {
			l.Errorf("node %d lists %v, and should list %d others", i, list, want)
		}
		for _, entry := range list {
			if at := slices.Index(addresses, entry); at < 0 || at == i {
				l.Errorf("node %d lists %s, which is no other node of %v", i, entry, addresses)
			}
		}
	}
}

func TestAMissingSecretIsNamedAndTheNetworkStartsWhenItComes(t *testing.T) {
	long(t)
	l := newLab(t, 2)
	n := network("waiting", 2)
	n.Spec.Secret = "not-there-yet"
	l.create(n)
	l.eventually("the condition to name the Secret", time.Minute, func() error {
		for _, c := range l.get("waiting").Status.Conditions {
			if c.Type == v1.ConditionReady && c.Reason == v1.ReasonSecretMissing && strings.Contains(c.Message, `"not-there-yet"`) {
				return nil
			}
		}
		return errors.New("it does not")
	})
	l.secret("not-there-yet", "bob", "bob of waiting 0d3c")
	l.ready("waiting", patience)
	l.exactly("waiting", 2, others(2))
}

package apiserver

import (
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Limit of waiting for a network, on a machine that is busy with other tests.
const Limit = time.Minute

// Network is a network under test.
type Network struct {
	*Namespace
	Name string
}

// Get reads the network.
func (n *Network) Get() *v1.BitcoinNetwork {
	n.t.Helper()
	got := &v1.BitcoinNetwork{}
	n.Read(n.Name, got)
	return got
}

// Read reads an object of the namespace.
func (n *Network) Read(name string, into client.Object) {
	n.t.Helper()
	ok(n.t, n.Client.Get(n.t.Context(), types.NamespacedName{Namespace: n.Namespace.Name, Name: name}, into))
}

// Update changes the network, also while the operator changes it.
func (n *Network) Update(change func(*v1.BitcoinNetwork)) {
	n.t.Helper()
	ok(n.t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		network := n.Get()
		change(network)
		return n.Client.Update(n.t.Context(), network)
	}))
}

// Eventually waits until a check of the network returns nil, and returns the network.
func (n *Network) Eventually(what string, check func(*v1.BitcoinNetwork) error) *v1.BitcoinNetwork {
	n.t.Helper()
	var last *v1.BitcoinNetwork
	n.Wait(what, func() error {
		last = n.Get()
		return check(last)
	})
	return last
}

// Wait waits until a check returns nil.
func (n *Network) Wait(what string, check func() error) {
	n.t.Helper()
	testtools.Eventually(n.t, "network "+n.Name+": "+what, Limit, check)
}

// WaitReady waits until the operator reports the current specification as Ready.
func (n *Network) WaitReady() *v1.BitcoinNetwork {
	n.t.Helper()
	return n.WaitCondition(v1.ConditionReady, metav1.ConditionTrue, "")
}

// WaitCondition waits for a condition of the current specification, with this reason or, if it is "", with any.
func (n *Network) WaitCondition(kind string, status metav1.ConditionStatus, reason string) *v1.BitcoinNetwork {
	n.t.Helper()
	return n.Eventually(fmt.Sprintf("%s to be %s %s", kind, status, reason), func(network *v1.BitcoinNetwork) error {
		c := meta.FindStatusCondition(network.Status.Conditions, kind)
		switch {
		case c == nil:
			return errors.New("it has no conditions")
		case c.ObservedGeneration != network.Generation || network.Status.ObservedGeneration != network.Generation:
			return fmt.Errorf("generation %d is not observed", network.Generation)
		case c.Status != status || reason != "" && c.Reason != reason:
			return fmt.Errorf("%s is %s, %s: %s", kind, c.Status, c.Reason, c.Message)
		}
		return nil
	})
}

// Condition of the network at this moment. Its reason is "" when it does not exist.
func (n *Network) Condition(kind string) metav1.Condition {
	n.t.Helper()
	if c := meta.FindStatusCondition(n.Get().Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// StatefulSet of the main group.
func (n *Network) StatefulSet() *appsv1.StatefulSet {
	n.t.Helper()
	set := &appsv1.StatefulSet{}
	n.Read(n.Name+"-sts", set)
	return set
}

// Pod of the main group, by its number: that of its node unless the pods have several.
func (n *Network) Pod(ordinal int) *corev1.Pod {
	n.t.Helper()
	pod := &corev1.Pod{}
	n.Read(n.PodName(ordinal), pod)
	return pod
}

// PodName of a pod of the main group.
func (n *Network) PodName(ordinal int) string { return fmt.Sprintf("%s-sts-%d", n.Name, ordinal) }

// Pods are those of the network.
func (n *Network) Pods() []corev1.Pod {
	n.t.Helper()
	pods := &corev1.PodList{}
	ok(n.t, n.Client.List(n.t.Context(), pods, client.InNamespace(n.Namespace.Name), client.MatchingLabels{"app.kubernetes.io/instance": n.Name}))
	return pods.Items
}

// Node is the simulated bitcoind of a node of the main group, which must run.
func (n *Network) Node(ordinal int) *bitcoindtest.Node {
	n.t.Helper()
	perPod := n.Get().Spec.NodesInPod()
	pod := n.Pod(ordinal / perPod)
	node := n.Bitcoinds.AtSlot(pod.Status.PodIP, ordinal%perPod)
	if node == nil {
		n.t.Fatalf("no bitcoind of node %d runs in pod %s", ordinal, pod.Name)
	}
	return node
}

// Events that were recorded for the network.
func (n *Network) Events() []eventsv1.Event {
	n.t.Helper()
	events := &eventsv1.EventList{}
	ok(n.t, n.Client.List(n.t.Context(), events, client.InNamespace(n.Namespace.Name)))
	var list []eventsv1.Event
	for _, event := range events.Items {
		if event.Regarding.Kind == "BitcoinNetwork" && event.Regarding.Name == n.Name {
			list = append(list, event)
		}
	}
	return list
}

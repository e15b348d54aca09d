package apiserver

import (
	"context"
	"errors"
	"fmt"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Lightning is a LightningNetwork under test.
type Lightning struct {
	*Namespace
	Name string
}

// CreateLightning creates a LightningNetwork.
func (ns *Namespace) CreateLightning(name string, spec v1.LightningNetworkSpec) *Lightning {
	ns.t.Helper()
	ok(ns.t, ns.Client.Create(ns.t.Context(), &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: name}, Spec: spec}))
	return &Lightning{Namespace: ns, Name: name}
}

// Get reads the network.
func (l *Lightning) Get() *v1.LightningNetwork {
	l.t.Helper()
	got := &v1.LightningNetwork{}
	l.Read(l.Name, got)
	return got
}

// TryGet is Get for other goroutines than that of the test.
func (l *Lightning) TryGet(ctx context.Context) (*v1.LightningNetwork, error) {
	got := &v1.LightningNetwork{}
	return got, l.Client.Get(ctx, types.NamespacedName{Namespace: l.Namespace.Name, Name: l.Name}, got)
}

// Read reads an object of the namespace.
func (l *Lightning) Read(name string, into client.Object) {
	l.t.Helper()
	ok(l.t, l.Client.Get(l.t.Context(), types.NamespacedName{Namespace: l.Namespace.Name, Name: name}, into))
}

// Update changes the network, also while the operator changes it.
func (l *Lightning) Update(change func(*v1.LightningNetwork)) {
	l.t.Helper()
	ok(l.t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		network := l.Get()
		change(network)
		return l.Client.Update(l.t.Context(), network)
	}))
}

// Eventually waits until a check of the network returns nil, and returns the network.
func (l *Lightning) Eventually(what string, check func(*v1.LightningNetwork) error) *v1.LightningNetwork {
	l.t.Helper()
	var last *v1.LightningNetwork
	testtools.Eventually(l.t, "Lightning network "+l.Name+": "+what, Limit, func() error {
		last = l.Get()
		return check(last)
	})
	return last
}

// WaitReady waits until the operator reports the current specification as Ready, and fails if that is too early.
func (l *Lightning) WaitReady() *v1.LightningNetwork {
	l.t.Helper()
	network := l.WaitCondition(v1.LightningConditionReady, metav1.ConditionTrue, "")
	if active := l.ActiveChannels(); active < int(network.Status.DesiredChannels) {
		l.t.Errorf("Ready, and the nodes report %d of %d channels as active", active, network.Status.DesiredChannels)
	}
	return network
}

// WaitCondition waits for a condition of the current specification, with this reason or, if it is "", with any.
func (l *Lightning) WaitCondition(kind string, status metav1.ConditionStatus, reason string) *v1.LightningNetwork {
	l.t.Helper()
	return l.Eventually(fmt.Sprintf("%s to be %s %s", kind, status, reason), func(network *v1.LightningNetwork) error {
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

// ActiveChannels are those that both ends report as usable at this moment, asked of the nodes themselves.
func (l *Lightning) ActiveChannels() int {
	l.t.Helper()
	active, err := l.CountActive(int(l.Get().Spec.Nodes))
	ok(l.t, err)
	return active
}

// CountActive is ActiveChannels between so many nodes, for other goroutines than that of the test.
func (l *Lightning) CountActive(nodes int) (int, error) {
	ends := map[string]int{}
	for i := range nodes {
		at, err := l.lnd(l.PodName(i))
		if err != nil {
			return 0, err
		}
		for _, c := range at.node.State().Channels {
			if c.State == api.Open && c.Active && c.Policies == 2 && (c.Private || c.Announced) {
				ends[c.Point+" "+c.ShortID]++
			}
		}
	}
	active := 0
	for _, count := range ends {
		active += count / 2
	}
	return active, nil
}

// PodName of a node.
func (l *Lightning) PodName(ordinal int) string { return fmt.Sprintf("%s-lnd-%d", l.Name, ordinal) }

// Node is the simulated LND of a node, which must run.
func (l *Lightning) Node(ordinal int) *lightningtest.LND {
	l.t.Helper()
	return l.LND(l.PodName(ordinal))
}

// Events that were recorded for the network.
func (l *Lightning) Events() []eventsv1.Event {
	l.t.Helper()
	events := &eventsv1.EventList{}
	ok(l.t, l.Client.List(l.t.Context(), events, client.InNamespace(l.Namespace.Name)))
	var list []eventsv1.Event
	for _, event := range events.Items {
		if event.Regarding.Kind == "LightningNetwork" && event.Regarding.Name == l.Name {
			list = append(list, event)
		}
	}
	return list
}

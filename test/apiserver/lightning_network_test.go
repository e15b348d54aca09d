package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// twoChannels are the channels of a line of three nodes.
var twoChannels = v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 3, Channels: []v1.LightningChannel{
	{From: 0, To: 1, Capacity: 1_000_000, Push: 200_000}, {From: 1, To: 2, Capacity: 1_000_000},
}}

// withLightning is a LightningNetwork on a BitcoinNetwork, and its operator.
func withLightning(t *testing.T, bitcoinds int32, spec v1.LightningNetworkSpec) (*apiserver.Lightning, *apiserver.Network, *apiserver.Operator) {
	t.Helper()
	ns := apiserver.NewNamespace(t)
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: bitcoinds})
	return ns.CreateLightning("ln", spec), net, op
}

// openedOnce fails unless each of so many channels was opened once.
func openedOnce(t *testing.T, ns *apiserver.Namespace, channels int) {
	t.Helper()
	opened := ns.Opened()
	if len(opened) != channels {
		t.Errorf("%d channels were opened, want %d: %v", len(opened), channels, opened)
	}
	for memo, count := range opened {
		if count != 1 {
			t.Errorf("%s was opened %d times", memo, count)
		}
	}
}

func TestALightningNetworkHasItsChannelsIsIdleAndLeavesNothing(t *testing.T) {
	t.Parallel()
	ln, _, op := withLightning(t, 3, twoChannels)
	got := ln.WaitReady()
	openedOnce(t, ln.Namespace, 2)
	if s := got.Status; s.ReadyNodes != 3 || s.ChannelsActive != "2/2" || s.Replicas != 3 || s.Channels[0].FromBalance != 800_000 || s.Channels[0].ToBalance != 200_000 {
		t.Errorf("the status is %+v", s)
	}
	for i, n := range got.Status.Nodes {
		if want := n.PubKey + "@" + ln.PodName(i) + "." + ln.Namespace.Name + ".svc:9735"; n.PubKey == "" || n.Address != want || n.BitcoinNode != int32(i) {
			t.Errorf("node %d: %+v", i, n)
		}
	}
	waitIdle(t, op.API.Writes, func() {
		passes := ln.Node(0).Calls()
		ln.Eventually("ten passes", func(*v1.LightningNetwork) error {
			if now := ln.Node(0).Calls(); now < passes+10 {
				return fmt.Errorf("%d requests", now-passes)
			}
			return nil
		})
	})
	if err := ln.Client.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	testtools.Eventually(t, "all objects of the network to be deleted", apiserver.Limit, func() error {
		labels := client.MatchingLabels{"app.kubernetes.io/name": "lnd"}
		for _, list := range []client.ObjectList{&corev1.PodList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &appsv1.StatefulSetList{}} {
			if err := ln.Client.List(t.Context(), list, client.InNamespace(ln.Namespace.Name), labels); err != nil {
				return err
			}
			if n := meta.LenList(list); n > 0 {
				return fmt.Errorf("%d objects of %T exist", n, list)
			}
		}
		return nil
	})
}

func TestAnOperatorThatIsEndedWhileItOpensChannelsOpensNoneTwice(t *testing.T) {
	t.Parallel()
	ring := v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 4, Topology: &v1.LightningTopology{Type: "Ring", Capacity: 1_000_000}}
	ns := apiserver.NewNamespace(t)
	ns.Lightning().OpenDelay = time.Second
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	ln := ns.CreateLightning("ln", ring)
	for range 2 {
		ln.Eventually("channels to be opened", func(n *v1.LightningNetwork) error {
			if ns.Lightning().Opening() == 0 && n.Status.ActiveChannels < 4 {
				return errors.New("not yet")
			}
			return nil
		})
		if err := op.Stop(); err != nil {
			t.Fatal(err)
		}
		op = ln.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	}
	ln.WaitReady()
	openedOnce(t, ln.Namespace, 4)
}

// waitLost waits until the operator has seen that a node is lost: Ready may be True until then.
func waitLost(ln *apiserver.Lightning, ordinal int) {
	ln.Eventually("the node to be lost", func(*v1.LightningNetwork) error {
		for _, event := range ln.Events() {
			if event.Reason == v1.LightningEventNodeLost && strings.Contains(event.Note, ln.PodName(ordinal)) {
				return nil
			}
		}
		return errors.New("no event")
	})
}

func TestAnAgentThatIsKilledIsReadyAgain(t *testing.T) {
	t.Parallel()
	ln, _, _ := withLightning(t, 2, twoChannels)
	ln.WaitReady()
	ln.RestartContainer(ln.PodName(1))
	waitLost(ln, 1)
	ln.WaitReady()
	openedOnce(t, ln.Namespace, 2)
}

func TestALostNodeGetsItsChannelsAgain(t *testing.T) {
	t.Parallel()
	ln, _, _ := withLightning(t, 1, twoChannels)
	before := ln.WaitReady()
	pod := &corev1.Pod{}
	ln.Read(ln.PodName(1), pod)
	if err := ln.Client.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	ln.Eventually("another node", func(n *v1.LightningNetwork) error {
		if n.Status.Nodes[1].PubKey == before.Status.Nodes[1].PubKey {
			return errors.New("the same key")
		}
		return nil
	})
	ln.WaitReady()
	reasons := map[string]bool{}
	for _, event := range ln.Events() {
		reasons[event.Reason] = true
	}
	for _, reason := range []string{v1.LightningEventIdentityLost, v1.LightningEventChannelForceClosed, v1.LightningEventBlocksMined, v1.LightningEventChannelsOpened, v1.LightningEventChannelsActive} {
		if !reasons[reason] {
			t.Errorf("no event %s in %v", reason, reasons)
		}
	}
}

// With a claim, the pod has its wallet and its channels again.
func TestAPodWithStorageKeepsItsChannels(t *testing.T) {
	t.Parallel()
	spec := twoChannels
	spec.Storage = &v1.LightningStorage{}
	ln, _, _ := withLightning(t, 1, spec)
	before := ln.WaitReady()
	pod := &corev1.Pod{}
	ln.Read(ln.PodName(1), pod)
	if err := ln.Client.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	waitLost(ln, 1)
	ln.WaitReady()
	openedOnce(t, ln.Namespace, 2)
	if after := ln.Get(); after.Status.Nodes[1].PubKey != before.Status.Nodes[1].PubKey {
		t.Error("it has another key")
	}
}

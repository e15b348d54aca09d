//go:build e2e

package lightning

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// network is a LightningNetwork, and a BitcoinNetwork of the same name.
type network struct {
	*testEnv
	name string
	spec v1.LightningNetworkSpec
}

// create creates both in one go.
func (env *testEnv) create(name string, bitcoin v1.BitcoinNetworkSpec, spec v1.LightningNetworkSpec) *network {
	env.Helper()
	api := cluster.Networks.BitcoincontrollerV1()
	spec.BitcoinNetwork = name
	named := metav1.ObjectMeta{Name: name}
	if _, err := api.BitcoinNetworks(env.namespace).Create(env.Context(), &v1.BitcoinNetwork{ObjectMeta: named, Spec: bitcoin}, metav1.CreateOptions{}); err != nil {
		env.Fatal(err)
	}
	if _, err := api.LightningNetworks(env.namespace).Create(env.Context(), &v1.LightningNetwork{ObjectMeta: named, Spec: spec}, metav1.CreateOptions{}); err != nil {
		env.Fatal(err)
	}
	return &network{env, name, spec}
}

func channel(from, to int32) v1.LightningChannel {
	return v1.LightningChannel{From: from, To: to, Capacity: 1_000_000, Push: 300_000}
}

func zmq(nodes int32) v1.BitcoinNetworkSpec {
	return v1.BitcoinNetworkSpec{Nodes: nodes, ZMQ: &v1.ZMQ{}}
}

// line has a channel between each two neighbours.
func line(nodes int32) v1.LightningNetworkSpec {
	spec := v1.LightningNetworkSpec{Nodes: nodes}
	for i := range nodes - 1 {
		spec.Channels = append(spec.Channels, channel(i, i+1))
	}
	return spec
}

func (n *network) get() *v1.LightningNetwork {
	n.Helper()
	got, err := cluster.Networks.BitcoincontrollerV1().LightningNetworks(n.namespace).Get(n.Context(), n.name, metav1.GetOptions{})
	if err != nil {
		n.Fatal(err)
	}
	return got
}

func condition(l *v1.LightningNetwork, kind string) metav1.Condition {
	if c := meta.FindStatusCondition(l.Status.Conditions, kind); c != nil && c.ObservedGeneration == l.Generation {
		return *c
	}
	return metav1.Condition{}
}

// ready waits as kubectl wait --for=condition=Ready does: it returns at the first event of the watch in which the condition is true for
// the current generation.
func (n *network) ready() *v1.LightningNetwork {
	n.Helper()
	ctx, cancel := context.WithTimeout(n.Context(), e2e.LimitFactor()*readyTimeout)
	defer cancel()
	last := metav1.Condition{}
	for ctx.Err() == nil {
		// The API server ends a watch when it likes.
		watched, err := cluster.Networks.BitcoincontrollerV1().LightningNetworks(n.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + n.name})
		if err != nil {
			n.Fatalf("%v; last: %s: %s", err, last.Reason, last.Message)
		}
		for event := range watched.ResultChan() {
			got, ok := event.Object.(*v1.LightningNetwork)
			if !ok || event.Type == watch.Deleted {
				break
			}
			if last = condition(got, v1.LightningConditionReady); last.Status == metav1.ConditionTrue {
				watched.Stop()
				return got
			}
		}
		watched.Stop()
	}
	n.Fatalf("waited %s for %s to be Ready; last: %s: %s", e2e.LimitFactor()*readyTimeout, n.name, last.Reason, last.Message)
	return nil
}

// untilCondition waits for a condition with a reason, and a message that has a text.
func (n *network) untilCondition(kind, reason, text string) {
	n.Helper()
	n.eventually(fmt.Sprintf("%s to have the reason %s", kind, reason), readyTimeout, func() error {
		if c := condition(n.get(), kind); c.Reason != reason || !strings.Contains(c.Message, text) {
			return fmt.Errorf("it has %s: %s", c.Reason, c.Message)
		}
		return nil
	})
}

// asDeclared waits until the network is Ready, has the declared channels by lncli's own word, and a payment gets from the first node to the
// last: after a fault the operator may not have seen yet that something is missing.
func (n *network) asDeclared() {
	n.Helper()
	started := time.Now()
	n.eventually(n.name+" to be as declared", readyTimeout, func() error {
		if c := condition(n.get(), v1.LightningConditionReady); c.Status != metav1.ConditionTrue {
			return fmt.Errorf("it is not Ready: %s: %s", c.Reason, c.Message)
		}
		if err := n.declared(); err != nil {
			return err
		}
		return n.pay(0, int(n.spec.Nodes)-1)
	})
	n.Logf("as declared after %s", time.Since(started).Round(100*time.Millisecond))
}

// change applies a change of the BitcoinNetwork's specification.
func (n *network) change(edit func(*v1.BitcoinNetworkSpec)) {
	n.Helper()
	n.eventually("the change to be written", 10*time.Second, func() error {
		networks := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(n.namespace)
		got, err := networks.Get(n.Context(), n.name, metav1.GetOptions{})
		if err == nil {
			edit(&got.Spec)
			_, err = networks.Update(n.Context(), got, metav1.UpdateOptions{})
		}
		return err
	})
}

func (n *network) lndPod(i int) string { return fmt.Sprintf("%s-lnd-%d", n.name, i) }

func (n *network) bitcoinPod(i int) string { return fmt.Sprintf("%s-sts-%d", n.name, i) }

// bitcoinCLI calls a node with the arguments of bitcoin-cli.
func (n *network) bitcoinCLI(node int, args ...string) string {
	n.Helper()
	at := e2e.Bitcoind{Namespace: n.namespace, Pod: n.bitcoinPod(node), Port: v1.RPCPort, DataDir: "/data"}
	out, err := cluster.CLI(n.Context(), at, args...)
	if errors.Is(err, e2e.ErrNoCookie) {
		out, err = n.exec(at.Pod, "bitcoind", append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf"}, args...)...)
	}
	if err != nil {
		n.Fatal(err)
	}
	return out
}

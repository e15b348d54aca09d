//go:build e2e

package lightning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

func TestWhatIsKilledComesBackAsDeclared(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	testtools.Docker(t)
	for name, test := range map[string]struct {
		stored bool
		kill   func(*network)
		// lost is the reason of an event that reports what has not survived, "" if keys and channels are the same as before.
		lost string
	}{
		"a pod without storage": {false, func(n *network) { n.replace(n.lndPod(1)) }, v1.LightningEventIdentityLost},
		"a pod with storage":    {true, func(n *network) { n.replace(n.lndPod(1)) }, ""},
		"the bitcoind under it": {false, func(n *network) { n.replaceBitcoind(1) }, ""},
		"the agent":             {false, func(n *network) { n.kill(1, "lnd-agent") }, ""},
		"LND itself":            {false, func(n *network) { n.kill(1, "lnd") }, ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			env := newEnv(t, 5)
			spec := line(3)
			if test.stored {
				spec.Storage = &v1.LightningStorage{}
			}
			n := env.create("killed", zmq(2), spec)
			n.ready()
			before := n.points()
			test.kill(n)
			n.asDeclared()
			n.follows(1)
			if same := slices.Equal(before, n.points()); same != (test.lost == "") {
				t.Errorf("keys and channels were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(n.points(), "\n"))
			}
			if test.lost != "" {
				env.hasEvent(n.name, test.lost, n.lndPod(1))
			}
		})
	}
}

// replace deletes a pod as the loss of its machine does, and waits for another.
func (env *testEnv) replace(pod string) {
	env.Helper()
	before := env.pod(pod)
	pods := cluster.Core.CoreV1().Pods(env.namespace)
	if err := pods.Delete(env.Context(), pod, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))}); err != nil {
		env.Fatal(err)
	}
	env.eventually("another pod "+pod, readyTimeout, func() error {
		after, err := pods.Get(env.Context(), pod, metav1.GetOptions{})
		if err == nil && after.UID == before.UID {
			err = errors.New("it is the same")
		}
		return err
	})
}

// replaceBitcoind replaces the pod of a bitcoind, and waits until the operator has reported that the LND on it lacks it, or is lost itself: a
// bitcoind that is back within two seconds is not reported. Until LND finds out by itself, its channels stay active, and payments need no
// bitcoind.
func (n *network) replaceBitcoind(node int) {
	n.Helper()
	ctx, cancel := context.WithTimeout(n.Context(), e2e.LimitFactor()*readyTimeout)
	defer cancel()
	watched, err := cluster.Networks.BitcoincontrollerV1().LightningNetworks(n.namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: "metadata.name=" + n.name, ResourceVersion: n.get().ResourceVersion,
	})
	if err != nil {
		n.Fatal(err)
	}
	defer watched.Stop()
	n.replace(n.bitcoinPod(node))
	last := metav1.Condition{}
	for event := range watched.ResultChan() {
		if got, ok := event.Object.(*v1.LightningNetwork); ok {
			if last = condition(got, v1.LightningConditionNodesReady); last.Status == metav1.ConditionFalse {
				return
			}
		}
	}
	n.Fatalf("no condition has reported that a bitcoind was lost; last: %s: %s", last.Reason, last.Message)
}

// follows mines a block at the bitcoind of an LND, which must get it: channels and payments do without. LND that reads a chain while its bitcoind
// goes away may have the block and count as synced with the next one only, which has been seen once in many runs.
func (n *network) follows(node int) {
	n.Helper()
	height, mined := n.mineAt(node), time.Now()
	n.eventually(fmt.Sprintf("LND of node %d to follow the chain", node), time.Minute, func() error {
		info, err := lncli[struct {
			Height int  `json:"block_height"`
			Synced bool `json:"synced_to_chain"`
		}](n, node, "getinfo")
		if err == nil && (info.Height < height || !info.Synced) {
			err = fmt.Errorf("it has %+v, and the height is %d", info, height)
		}
		if err != nil && time.Since(mined) > 20*time.Second {
			n.Logf("another block: %v", err)
			height, mined = n.mineAt(node), time.Now()
		}
		return err
	})
}

// mineAt mines a block at the bitcoind of an LND and returns its height.
func (n *network) mineAt(node int) (height int) {
	n.Helper()
	n.bitcoinCLI(node, "generatetodescriptor", "1", "raw(51)")
	if _, err := fmt.Sscan(n.bitcoinCLI(node, "getblockcount"), &height); err != nil {
		n.Fatal(err)
	}
	return height
}

// kill kills a program in the pod of a node, and waits until the container runs again.
func (n *network) kill(node int, program string) {
	n.Helper()
	before := n.pod(n.lndPod(node)).Status.ContainerStatuses[0].RestartCount
	n.beside(n.lndPod(node), program, "kill -KILL ${p#/proc/}")
	n.eventually("the container to run again", readyTimeout, func() error {
		if s := n.pod(n.lndPod(node)).Status.ContainerStatuses; len(s) != 1 || s[0].RestartCount <= before || s[0].State.Running == nil {
			return fmt.Errorf("the container is %+v", s)
		}
		return nil
	})
}

func (env *testEnv) hasEvent(network, reason, text string) {
	env.Helper()
	env.eventually("the event "+reason, 20*time.Second, func() error {
		events, err := cluster.Core.EventsV1().Events(env.namespace).List(env.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		var notes []string
		for _, e := range events.Items {
			if e.Regarding.Kind == "LightningNetwork" && e.Regarding.Name == network && e.Reason == reason {
				notes = append(notes, e.Note)
			}
		}
		if !strings.Contains(strings.Join(notes, "\n"), text) {
			return fmt.Errorf("they are %q", notes)
		}
		return nil
	})
}

// The operator is killed each time that a channel has got one step further: none is opened twice. It runs alone, since all other networks
// would wait as well.
func TestAnOperatorThatIsKilledWhileItOpensChannelsOpensEachOnce(t *testing.T) {
	skipIfShort(t)
	env := newEnvAlone(t)
	n := env.create("opened", zmq(1), v1.LightningNetworkSpec{Nodes: 2, Channels: []v1.LightningChannel{{From: 0, To: 1, Capacity: 1_000_000, Push: 300_000, Count: 3}}})
	for _, step := range []struct {
		what    string
		reached func() error
	}{
		{"node 0 has coins", func() error {
			balance, err := lncli[struct {
				Total string `json:"total_balance"`
			}](n, 0, "walletbalance")
			if err == nil && (balance.Total == "" || balance.Total == "0") {
				err = errors.New("it has none")
			}
			return err
		}},
		{"node 0 has channels", func() error {
			pending, err := lncli[struct {
				Opening []any `json:"pending_open_channels"`
			}](n, 0, "pendingchannels")
			if err != nil {
				return err
			}
			open, err := lncli[struct{ Channels []end }](n, 0, "listchannels")
			if err == nil && len(pending.Opening)+len(open.Channels) == 0 {
				err = errors.New("there are none")
			}
			return err
		}},
	} {
		env.eventually(step.what, readyTimeout, step.reached)
		killOperators(env)
	}
	n.ready()
	if err := errors.Join(n.declared(), n.pay(0, 1)); err != nil {
		t.Error(err)
	}
	closed, err := lncli[struct{ Channels []any }](n, 0, "closedchannels")
	if err != nil || len(closed.Channels) > 0 {
		t.Errorf("channels were closed: %v (%v)", closed, err)
	}
}

// killOperators deletes the operator's pods as the loss of their machine does.
func killOperators(env *testEnv) {
	env.Helper()
	for _, pod := range operators(env.T) {
		if err := cluster.Core.CoreV1().Pods(pod.Namespace).Delete(env.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))}); err != nil {
			env.Fatal(err)
		}
	}
}

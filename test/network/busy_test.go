//go:build e2e

package network

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// tunnelTo is the way to the ports of a pod from outside of the cluster.
func (env *testEnv) tunnelTo(pod string) (*tunnel.Dialer, *corev1.Pod) {
	env.Helper()
	dialer, err := tunnel.NewDialer(cluster.Config)
	if err != nil {
		env.Fatal(err)
	}
	p, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), pod, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return dialer, p
}

// userClient calls a node as the user of the Secret that createForUser names.
func (env *testEnv) userClient(pod string) (*bitcoind.Client, bitcoind.Endpoint) {
	env.Helper()
	dialer, p := env.tunnelTo(pod)
	client := bitcoind.NewClient(nil, dialer.DialContext)
	at := bitcoind.Endpoint{Host: tunnel.Host(p), User: user, Password: password}
	return client, at
}

// createForUser creates a network that a user can call with a name and a password, and waits until it is ready.
func (env *testEnv) createForUser(name string, nodes int32) {
	env.Helper()
	env.secret("users", user, password)
	n := network(name, nodes)
	n.Spec.Secret = "users"
	env.create(n)
	env.ready(name, readyTimeout)
}

// waitingCalls takes all RPC threads of a node and fills its queue, with calls that wait for a block that never comes. Their clients
// hang up soon after their calls are sent, however long the way to the node took: bitcoind does not detect it.
func (env *testEnv) waitingCalls(pod string, calls int, wait time.Duration) {
	env.Helper()
	client, at := env.userClient(pod)
	ctx, cancel := context.WithTimeout(env.Context(), e2e.LimitFactor()*30*time.Second)
	defer cancel()
	sent := make(chan error, calls)
	for range calls {
		go func() {
			ctx, hangUp := context.WithCancel(ctx)
			defer hangUp()
			ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
				time.AfterFunc(e2e.LimitFactor()*2*time.Second, hangUp)
			}})
			sent <- client.Call(ctx, at, bitcoind.Call{Method: "waitforblockheight", Params: []any{1_000_000, wait.Milliseconds()}})
		}()
	}
	rejected := 0
	for range calls {
		if err := <-sent; err != nil && strings.Contains(err.Error(), "queue") {
			rejected++
		}
	}
	env.Logf("of %d calls the node rejected %d, since its queue was full", calls, rejected)
}

// condition returns a condition of a network.
func (env *testEnv) condition(name, kind string) metav1.Condition {
	env.Helper()
	if c := meta.FindStatusCondition(env.get(name).Status.Conditions, kind); c != nil {
		return *c
	}
	env.Fatalf("%s has no condition %s", name, kind)
	return metav1.Condition{}
}

func TestANodeWhoseRPCThreadsAllWaitStaysInTheNetwork(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, 3)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.createForUser("besieged", 3)
	siege := env.besiege("besieged", "besieged-sts-1")
	started := time.Now()
	// Those in the queue wait as long when their turn has come: 80 calls in 16 threads need 40 seconds.
	env.waitingCalls("besieged-sts-1", 90, 8*time.Second)
	env.eventually("the condition to name the busy node", 15*time.Second, func() error {
		if ready := env.condition("besieged", v1.ConditionReady); ready.Reason != v1.ReasonRPCBusy || !strings.Contains(ready.Message, "besieged-sts-1") {
			return fmt.Errorf("%s %s: %s", ready.Status, ready.Reason, ready.Message)
		}
		return nil
	})
	env.Logf("named after %s", time.Since(started).Round(100*time.Millisecond))
	if _, err := env.cli("besieged-sts-0", "generatetodescriptor", "5", "raw(51)"); err != nil {
		t.Fatal(err)
	}
	env.eventually("the busy node to be free again, and its blocks to be reported", 2*time.Minute, func() error {
		status := env.get("besieged").Status
		ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady)
		if ready.Reason != v1.ReasonReady || status.Nodes[1].Blocks != 5 {
			return fmt.Errorf("%s: %s, the node has %d blocks", ready.Reason, ready.Message, status.Nodes[1].Blocks)
		}
		return nil
	})
	siege.stayedReady()
	pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(t.Context(), "besieged-sts-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == "Ready" && c.LastTransitionTime.After(started) {
			t.Errorf("the pod was not ready until %s", c.LastTransitionTime)
		}
	}
	if pod.Status.ContainerStatuses[0].RestartCount > 0 {
		t.Error("the container was restarted")
	}
}

// A network whose only node is busy has no peers that report its state.
func TestANetworkOfOneBusyNodeStaysReady(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.createForUser("alone", 1)
	before := env.condition("alone", v1.ConditionReady)
	env.waitingCalls("alone-sts-0", 40, 8*time.Second)
	env.eventually("the condition to name the busy node", 30*time.Second, func() error {
		if ready := env.condition("alone", v1.ConditionReady); ready.Reason != v1.ReasonRPCBusy {
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	env.eventually("the node to be free again", time.Minute, func() error {
		if ready := env.condition("alone", v1.ConditionReady); ready.Reason != v1.ReasonReady {
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	if after := env.condition("alone", v1.ConditionReady); !after.LastTransitionTime.Equal(&before.LastTransitionTime) {
		t.Errorf("Ready was false until %s", after.LastTransitionTime)
	}
}

//go:build e2e

package network

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// flood sends calls of a user to a node without an end, from more clients than the node has threads and places in its queue, until
// stop is called. stop returns how many calls the node has answered and rejected.
func (env *testEnv) flood(pod string, clients int) (stop func() (answered, rejected int64)) {
	env.Helper()
	dialer, p := env.tunnelTo(pod)
	ctx, cancel := context.WithCancel(env.Context())
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: clients}
	var answered, rejected atomic.Int64
	send := func() {
		const body = `{"id":0,"method":"waitfornewblock","params":[300]}`
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s:%d/", tunnel.Host(p), v1.RPCPort), strings.NewReader(body))
		if err != nil {
			return
		}
		request.SetBasicAuth(user, password)
		response, err := transport.RoundTrip(request)
		if err != nil {
			return
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode == http.StatusServiceUnavailable {
			rejected.Add(1)
		} else {
			answered.Add(1)
		}
	}
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				send()
			}
		})
	}
	end := sync.OnceFunc(func() {
		cancel()
		running.Wait()
		transport.CloseIdleConnections()
	})
	env.Cleanup(end)
	return func() (int64, int64) {
		end()
		return answered.Load(), rejected.Load()
	}
}

// The calls are short, and there are always more of them than the node can carry out or put into its queue.
func TestAFloodOfCallsLeavesItsNodeInTheNetwork(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, 3)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.createForUser("flooded", 3)
	siege := env.besiege("flooded", "flooded-sts-1")
	stop := env.flood("flooded-sts-1", 110)
	env.eventually("the condition to name the busy node", time.Minute, func() error {
		if ready := env.condition("flooded", v1.ConditionReady); ready.Reason != v1.ReasonRPCBusy || !strings.Contains(ready.Message, "flooded-sts-1") {
			return fmt.Errorf("%s %s: %s", ready.Status, ready.Reason, ready.Message)
		}
		return nil
	})
	env.mineAt("flooded-sts-0", "5")
	env.eventually("an answer of the node with the new blocks, in the flood", 2*time.Minute, func() error {
		if blocks := env.get("flooded").Status.Nodes[1].Blocks; blocks != 5 {
			return fmt.Errorf("it has %d", blocks)
		}
		return nil
	})
	answered, rejected := stop()
	env.Logf("the node has answered %d calls and rejected %d", answered, rejected)
	if answered == 0 || rejected == 0 {
		t.Error("this was no flood")
	}
	env.eventually("the node to be free again", 90*time.Second, func() error {
		if ready := env.condition("flooded", v1.ConditionReady); ready.Reason != v1.ReasonReady {
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	siege.stayedReady()
	env.notRestarted("flooded")
}

// notRestarted checks that the pods of a network were not restarted.
func (env *testEnv) notRestarted(name string) {
	env.Helper()
	for _, node := range env.get(name).Status.Nodes {
		pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), node.PodName, metav1.GetOptions{})
		if err != nil || pod.Status.ContainerStatuses[0].RestartCount > 0 {
			env.Errorf("%s was restarted: %v", node.PodName, err)
		}
	}
}

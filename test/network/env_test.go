//go:build e2e

package network

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// testEnv is a namespace for one test, which enforces the restricted Pod Security Standard.
type testEnv struct {
	*testing.T
	namespace string
	// perPod is spec.nodesPerPod of the networks that it creates, 0 for the default.
	perPod int
}

// skipIfShort leaves a test out with -short, with which the tests of what a release must never break run, and those that docs/threat-model.md names.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}

// skipInDemo leaves a short test out of the demo, which tests two candidates in a few minutes and waits for each.
func skipInDemo(t *testing.T) {
	t.Helper()
	if inDemo() {
		t.Skip("left out of the demo")
	}
}

func inDemo() bool { return os.Getenv("DEMO_TESTS") == "true" }

// room is for nodes.
var room = e2e.NewRoom(24)

// newEnv waits until there is room for the nodes that the test will have at most.
func newEnv(t *testing.T, nodes int) *testEnv {
	t.Helper()
	t.Parallel()
	room.Enter(t, nodes)
	return enter(t, false)
}

// newEnvAtOnce is for the tests that take longest, since they wait most of the time: they do not wait for room as well.
func newEnvAtOnce(t *testing.T) *testEnv {
	t.Helper()
	t.Parallel()
	return enter(t, false)
}

// newEnvAlone is for a test that disturbs others in the cluster: go test runs it before those that are parallel.
func newEnvAlone(t *testing.T) *testEnv {
	t.Helper()
	return enter(t, true)
}

// enter creates the namespace.
func enter(t *testing.T, alone bool) *testEnv {
	t.Helper()
	needCluster(t)
	env := &testEnv{T: t}
	env.namespace = e2e.Namespace(t, cluster.Core, e2e.Space{Prefix: "test-", Alone: alone, Dump: env.dump, Check: env.noPasswordIn})
	return env
}

// eventually calls the condition until it holds, and fails the test with the last error when the time is over.
func (env *testEnv) eventually(what string, limit time.Duration, condition func() error) {
	env.Helper()
	env.every(300*time.Millisecond, what, limit, condition)
}

// every is eventually with fewer checks, for what takes minutes: a check costs the cluster under test.
func (env *testEnv) every(interval time.Duration, what string, limit time.Duration, condition func() error) {
	env.Helper()
	e2e.Eventually(env, interval, what, limit, condition)
}

// dump logs what a failed test leaves.
func (env *testEnv) dump() {
	networks, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, n := range networks.Items {
		status, _ := json.MarshalIndent(n.Status, "", " ")
		env.Logf("network %s: %s", n.Name, status)
	}
	events, err := cluster.Core.CoreV1().Events(env.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			env.Logf("event %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}

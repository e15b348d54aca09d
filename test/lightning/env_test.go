//go:build e2e

package lightning

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// readyTimeout is the limit for a network to become Ready while other tests run. e2e.LimitFactor multiplies it.
const readyTimeout = 2 * time.Minute

// room is for pods: those of both networks.
var room = e2e.NewRoom(14)

// testEnv is a namespace for one test, which enforces the restricted Pod Security Standard.
type testEnv struct {
	*testing.T
	namespace string
}

// skipIfShort is for all tests but those of docs/threat-model.md.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}

// newEnv is for a test that runs beside others, when there is room for its pods.
func newEnv(t *testing.T, pods int) *testEnv {
	t.Helper()
	t.Parallel()
	room.Enter(t, pods)
	return enter(t, false)
}

// newEnvAlone is for a test that others would disturb: go test runs it before those that are parallel.
func newEnvAlone(t *testing.T) *testEnv {
	t.Helper()
	return enter(t, true)
}

// enter creates the namespace.
func enter(t *testing.T, alone bool) *testEnv {
	t.Helper()
	needCluster(t)
	env := &testEnv{T: t}
	env.namespace = e2e.Namespace(t, cluster.Core, e2e.Space{Prefix: "lightning-", Alone: alone, Dump: env.dump})
	return env
}

// dump logs what a failed test leaves.
func (env *testEnv) dump() {
	ctx := context.Background()
	networks, err := cluster.Networks.BitcoincontrollerV1().LightningNetworks(env.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for i := range networks.Items {
		status, _ := json.MarshalIndent(networks.Items[i].Status, "", " ")
		env.Logf("Lightning network %s: %s", networks.Items[i].Name, status)
	}
	events, err := cluster.Core.EventsV1().Events(env.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, e := range events.Items {
		if e.Regarding.Kind == "LightningNetwork" || e.Type == corev1.EventTypeWarning {
			env.Logf("event %s %s %s: %s", e.EventTime.Format(time.TimeOnly), e.Regarding.Name, e.Reason, e.Note)
		}
	}
}

// eventually calls the condition until it holds, and fails the test with the last error when the time is over.
func (env *testEnv) eventually(what string, limit time.Duration, condition func() error) {
	env.Helper()
	e2e.Eventually(env, 500*time.Millisecond, what, limit, condition)
}

// exec runs a command in a container and returns its standard output.
func (env *testEnv) exec(pod, container string, command ...string) (string, error) {
	return cluster.Exec(env.Context(), env.namespace, pod, container, "", command...)
}

// beside runs a shell command on the machine of a pod, in which $p is the directory in /proc of a program in that pod.
func (env *testEnv) beside(pod, program, command string) string {
	env.Helper()
	var out string
	// The program may be starting again.
	env.eventually(command+" beside "+pod, time.Minute, func() (err error) {
		out, err = cluster.Beside(env.Context(), env.namespace, pod, program, "", command)
		return err
	})
	return out
}

func (env *testEnv) pod(name string) *corev1.Pod {
	env.Helper()
	pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), name, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return pod
}

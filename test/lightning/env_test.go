//go:build e2e

package lightning

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// readyTimeout is the limit for a network to become Ready while other tests run. limitFactor multiplies it.
const readyTimeout = 2 * time.Minute

// limitFactor multiplies all limits of waits, which are those of a machine with time to spare: by 3 on one or two cores, and by 1
// elsewhere. LIMIT_FACTOR overrides it.
var limitFactor = sync.OnceValue(func() time.Duration {
	if factor, err := strconv.Atoi(os.Getenv("LIMIT_FACTOR")); err == nil && factor > 0 {
		return time.Duration(factor)
	}
	if runtime.NumCPU() <= 2 {
		return 3
	}
	return 1
})

// room limits how many pods run at the same time, as in package network: many at once on two cores take longer than one after the other.
var room = semaphore.NewWeighted(maxRoom)

const maxRoom = 14

// testEnv is a namespace for one test, which enforces the restricted Pod Security Standard.
type testEnv struct {
	*testing.T
	namespace string
}

// newEnv is for a test that runs beside others, when there is room for its pods.
func newEnv(t *testing.T, pods int) *testEnv {
	t.Helper()
	t.Parallel()
	needed := int64(min(pods, maxRoom))
	if err := room.Acquire(t.Context(), needed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { room.Release(needed) })
	return newEnvAlone(t)
}

// newEnvAlone is for a test that others would disturb: go test runs it before those that are parallel.
func newEnvAlone(t *testing.T) *testEnv {
	t.Helper()
	needCluster(t)
	space, err := cluster.core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "lightning-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	env := &testEnv{t, space.Name}
	t.Cleanup(func() {
		if t.Failed() {
			env.dump()
		}
		if err := cluster.core.CoreV1().Namespaces().Delete(context.Background(), space.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete the namespace %s: %v", space.Name, err)
		}
	})
	return env
}

// dump logs what a failed test leaves.
func (env *testEnv) dump() {
	ctx := context.Background()
	networks, err := cluster.networks.BitcoincontrollerV1().LightningNetworks(env.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for i := range networks.Items {
		status, _ := json.MarshalIndent(networks.Items[i].Status, "", " ")
		env.Logf("Lightning network %s: %s", networks.Items[i].Name, status)
	}
	events, err := cluster.core.EventsV1().Events(env.namespace).List(ctx, metav1.ListOptions{})
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
	start := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		took := time.Since(start)
		switch {
		case err == nil:
			return
		case took > limitFactor()*limit:
			env.Fatalf("waited %s for: %s; last: %v", took.Round(time.Second), what, err)
		}
		select {
		case <-tick.C:
		case <-env.Context().Done():
			env.Fatalf("the test ended while it waited for: %s", what)
		}
	}
}

// exec runs a command in a container and returns its standard output.
func (env *testEnv) exec(pod, container string, command ...string) (string, error) {
	request := cluster.core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(env.namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(cluster.config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(env.Context(), limitFactor()*30*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}); err != nil {
		return out.String(), fmt.Errorf("%s in %s: %w: %s", strings.Join(command, " "), pod, err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// beside runs a shell command on the machine of a pod, in which $p is the directory in /proc of a program in that pod.
func (env *testEnv) beside(pod, program, command string) string {
	env.Helper()
	const search = `for p in /proc/[0-9]*; do
		grep -q "$1" $p/cgroup 2>/dev/null && [ "$(cat $p/comm)" = "$2" ] && eval "$3" && exit 0
	done; exit 1`
	var out []byte
	// The program may be starting again.
	env.eventually(command+" beside "+pod, time.Minute, func() (err error) {
		p := env.pod(pod)
		uid := string(p.UID)
		out, err = exec.CommandContext(env.Context(), "docker", "exec", p.Spec.NodeName, "sh", "-c", search, "beside", //nolint:gosec // a test's own script
			uid+`\|`+strings.ReplaceAll(uid, "-", "_"), program, command).Output()
		return err
	})
	return string(out)
}

func (env *testEnv) pod(name string) *corev1.Pod {
	env.Helper()
	pod, err := cluster.core.CoreV1().Pods(env.namespace).Get(env.Context(), name, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return pod
}

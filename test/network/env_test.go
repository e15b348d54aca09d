//go:build e2e

package network

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// testEnv is a namespace for one test, which enforces the restricted Pod Security Standard.
type testEnv struct {
	*testing.T
	namespace string
	// perPod is spec.nodesPerPod of the networks that it creates, 0 for the default.
	perPod int
}

// skipIfShort leaves a test out with -short, with which only the tests of what a release must never break run.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}

// room limits how many nodes run at the same time, whatever go test calls parallel: a machine with two cores that starts a hundred
// at once is too busy to test anything.
var room = semaphore.NewWeighted(maxRoom)

const maxRoom = 24

// newEnv waits until there is room for the nodes that the test will have at most.
func newEnv(t *testing.T, nodes int) *testEnv {
	t.Helper()
	t.Parallel()
	needed := int64(min(nodes, maxRoom))
	if err := room.Acquire(t.Context(), needed); err != nil {
		t.Fatal(err)
	}
	// Registered first, so called last, when its nodes have ended.
	t.Cleanup(func() { room.Release(needed) })
	return entered(t)
}

// newEnvAtOnce is for the tests that take longest, since they wait most of the time: they do not wait for room as well.
func newEnvAtOnce(t *testing.T) *testEnv {
	t.Helper()
	t.Parallel()
	return entered(t)
}

func entered(t *testing.T) *testEnv {
	t.Helper()
	env := &testEnv{T: t}
	t.Cleanup(env.emptied)
	env.enter()
	return env
}

// emptied waits until the nodes of a test have ended, but not for ever: how they end is the subject of another test.
func (env *testEnv) emptied() {
	if env.namespace == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limitFactor()*time.Minute)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := cluster.core.CoreV1().Pods(env.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil && len(pods.Items) == 0, nil
	})
}

// newEnvAlone is for a test that disturbs others in the cluster: go test runs it before those that are parallel.
func newEnvAlone(t *testing.T) *testEnv {
	t.Helper()
	env := &testEnv{T: t}
	env.enter()
	return env
}

// enter creates the namespace.
func (env *testEnv) enter() {
	env.Helper()
	needCluster(env.T)
	space, err := cluster.core.CoreV1().Namespaces().Create(env.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "test-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		env.Fatal(err)
	}
	env.namespace = space.Name
	env.Cleanup(func() {
		if env.Failed() {
			env.dump()
		}
		env.noPasswordIn()
		if err := cluster.core.CoreV1().Namespaces().Delete(context.Background(), space.Name, metav1.DeleteOptions{}); err != nil {
			env.Errorf("delete the namespace %s: %v", space.Name, err)
		}
	})
}

// eventually calls the condition until it holds, and fails the test with the last error when the time is over.
func (env *testEnv) eventually(what string, limit time.Duration, condition func() error) {
	env.Helper()
	env.every(300*time.Millisecond, what, limit, condition)
}

// limitFactor multiplies all limits of waits, which are those of a machine with time to spare: by 3 on one or two cores, which the
// cluster and all its nodes share with the tests, and by 1 elsewhere. LIMIT_FACTOR overrides it.
var limitFactor = sync.OnceValue(func() time.Duration {
	if factor, err := strconv.Atoi(os.Getenv("LIMIT_FACTOR")); err == nil && factor > 0 {
		return time.Duration(factor)
	}
	if runtime.NumCPU() <= 2 {
		return 3
	}
	return 1
})

// every is eventually with fewer checks, for what takes minutes: a check costs the cluster under test. A wait that is longer than the
// limit without its factor is logged.
func (env *testEnv) every(interval time.Duration, what string, limit time.Duration, condition func() error) {
	env.Helper()
	start := time.Now()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := condition()
		took := time.Since(start)
		switch {
		case err == nil && took <= limit:
			return
		case err == nil:
			env.Logf("slow: waited %s for: %s; the limit on a machine with time to spare is %s", took.Round(time.Second), what, limit)
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

// dump logs what a failed test leaves.
func (env *testEnv) dump() {
	networks, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, n := range networks.Items {
		status, _ := json.MarshalIndent(n.Status, "", " ")
		env.Logf("network %s: %s", n.Name, status)
	}
	events, err := cluster.core.CoreV1().Events(env.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			env.Logf("event %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}

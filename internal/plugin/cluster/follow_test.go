package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

func podOf(network, name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Labels: resources.Labels(network)}}
}

// A watch ends after some minutes, and when its version is too old.
func TestPodsAreFollowedBeyondTheEndOfAWatch(t *testing.T) {
	core := fake.NewClientset(podOf("net", "net-sts-0"), podOf("other", "other-sts-0"))
	watches := make(chan *watch.FakeWatcher, 10)
	core.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		w := watch.NewFake()
		watches <- w
		return true, w, nil
	})
	c := &Client{Namespace: "ns", Core: core, Poll: time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	seen, done := make(chan string, 10), make(chan error)
	go func() { done <- c.FollowPods(ctx, "net", func(pod *corev1.Pod) { seen <- pod.Name }) }()
	next := func(want string) {
		t.Helper()
		if got := <-seen; got != want {
			t.Fatalf("the next pod is %s, and should be %s", got, want)
		}
	}
	next("net-sts-0")
	w := <-watches
	w.Modify(podOf("net", "net-sts-0"))
	next("net-sts-0")
	w.Delete(podOf("net", "net-sts-0"))
	w.Error(&metav1.Status{Reason: metav1.StatusReasonExpired})
	next("net-sts-0")
	w = <-watches
	w.Stop()
	next("net-sts-0")
	(<-watches).Add(podOf("net", "net-sts-1"))
	next("net-sts-1")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAMissingRightEndsTheFollowingOfPods(t *testing.T) {
	for _, verb := range []string{"list", "watch"} {
		core := fake.NewClientset()
		lacking := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New(`User "bob" cannot `+verb+` resource "pods" in API group "" in the namespace "ns"`))
		core.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return verb == "list", nil, lacking })
		core.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, lacking })
		c := &Client{Namespace: "ns", Core: core, Poll: time.Millisecond}
		err := c.FollowPods(t.Context(), "net", func(*corev1.Pod) {})
		if right, ok := errors.AsType[*MissingRight](err); !ok || right.Verb != verb || right.Resource != "pods" {
			t.Errorf("without the right to %s: %v", verb, err)
		}
	}
}

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// Room limits how many pods or nodes run at the same time, whatever go test calls parallel: a machine with two cores that starts a hundred
// at once is too busy to test anything.
type Room struct {
	size int
	free *semaphore.Weighted
}

// NewRoom has room for so many.
func NewRoom(size int) *Room { return &Room{size, semaphore.NewWeighted(int64(size))} }

// Enter waits until there is room, and leaves when all that is cleaned up later has been cleaned up.
func (r *Room) Enter(t *testing.T, needed int) {
	t.Helper()
	weight := int64(min(needed, r.size))
	if err := r.free.Acquire(t.Context(), weight); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.free.Release(weight) })
}

// Space is the namespace of a test.
type Space struct {
	// Prefix of its name.
	Prefix string
	// Alone is true for a test that runs beside no other: the room of its pods is free before they have ended.
	Alone bool
	// Dump logs what a failed test leaves, and Check is for every test; nil for nothing.
	Dump, Check func()
}

// Namespace creates a namespace for a test, which enforces the restricted Pod Security Standard. It is deleted at the end of the test.
func Namespace(t testing.TB, core kubernetes.Interface, s Space) string {
	t.Helper()
	space, err := core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: s.Prefix, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && s.Dump != nil {
			s.Dump()
		}
		if s.Check != nil {
			s.Check()
		}
		noPanics(t, core, space.Name)
		if err := core.CoreV1().Namespaces().Delete(context.Background(), space.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete the namespace %s: %v", space.Name, err)
		}
		if !s.Alone {
			awaitNoPods(core, space.Name)
		}
	})
	return space.Name
}

// noPanics fails a test in whose namespace an operator has panicked: it reports that in an event, and the next reconcile may succeed.
func noPanics(t testing.TB, core kubernetes.Interface, namespace string) {
	t.Helper()
	events, err := core.EventsV1().Events(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Errorf("read the events of %s: %v", namespace, err)
		return
	}
	for i := range events.Items {
		if event := &events.Items[i]; strings.Contains(event.Note, "panic: ") {
			t.Errorf("the operator has panicked: %s %s: %s", event.Regarding.Kind, event.Regarding.Name, event.Note)
		}
	}
}

// awaitNoPods waits until the pods of a namespace have ended, but not for ever: how they end is the subject of a test of its own.
func awaitNoPods(core kubernetes.Interface, namespace string) {
	ctx, cancel := context.WithTimeout(context.Background(), LimitFactor()*time.Minute)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil && len(pods.Items) == 0, nil
	})
}

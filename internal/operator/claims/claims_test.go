package claims

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// world has the claims of some pods, of 1Gi each.
type world struct {
	*testing.T
	Grower
	State
	pods []Pod
	now  time.Time
	// faults are the errors of patches, by pod, and patched are the pods whose claims the last pass has tried to expand.
	faults  map[string]error
	patched []string
	// slow is how long a patch takes, in a bubble.
	slow time.Duration
	// onPatch is called at each of these.
	onPatch func()
}

func newWorld(t *testing.T, pods int) *world {
	w := &world{T: t, now: time.Unix(1_000_000, 0), faults: map[string]error{}, onPatch: func() {}}
	builder := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, next client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			pod := strings.TrimPrefix(object.GetName(), resources.ClaimName(""))
			w.patched = append(w.patched, pod)
			if err := w.wait(ctx); err != nil {
				return err
			}
			w.onPatch()
			if err := w.faults[pod]; err != nil {
				return err
			}
			return next.Patch(ctx, object, patch, options...)
		},
	})
	for i := range pods {
		pod := Pod{Namespace: "ns", Name: fmt.Sprintf("net-sts-%d", i), UID: types.UID(fmt.Sprint(i))}
		w.pods = append(w.pods, pod)
		builder.WithObjects(&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: resources.ClaimName(pod.Name)},
			Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			}},
		})
	}
	w.Client = builder.Build()
	w.Live = w.Client
	w.Now = func() time.Time { return w.now }
	return w
}

// wait is the time that a patch takes.
func (w *world) wait(ctx context.Context) error {
	if w.slow == 0 {
		return nil
	}
	started := time.Now()
	defer func() { w.now = w.now.Add(time.Since(started)) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.slow):
		return nil
	}
}

// grow is a pass after a time.
func (w *world) grow(after time.Duration, size string) string {
	w.now, w.patched = w.now.Add(after), nil
	return w.Grow(w.Context(), w.Grower, w.pods, resource.MustParse(size), w.now)
}

// wantTried checks which claims the last pass has tried to expand.
func (w *world) wantTried(when string, pods ...string) {
	w.Helper()
	if !slices.Equal(w.patched, pods) {
		w.Errorf("%s: tried %q, want %q", when, w.patched, pods)
	}
}

func (w *world) wantSizes(when string, sizes ...string) {
	w.Helper()
	for i, want := range sizes {
		claim := &corev1.PersistentVolumeClaim{}
		if err := w.Live.Get(w.Context(), client.ObjectKey{Namespace: "ns", Name: resources.ClaimName(w.pods[i].Name)}, claim); err != nil {
			w.Fatal(err)
		}
		if got := claim.Spec.Resources.Requests[corev1.ResourceStorage]; got.String() != want {
			w.Errorf("%s: the claim of %s has %s, want %s", when, w.pods[i].Name, got.String(), want)
		}
	}
}

func forbidden(cause string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "claim", errors.New(cause))
}

func TestAClaimThatMayNotGrowKeepsNoOtherSmall(t *testing.T) {
	w := newWorld(t, 3)
	w.faults["net-sts-0"] = forbidden("its storage class must support resize")
	message := w.grow(0, "2Gi")
	for _, part := range []string{"the claim of Pod net-sts-0 cannot be expanded to 2Gi", "must support resize"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message has no %q: %s", part, message)
		}
	}
	w.wantSizes("at first", "1Gi", "2Gi", "2Gi")
	if again := w.grow(retryInterval-time.Second, "2Gi"); again != message {
		t.Errorf("before the next attempt: %q", again)
	}
	w.wantTried("before the next attempt")
	if again := w.grow(time.Second, "2Gi"); again != message {
		t.Errorf("at the next attempt: %q", again)
	}
	w.wantTried("at the next attempt", "net-sts-0")
	delete(w.faults, "net-sts-0")
	if again := w.grow(retryInterval, "2Gi"); again != "" {
		t.Errorf("when it may grow: %q", again)
	}
	w.wantSizes("when it may grow", "2Gi", "2Gi", "2Gi")
}

func TestTheRejectionOfTheFirstPodIsReported(t *testing.T) {
	w := newWorld(t, 3)
	// What passes by itself needs no action.
	w.faults["net-sts-0"] = apierrors.NewInternalError(errors.New("etcd"))
	if message := w.grow(0, "2Gi"); message != "" {
		t.Errorf("an internal error: %q", message)
	}
	w.wantTried("the others would get it too", "net-sts-0")
	w.faults["net-sts-0"], w.faults["net-sts-1"] = forbidden("zero"), forbidden("one")
	message := w.grow(time.Second, "3Gi")
	if !strings.Contains(message, "Pod net-sts-0 cannot be expanded to 3Gi") {
		t.Errorf("another size, which two classes reject: %q", message)
	}
	w.wantTried("another size", "net-sts-0", "net-sts-1", "net-sts-2")
	w.wantSizes("another size", "1Gi", "1Gi", "3Gi")
	delete(w.faults, "net-sts-0")
	if message = w.grow(retryInterval, "3Gi"); !strings.Contains(message, "Pod net-sts-1 cannot be expanded") {
		t.Errorf("when the first may grow: %q", message)
	}
	// Its pod no longer exists.
	w.pods = slices.Delete(w.pods, 1, 2)
	w.KeepOnly(map[types.UID]bool{"0": true, "2": true})
	if message = w.grow(retryInterval, "3Gi"); message != "" || len(w.failed) > 0 {
		t.Errorf("without the second: %q, failed %v", message, w.failed)
	}
}

// All claims of a network often have one storage class, and a network may have hundreds of them.
func TestAClassThatDoesNotExpandIsAskedAFewTimes(t *testing.T) {
	w := newWorld(t, maxFailures+2)
	for _, pod := range w.pods[:maxFailures+1] {
		w.faults[pod.Name] = forbidden("no")
	}
	message := w.grow(0, "2Gi")
	if len(w.patched) != maxFailures || !strings.Contains(message, "Pod net-sts-0 ") {
		t.Errorf("%d requests, %q", len(w.patched), message)
	}
	if again := w.grow(retryInterval, "2Gi"); again != message {
		t.Errorf("the message has changed to %q", again)
	}
	if len(w.patched) != maxFailures+1 || w.patched[0] != w.pods[maxFailures].Name || w.patched[1] != w.pods[maxFailures+1].Name || w.patched[2] != "net-sts-0" {
		t.Errorf("the next attempt begins with those that have not been tried: %q", w.patched)
	}
	w.faults = nil
	if again := w.grow(retryInterval, "2Gi"); again != "" || len(w.patched) != maxFailures+1 {
		t.Errorf("when the class expands: %d requests, %q", len(w.patched), again)
	}
}

// Webhooks of claims may time out, after up to half a minute for each request. The network must not wait for them.
func TestSlowFailuresTakeLittleOfAPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.slow = 2 * passTimeout
		for _, pod := range w.pods {
			w.faults[pod.Name] = apierrors.NewInternalError(errors.New("failed calling webhook"))
		}
		started := w.now
		if message := w.grow(0, "2Gi"); message != "" || w.now.Sub(started) != passTimeout {
			t.Errorf("%q after %s, want the end after %s", message, w.now.Sub(started), passTimeout)
		}
		w.wantTried("at first", "net-sts-0")
		w.grow(retryInterval-time.Second, "2Gi")
		w.wantTried("less than the interval after the end of the failure")
		w.grow(time.Second, "2Gi")
		w.wantTried("after the interval", "net-sts-1")
		// A rejection takes as long. The requests have the timeout together.
		w.slow = passTimeout - time.Second
		for _, pod := range w.pods {
			w.faults[pod.Name] = forbidden("no")
		}
		started = w.now
		if message := w.grow(0, "3Gi"); !strings.Contains(message, "Pod net-sts-0 ") || w.now.Sub(started) != passTimeout {
			t.Errorf("%q after %s, want a rejection and the end after %s", message, w.now.Sub(started), passTimeout)
		}
		w.wantTried("slow rejections", "net-sts-0", "net-sts-1")
	})
}

func TestAnErrorThatPassesDoesNotEndARejection(t *testing.T) {
	w := newWorld(t, 2)
	w.faults["net-sts-0"], w.faults["net-sts-1"] = forbidden("zero"), forbidden("one")
	message := w.grow(0, "2Gi")
	w.faults["net-sts-0"] = apierrors.NewInternalError(errors.New("etcd"))
	if again := w.grow(retryInterval, "2Gi"); message == "" || again != message {
		t.Errorf("the message has changed from %q to %q", message, again)
	}
}

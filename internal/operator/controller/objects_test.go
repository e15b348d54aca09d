package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// An undesired object may occupy the quota that a desired one needs.
func TestUndesiredObjectsAreDeletedThoughAnotherIsRejected(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 2, Expose: &v1.Expose{Type: v1.ExposeNodePort, PerNode: true}})
	full := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "net-expose", context.DeadlineExceeded)
	r := fakeAPI(t, func(_, name string) error {
		if name == "net-expose" {
			return full
		}
		return nil
	})
	if _, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now()); err != nil {
		t.Fatal(err)
	}
	services := func() (names []string) {
		list := &corev1.ServiceList{}
		if err := r.client.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names
	}
	if before := services(); len(before) != 3 {
		t.Fatalf("services %v", before)
	}
	network.Spec.Expose.PerNode, network.Generation = false, 2
	objects, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now())
	if err != nil || objects.rejected == nil || objects.rejected.reason != v1.ReasonApplyRefused {
		t.Fatalf("rejected %v, %v", objects.rejected, err)
	}
	if after := services(); len(after) != 1 {
		t.Errorf("the services %v still exist", after)
	}
}

// Pods must not start with the configuration of an earlier network that the garbage collector has not deleted yet.
func TestNothingIsCreatedBeforeAnEarlierNetworkIsDeleted(t *testing.T) {
	earlier := metav1.NewControllerRef(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", UID: "0"}}, v1.SchemeGroupVersion.WithKind("BitcoinNetwork"))
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	r := fakeAPI(t, acceptAll, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: resources.Groups(network, "")[0].ConfigMap, Namespace: "ns", OwnerReferences: []metav1.OwnerReference{*earlier}, Labels: resources.Labels("net"),
	}})
	objects, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(objects.sets) != 0 || !strings.Contains(objects.waitingFor, "ConfigMap") || objects.recheckIn == 0 {
		t.Errorf("sets %v, waiting for %q, next pass in %s", objects.sets, objects.waitingFor, objects.recheckIn)
	}
}

// Server-side apply keeps foreign list items.
func TestForeignVariablesAreRemoved(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	writes := 0
	r := fakeAPI(t, func(string, string) error { writes++; return nil })
	state := newNetworkState(network)
	apply := func() {
		t.Helper()
		if _, err := r.applyObjects(t.Context(), network, state, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	get := func() *appsv1.StatefulSet {
		set := &appsv1.StatefulSet{}
		if err := r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, set); err != nil {
			t.Fatal(err)
		}
		return set
	}
	edited := get()
	container := &edited.Spec.Template.Spec.Containers[0]
	variables := len(container.Env)
	container.Env = append(container.Env, corev1.EnvVar{Name: "FOO", Value: "bar"})
	if err := r.client.Update(t.Context(), edited, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	writes = 0
	for range 3 {
		apply()
	}
	if got := get().Spec.Template.Spec.Containers[0].Env; len(got) != variables {
		t.Errorf("the container still has %v", got)
	}
	if writes != 1 {
		t.Errorf("applied %d times", writes)
	}
}

// server accepts every object as it is sent, and has unmanaged objects of every name that the cache does not have.
type server struct {
	client.Client
	applied *int
}

func (s server) Apply(_ context.Context, object runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	*s.applied++
	made := object.(interface {
		SetGeneration(generation int64)
		UnstructuredContent() map[string]any
	})
	made.SetGeneration(2)
	return unstructured.SetNestedField(made.UnstructuredContent(), int64(1), "status", "observedGeneration")
}

func (server) Get(_ context.Context, key client.ObjectKey, there client.Object, _ ...client.GetOption) error {
	there.SetName(key.Name)
	return nil
}

func TestARolloutIsEvaluatedByTheServersAnswer(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	network.Generation = 2
	settings := resources.Settings{NodeImage: "nodes:1", Credential: testCredential}
	old := setOf(t, network, settings)
	network.Spec.Image = "nodes:2"
	desired := setOf(t, network, settings)
	applied := 0
	r := &Reconciler{client: server{applied: &applied}, live: server{}}
	sets := map[string]*appsv1.StatefulSet{old.Name: old}
	p := &applyPass{
		network: network, state: newNetworkState(network), existing: map[string]client.Object{keyOf(old): old},
		sets: sets, desiredSets: map[string]*appsv1.StatefulSet{desired.Name: desired},
	}
	p.state.rollouts = resumeRollouts(sets, time.Now())
	outcome, err := r.applyObject(t.Context(), p, desired)
	if err != nil || applied != 1 || outcome.set == nil {
		t.Fatalf("applied %d times, %+v, %v", applied, outcome, err)
	}
	if got := outcome.set.Spec.Template.Spec.Containers[0].Image; got != "nodes:2" {
		t.Errorf("the rest of the pass sees a template with %s", got)
	}
	if rolloutMessage(outcome.set, 1) == "" {
		t.Error("the rest of the pass sees the new template as rolled out")
	}
	// Not in the cache, and unmanaged.
	delete(p.existing, keyOf(old))
	outcome, err = r.applyObject(t.Context(), p, desired)
	if err != nil || applied != 1 || outcome.rejected == nil || outcome.rejected.reason != v1.ReasonNameTaken {
		t.Errorf("applied %d times, %+v, %v", applied, outcome, err)
	}
}

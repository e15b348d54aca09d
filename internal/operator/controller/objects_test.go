package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	if err != nil || objects.rejected == nil || objects.rejected.Reason != v1.ReasonApplyRefused {
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

// An unmanaged object of the name may have been created after the cache was read.
func TestAnUnmanagedObjectIsNotOverwritten(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	unmanaged := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "net-config", Namespace: "ns"}, Data: map[string]string{"a": "b"}}
	r := fakeAPI(t, acceptAll, unmanaged)
	objects, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now())
	if err != nil || objects.rejected == nil || objects.rejected.Reason != v1.ReasonNameTaken {
		t.Fatalf("rejected %v, %v", objects.rejected, err)
	}
	got := &corev1.ConfigMap{}
	if err := r.client.Get(t.Context(), client.ObjectKeyFromObject(unmanaged), got); err != nil || len(got.OwnerReferences) > 0 || len(got.Data) != 1 {
		t.Errorf("it is %v, %v", got, err)
	}
}

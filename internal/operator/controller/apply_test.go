package controller

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// apiServer takes what is applied unless refuse has an error for it, and has these objects.
func apiServer(t *testing.T, refuse func(kind, name string) error, objects ...client.Object) *Reconciler {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1.AddToScheme} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(kinds).WithObjects(objects...).WithStatusSubresource(&v1.BitcoinNetwork{})
	for _, kind := range []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}} {
		builder.WithIndex(kind, indexNetwork, func(object client.Object) []string { return []string{resources.NetworkOf(object.GetLabels())} })
	}
	server := builder.WithInterceptorFuncs(interceptor.Funcs{
		Apply: func(ctx context.Context, next client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			named := object.(interface {
				GetKind() string
				GetName() string
			})
			if err := refuse(named.GetKind(), named.GetName()); err != nil {
				return err
			}
			return next.Apply(ctx, object, options...)
		},
	}).Build()
	return &Reconciler{client: server, live: server, settings: resources.Settings{
		NodeImage:  "nodes:1",
		Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.DeriveCredential(make([]byte, 32), "1") },
	}}
}

func lookAt(network *v1.BitcoinNetwork) *look {
	return &look{network: network, memory: newMemories().of(network)}
}

// What is no longer wanted may be what the new needs the room of.
func TestARefusedObjectDoesNotKeepTheUnwanted(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}, Spec: v1.BitcoinNetworkSpec{
		Nodes: 2, Expose: &v1.Expose{Type: v1.ExposeNodePort, PerNode: true},
	}}
	full := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "net-expose", context.DeadlineExceeded)
	r := apiServer(t, func(kind, name string) error {
		if name == "net-expose" {
			return full
		}
		return nil
	})
	if err := r.applyObjects(t.Context(), lookAt(network)); err != nil {
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
	l := lookAt(network)
	if err := r.applyObjects(t.Context(), l); err != nil || l.refused == nil {
		t.Fatalf("refused %v, %v", l.refused, err)
	}
	if after := services(); len(after) != 1 {
		t.Errorf("the services %v still take the room", after)
	}
}

// Pods must not start with the configuration of an earlier network, which is being collected.
func TestNothingIsMadeBeforeAnEarlierNetworkIsGone(t *testing.T) {
	earlier := metav1.NewControllerRef(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", UID: "0"}}, v1.SchemeGroupVersion.WithKind("BitcoinNetwork"))
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	r := apiServer(t, func(string, string) error { return nil }, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: resources.Groups(network, "")[0].ConfigMap, Namespace: "ns", OwnerReferences: []metav1.OwnerReference{*earlier}, Labels: resources.Labels("net"),
	}})
	l := lookAt(network)
	if err := r.applyObjects(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if len(l.sets) != 0 || !strings.Contains(l.waiting, "ConfigMap") || l.recheckIn == 0 {
		t.Errorf("sets %v, waiting %q, next look in %s", l.sets, l.waiting, l.recheckIn)
	}
}

// Server-side apply leaves alone what somebody else has put into a list.
func TestAVariableThatSomebodyAddsIsTakenOut(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	writes := 0
	r := apiServer(t, func(string, string) error { writes++; return nil })
	l := lookAt(network)
	if err := r.applyObjects(t.Context(), l); err != nil {
		t.Fatal(err)
	}
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
	if err := r.client.Update(t.Context(), edited, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	writes = 0
	for range 3 {
		again := lookAt(network)
		again.memory = l.memory
		if err := r.applyObjects(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	if got := get().Spec.Template.Spec.Containers[0].Env; len(got) != variables {
		t.Errorf("the container still has %v", got)
	}
	if writes != 1 {
		t.Errorf("applied %d times", writes)
	}
}

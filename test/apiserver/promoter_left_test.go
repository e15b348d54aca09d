package apiserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

const waits = "example.com/waits"

// leave puts objects of several kinds into a new namespace, one of which has a finalizer.
func leave(t *testing.T, e *apiserver.Environment, namespace string) {
	t.Helper()
	in := metav1.ObjectMeta{Namespace: namespace, Name: "left"}
	held := in
	held.Finalizers = []string{waits}
	_, err := e.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	check(t, err)
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: in},
		&corev1.ServiceAccount{ObjectMeta: in},
		&corev1.Service{ObjectMeta: in, Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone}},
		&v1.BitcoinNetwork{ObjectMeta: in, Spec: v1.BitcoinNetworkSpec{Nodes: 1}},
		&corev1.ConfigMap{ObjectMeta: held},
	} {
		check(t, e.Client.Create(t.Context(), o))
	}
}

// leaveDefinition leaves a definition, and an object of it in a namespace.
func leaveDefinition(t *testing.T, e *apiserver.Environment, namespace string) {
	t.Helper()
	_, err := envtest.InstallCRDs(e.Config, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{{
		ObjectMeta: metav1.ObjectMeta{Name: "leftovers.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "leftovers", Singular: "leftover", Kind: "Leftover", ListKind: "LeftoverList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
			}},
		},
	}}})
	check(t, err)
	check(t, e.Client.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Leftover", "metadata": map[string]any{"namespace": namespace, "name": "left"},
	}}))
}

// The controller of namespaces does not run here: a namespace ends by what deletes it.
func TestANamespaceThatAReleaseLeftIsDeletedWithAllItHolds(t *testing.T) {
	t.Parallel()
	e := apiserver.StartApart(t)
	c, err := cluster.Connect(e.Kubeconfig)
	check(t, err)
	before, err := c.Contents(t.Context())
	check(t, err)
	const name = "left-by-helm"
	leave(t, e, name)
	leaveDefinition(t, e, name)
	_, err = e.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "another"}}, metav1.CreateOptions{})
	check(t, err)
	err = c.DeleteBeyond(t.Context(), before, 2*time.Second)
	if !errors.Is(err, cluster.ErrInstall) || !strings.Contains(err.Error(), "the namespace "+name) || !strings.Contains(err.Error(), "not deleted within 2s") {
		t.Fatalf("while an object waits for its finalizer: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.DeleteBeyond(context.WithoutCancel(t.Context()), before, time.Minute) }()
	_, err = e.Clients.CoreV1().ConfigMaps(name).Patch(t.Context(), "left", types.JSONPatchType,
		[]byte(`[{"op": "remove", "path": "/metadata/finalizers"}]`), metav1.PatchOptions{})
	check(t, err)
	check(t, <-ended)
	now, err := c.Contents(t.Context())
	check(t, err)
	if d := cmp.Diff(before, now); d != "" {
		t.Errorf("what is left (-want +got):\n%s", d)
	}
	if _, err := e.Clients.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the namespace still exists: %v", err)
	}
	// What was not deleted would be in the next namespace of this name.
	_, err = e.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(t, err)
	for _, list := range []client.ObjectList{
		&corev1.SecretList{}, &corev1.ServiceAccountList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &v1.BitcoinNetworkList{},
	} {
		check(t, e.Client.List(t.Context(), list, client.InNamespace(name)))
		if n := meta.LenList(list); n > 0 {
			t.Errorf("%T: %d objects are left", list, n)
		}
	}
	check(t, c.DeleteBeyond(t.Context(), before, time.Minute))
}

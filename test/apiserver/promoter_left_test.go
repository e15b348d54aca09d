package apiserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"

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
	err = c.DeleteBeyond(t.Context(), before, 2*time.Second)
	if !errors.Is(err, cluster.ErrInstall) || !strings.Contains(err.Error(), "the namespace "+name+" was not deleted within 2s") {
		t.Fatalf("while an object waits for its finalizer: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.DeleteBeyond(context.WithoutCancel(t.Context()), before, time.Minute) }()
	_, err = e.Clients.CoreV1().ConfigMaps(name).Patch(t.Context(), "left", types.JSONPatchType, []byte(`[{"op": "remove", "path": "/metadata/finalizers"}]`), metav1.PatchOptions{})
	check(t, err)
	check(t, <-ended)
	if _, err := e.Clients.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the namespace still exists: %v", err)
	}
	// What was not deleted would be in the next namespace of this name.
	_, err = e.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(t, err)
	for _, list := range []client.ObjectList{&corev1.SecretList{}, &corev1.ServiceAccountList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &v1.BitcoinNetworkList{}} {
		check(t, e.Client.List(t.Context(), list, client.InNamespace(name)))
		if n := meta.LenList(list); n > 0 {
			t.Errorf("%T: %d objects are left", list, n)
		}
	}
	check(t, c.DeleteBeyond(t.Context(), before, time.Minute))
}

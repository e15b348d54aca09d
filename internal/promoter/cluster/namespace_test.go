package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	ktesting "k8s.io/client-go/testing"
)

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// Of one kind objects are deleted one by one, and another one cannot be listed.
func TestOneKindDoesNotKeepTheOthersOfANamespace(t *testing.T) {
	t.Parallel()
	in := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	objects := dynamicfake.NewSimpleDynamicClient(scheme.Scheme, &corev1.ConfigMap{ObjectMeta: in("left", "a")}, &corev1.ConfigMap{ObjectMeta: in("left", "b")},
		&corev1.ConfigMap{ObjectMeta: in("other", "a")})
	objects.PrependReactor("list", "secrets", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("no key to decrypt them"))
	})
	c := &Client{fake.NewClientset(), objects}
	kinds := []namespacedKind{{secrets, true}, {configMaps, false}}
	for _, want := range []bool{false, true} {
		if empty, err := c.clear(t.Context(), "left", kinds[1:]); err != nil || empty != want {
			t.Errorf("empty: %t, %v; want %t", empty, err, want)
		}
	}
	if _, err := c.clear(t.Context(), "other", kinds); err == nil || !strings.Contains(err.Error(), "no key to decrypt them") {
		t.Errorf("a kind that cannot be listed: %v", err)
	}
	if list, err := objects.Resource(configMaps).List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("left are %v, %v", list, err)
	}
}

func TestWhatTheAPIServerRejectsIsNamedAndAllNamespacesAreRequested(t *testing.T) {
	t.Parallel()
	c := withContents([]string{"first", "second"}, nil)
	var requested []string
	c.Interface.(*fake.Clientset).PrependReactor("delete", "namespaces", func(a ktesting.Action) (bool, runtime.Object, error) {
		requested = append(requested, a.(ktesting.DeleteAction).GetName())
		return true, nil, apierrors.NewInternalError(errors.New("failed calling webhook"))
	})
	err := c.DeleteBeyond(t.Context(), &Contents{}, time.Second)
	if !errors.Is(err, ErrInstall) || !strings.Contains(err.Error(), "the namespace second") || !strings.Contains(err.Error(), "failed calling webhook") {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(requested[:2], " "); got != "first second" {
		t.Errorf("requested were %s", got)
	}
	c = withContents([]string{"left"}, nil)
	c.Interface.(*fake.Clientset).PrependReactor("delete", "namespaces", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	})
	if err := c.DeleteBeyond(t.Context(), &Contents{}, time.Second); !errors.Is(err, ErrSilent) {
		t.Errorf("a cluster that does not answer: %v", err)
	}
}

// several is a client with so many cluster nodes that have an API server, whose discovery finds ConfigMaps.
func several(servers ...string) *Client {
	client := fake.NewClientset()
	for _, name := range servers {
		_ = client.Tracker().Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{controlPlane: ""}}})
	}
	return &Client{Interface: client}
}

func TestSeveralAPIServersGetTheTimeToHearOfADeletion(t *testing.T) {
	t.Parallel()
	if c := several("a", "b"); c.namespacedKinds(t.Context()) != nil {
		t.Error("a namespace is finalized beside other API servers")
	}
	c := several("a")
	c.Interface.(*fake.Clientset).PrependReactor("list", "nodes", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("refused") })
	if c.namespacedKinds(t.Context()) != nil {
		t.Error("a namespace is finalized by who knows no API servers")
	}
}

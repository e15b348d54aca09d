package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

func withContents(namespaces, definitions []string) *Client {
	var spaces, crds []runtime.Object
	for _, n := range namespaces {
		spaces = append(spaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n}})
	}
	for _, d := range definitions {
		crds = append(crds, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": d},
		}})
	}
	kinds := map[schema.GroupVersionResource]string{crdResource: "CustomResourceDefinitionList"}
	return &Client{fake.NewClientset(spaces...), dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, crds...)}
}

func TestOnlyWhatAReleaseLeftIsDeleted(t *testing.T) {
	c := withContents([]string{"default", "kept", "new"}, []string{"kept.example.com", "new.example.com"})
	before := &Contents{Namespaces: []string{"default", "kept"}, Definitions: []string{"kept.example.com"}}
	if err := c.DeleteBeyond(t.Context(), before, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	now, err := c.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, now); d != "" {
		t.Errorf("what is left (-want +got):\n%s", d)
	}
}

func TestANamespaceThatDoesNotEndIsNamed(t *testing.T) {
	c := withContents([]string{"stuck"}, nil)
	c.Interface.(*fake.Clientset).PrependReactor("delete", "namespaces", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, nil })
	err := c.DeleteBeyond(t.Context(), &Contents{}, time.Second)
	if !errors.Is(err, ErrInstall) || !strings.Contains(err.Error(), "the namespace stuck was not deleted within 1s") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.DeleteBeyond(ctx, &Contents{}, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("of a cancelled run: %v", err)
	}
}

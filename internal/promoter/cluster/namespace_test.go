package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	ktesting "k8s.io/client-go/testing"
)

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// heldBy is a client with ConfigMaps a and b in one namespace and one more in another. Secrets cannot be listed.
func heldBy(namespace string) (*Client, *dynamicfake.FakeDynamicClient) {
	in := func(namespace, name string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	objects := dynamicfake.NewSimpleDynamicClient(scheme.Scheme, in(namespace, "a"), in(namespace, "b"), in("other", "a"))
	objects.PrependReactor("list", "secrets", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("no key to decrypt them"))
	})
	return &Client{fake.NewClientset(), objects}, objects
}

// names are those of all ConfigMaps.
func names(t *testing.T, objects *dynamicfake.FakeDynamicClient) string {
	t.Helper()
	list, err := objects.Resource(configMaps).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range list.Items {
		all = append(all, o.GetNamespace()+"/"+o.GetName())
	}
	return strings.Join(all, " ")
}

func TestANamespaceIsClearedOneByOneWhereThereAreNoCollections(t *testing.T) {
	t.Parallel()
	c, objects := heldBy("left")
	for _, want := range []bool{false, true} {
		if empty, err := c.clear(t.Context(), "left", []namespacedKind{{configMaps, false}}); err != nil || empty != want {
			t.Errorf("empty: %t, %v; want %t", empty, err, want)
		}
	}
	if got := names(t, objects); got != "other/a" {
		t.Errorf("left are %s", got)
	}
}

func TestWhatTheAPIServerRejectsDoesNotKeepTheOthersOfANamespace(t *testing.T) {
	t.Parallel()
	c, objects := heldBy("left")
	objects.PrependReactor("delete", "configmaps", func(a ktesting.Action) (bool, runtime.Object, error) {
		return a.(ktesting.DeleteAction).GetName() == "a", nil, apierrors.NewInternalError(errors.New("failed calling webhook"))
	})
	_, err := c.clear(t.Context(), "left", []namespacedKind{{secrets, true}, {configMaps, false}})
	if err == nil || !strings.Contains(err.Error(), "no key to decrypt them") || !strings.Contains(err.Error(), "failed calling webhook") {
		t.Errorf("got %v", err)
	}
	if got := names(t, objects); got != "left/a other/a" {
		t.Errorf("left are %s", got)
	}
}

func TestAClusterThatDoesNotAnswerIsAskedOnce(t *testing.T) {
	t.Parallel()
	c, objects := heldBy("left")
	asked := 0
	objects.PrependReactor("list", "*", func(ktesting.Action) (bool, runtime.Object, error) {
		asked++
		return true, nil, errors.New("connection refused")
	})
	if _, err := c.clear(t.Context(), "left", []namespacedKind{{secrets, true}, {configMaps, true}}); err == nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestTheReasonsOfTheAPIServerAreNamedAndAllNamespacesAreRequested(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer error
		want   error
		words  []string
	}{
		"a rejection":      {apierrors.NewInternalError(errors.New("failed calling webhook")), ErrInstall, []string{"the namespace first (", "the namespace second (", "failed calling webhook"}},
		"not this account": {apierrors.NewUnauthorized("who are you"), ErrSilent, []string{"who are you"}},
		"too busy":         {apierrors.NewTooManyRequests("later", 1), ErrSilent, []string{"later"}},
		"no answer":        {errors.New("connection refused"), ErrSilent, []string{"connection refused"}},
	} {
		client := withContents([]string{"first", "second"}, nil)
		client.Interface.(*fake.Clientset).PrependReactor("delete", "namespaces", func(ktesting.Action) (bool, runtime.Object, error) {
			return true, nil, c.answer
		})
		err := client.DeleteBeyond(t.Context(), &Contents{}, time.Second)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, words := range c.words {
			if !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "a controller that is gone") {
				t.Errorf("%s: got %v, want %q", name, err, words)
			}
		}
	}
}

// discovering is a client whose discovery finds ConfigMaps.
type discovering struct{ *fake.Clientset }

func (c discovering) Discovery() discovery.DiscoveryInterfaces {
	return kindsOf{c.Clientset.Discovery()}
}

type kindsOf struct{ discovery.DiscoveryInterfaces }

func (kindsOf) ServerPreferredResourcesWithContext(context.Context) ([]*metav1.APIResourceList, error) {
	return []*metav1.APIResourceList{{GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "configmaps", Namespaced: true, Verbs: []string{"list", "delete"}},
		{Name: "bindings", Namespaced: true, Verbs: []string{"create"}},
		{Name: "nodes", Verbs: []string{"list", "delete"}},
	}}}, nil
}

func TestSeveralAPIServersGetTheTimeToHearOfADeletion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		servers []string
		answer  error
		kinds   int
	}{
		"a server that is no node": {nil, nil, 1},
		"one server":               {[]string{"a"}, nil, 1},
		"two servers":              {[]string{"a", "b"}, nil, 0},
		"nobody knows":             {[]string{"a"}, errors.New("refused"), 0},
	} {
		client := fake.NewClientset()
		for _, server := range c.servers {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: server, Labels: map[string]string{controlPlane: ""}}}
			if err := client.Tracker().Add(node); err != nil {
				t.Fatal(err)
			}
		}
		if c.answer != nil {
			client.PrependReactor("list", "nodes", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, c.answer })
		}
		if got := (&Client{Interface: discovering{client}}).namespacedKinds(t.Context()); len(got) != c.kinds {
			t.Errorf("%s: the kinds to delete are %v, want %d", name, got, c.kinds)
		}
	}
}

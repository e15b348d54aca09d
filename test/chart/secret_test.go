package chart_test

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

// cluster answers the chart's lookups from the objects in it.
type cluster struct{ client dynamic.Interface }

func newCluster(objects ...runtime.Object) cluster {
	return cluster{dynamicfake.NewSimpleDynamicClient(scheme.Scheme, objects...)}
}

func (c cluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	if apiVersion != "v1" || kind != "Secret" {
		return nil, false, errors.New("the chart reads " + apiVersion + " " + kind)
	}
	return c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}), true, nil
}

func secretIn(t *testing.T, r release, values, namespace string) *corev1.Secret {
	t.Helper()
	for _, u := range r.parse(t, values) {
		if u.GetKind() == "Secret" && u.GetNamespace() == namespace {
			return as[corev1.Secret](t, u)
		}
	}
	t.Fatalf("no Secret is rendered in %s", namespace)
	return nil
}

func existing(namespace, name string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Data: map[string][]byte{},
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

func TestPasswordIsKeptOverUpgrades(t *testing.T) {
	const enabled = "defaultSecret: {enabled: true}"
	there := existing("bitcoin-system", "bitcoin-default-secret", map[string]string{"BC_RPC_USER": "bitcoin", "BC_RPC_PASSWORD": "kept"})
	tests := map[string]struct {
		there  []runtime.Object
		values string
		want   string // "" for a random one
	}{
		"the first install makes a random one":         {nil, enabled, ""},
		"an upgrade keeps it":                          {[]runtime.Object{there}, enabled, "kept"},
		"a password that is given wins":                {[]runtime.Object{there}, "defaultSecret: {enabled: true, password: given}", "given"},
		"a Secret of another name is left alone":       {[]runtime.Object{there}, "defaultSecret: {enabled: true, name: other}", ""},
		"a Secret without a password gets one":         {[]runtime.Object{existing("bitcoin-system", "bitcoin-default-secret", nil)}, enabled, ""},
		"a Secret in another namespace does not count": {[]runtime.Object{existing("other", "bitcoin-default-secret", map[string]string{"BC_RPC_PASSWORD": "theirs"})}, enabled, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := release{client: newCluster(test.there...), upgrade: len(test.there) > 0}
			got := string(secretIn(t, r, test.values, "bitcoin-system").Data["BC_RPC_PASSWORD"])
			switch {
			case test.want != "" && got != test.want:
				t.Errorf("password %q, want %q", got, test.want)
			case test.want == "" && (len(got) < 32 || got == "kept" || got == "theirs"):
				t.Errorf("password %q is not a random one", got)
			}
		})
	}
}

func TestRandomPasswordsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		seen[string(secretIn(t, release{}, "defaultSecret: {enabled: true}", "bitcoin-system").Data["BC_RPC_PASSWORD"])] = true
	}
	if len(seen) != 3 {
		t.Errorf("three installs created %d different passwords", len(seen))
	}
}

// A namespace that is added later gets the Secret without changing what the others have.
func TestNamespaceAddedLater(t *testing.T) {
	there := existing("one", "bitcoin-default-secret", map[string]string{"BC_RPC_PASSWORD": "kept"})
	r := release{client: newCluster(there), upgrade: true}
	const values = "defaultSecret: {enabled: true, namespaces: [one, two]}"
	if got := string(secretIn(t, r, values, "one").Data["BC_RPC_PASSWORD"]); got != "kept" {
		t.Errorf("password %q in the old namespace, want the existing one", got)
	}
	if got := secretIn(t, r, values, "two").Data["BC_RPC_PASSWORD"]; len(got) < 32 {
		t.Errorf("password %q in the new namespace is not a random one", got)
	}
}

// The chart reads nothing in the cluster unless it has to: who installs it may not be allowed to.
func TestDefaultsReadNothingFromTheCluster(t *testing.T) {
	if _, err := (release{client: nosyCluster{}}).render(t, ""); err != nil {
		t.Error(err)
	}
}

type nosyCluster struct{}

func (nosyCluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return nil, false, errors.New("the chart reads " + apiVersion + " " + kind)
}

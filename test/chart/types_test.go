package chart_test

import (
	"encoding/json"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
	sigsjson "sigs.k8s.io/json"
)

// foreign are the kinds that Kubernetes does not know, with the fields that the chart may write.
var foreign = map[string]any{
	"ServiceMonitor": &struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       struct {
			JobLabel          string         `json:"jobLabel"`
			NamespaceSelector map[string]any `json:"namespaceSelector"`
			Selector          map[string]any `json:"selector"`
			Endpoints         []struct {
				Port              string           `json:"port"`
				Path              string           `json:"path"`
				Scheme            string           `json:"scheme"`
				Interval          string           `json:"interval"`
				ScrapeTimeout     string           `json:"scrapeTimeout"`
				HonorLabels       bool             `json:"honorLabels"`
				BearerTokenFile   string           `json:"bearerTokenFile"`
				TLSConfig         map[string]any   `json:"tlsConfig"`
				Authorization     map[string]any   `json:"authorization"`
				Relabelings       []map[string]any `json:"relabelings"`
				MetricRelabelings []map[string]any `json:"metricRelabelings"`
			} `json:"endpoints"`
		} `json:"spec"`
	}{},
	"PrometheusRule": &rules{},
}

type rules struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       struct {
		Groups []struct {
			Name  string  `json:"name"`
			Rules []alert `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

type alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// A field that Kubernetes does not know is dropped by the API server silently, or rejected: here it is an error.
func TestManifestsAreWhatKubernetesKnows(t *testing.T) {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(types); err != nil {
			t.Fatal(err)
		}
	}
	strict := kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, types, types, kjson.SerializerOptions{Strict: true})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, u := range c.release.objects(t, c.values) {
				text, err := json.Marshal(u.Object)
				if err != nil {
					t.Fatal(err)
				}
				if into, ok := foreign[u.GetKind()]; ok {
					unknown, err := sigsjson.UnmarshalStrict(text, into)
					if err != nil || len(unknown) > 0 {
						t.Errorf("%s: %v %v", id(u), err, unknown)
					}
					continue
				}
				if _, _, err := strict.Decode(text, nil, nil); err != nil {
					t.Errorf("%s: %v", id(u), err)
				}
			}
		})
	}
}

func TestNamesAndLabelsAreValid(t *testing.T) {
	clusterScoped := map[string]bool{"ClusterRole": true, "ClusterRoleBinding": true, "CustomResourceDefinition": true}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, u := range c.release.objects(t, c.values) {
				if seen[id(u)] {
					t.Errorf("%s is rendered twice", id(u))
				}
				seen[id(u)] = true
				if clusterScoped[u.GetKind()] != (u.GetNamespace() == "") {
					t.Errorf("%s: namespace %q", id(u), u.GetNamespace())
				}
				problems := validation.IsDNS1123Subdomain(u.GetName())
				switch u.GetKind() {
				case "Service":
					problems = validation.IsDNS1035Label(u.GetName())
				case "ClusterRole", "ClusterRoleBinding":
					problems = nil // any name that is one path segment
				}
				if len(problems) > 0 {
					t.Errorf("%s: %v", id(u), problems)
				}
				for key, value := range u.GetLabels() {
					if p := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(p) > 0 {
						t.Errorf("%s: label %s=%s: %v", id(u), key, value, p)
					}
				}
			}
		})
	}
}

func id(u *unstructured.Unstructured) string {
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}

func find(t testing.TB, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == kind && u.GetName() == name {
			return u
		}
	}
	t.Fatalf("no %s %s is rendered", kind, name)
	return nil
}

// as turns a rendered object into its Kubernetes type.
func as[T any](t testing.TB, u *unstructured.Unstructured) *T {
	t.Helper()
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, into, true); err != nil {
		t.Fatalf("%s: %v", id(u), err)
	}
	return into
}

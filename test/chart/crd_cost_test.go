package chart_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The resources, as their definitions name them.
const (
	bitcoinNetworks   = "bitcoinnetworks"
	lightningNetworks = "lightningnetworks"
)

func readCRD(t *testing.T, resource string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(chartDir, "files", "crds", "bitcoincontroller.christianb93.github.com_"+resource+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	v1crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(raw, v1crd); err != nil {
		t.Fatal(err)
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(v1crd)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1crd.Spec)
	crd := &apiextensions.CustomResourceDefinition{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(v1crd, crd, nil); err != nil {
		t.Fatal(err)
	}
	crd.Status.StoredVersions = []string{"v1"}
	return crd
}

// The API server rejects a CRD whose CEL rules might cost too much; this runs the same check in a second.
func TestTheAPIServerAcceptsTheCRDs(t *testing.T) {
	for _, resource := range []string{bitcoinNetworks, lightningNetworks} {
		for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), readCRD(t, resource)) {
			t.Errorf("%s: %v", resource, err)
		}
	}
}

// kstatus takes an object without a status for current, so that Helm, Flux and Argo CD would not wait for the operator. With an
// observed generation that no object has, the object is in progress until the operator writes its status.
func TestANetworkWithoutAStatusHasObservedNoGeneration(t *testing.T) {
	for _, resource := range []string{bitcoinNetworks, lightningNetworks} {
		structural, err := schema.NewStructural(readCRD(t, resource).Spec.Validation.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		for name, network := range map[string]map[string]any{
			"no status":  {"spec": map[string]any{"nodes": int64(3)}},
			"its status": {"spec": map[string]any{"nodes": int64(3)}, "status": map[string]any{"observedGeneration": int64(2)}},
		} {
			want := int64(-1)
			if name == "its status" {
				want = 2
			}
			defaulting.Default(network, structural)
			if got, _, _ := unstructured.NestedInt64(network, "status", "observedGeneration"); got != want {
				t.Errorf("%s, %s: the observed generation is %d, want %d", resource, name, got, want)
			}
		}
	}
}

// kubectl get bitcoin lists networks only.
func TestNetworksHaveACategoryOfTheirOwn(t *testing.T) {
	for _, resource := range []string{bitcoinNetworks, lightningNetworks} {
		if got := readCRD(t, resource).Spec.Names.Categories; !slices.Equal(got, []string{"all", "bitcoin"}) {
			t.Errorf("%s: categories %q", resource, got)
		}
	}
}

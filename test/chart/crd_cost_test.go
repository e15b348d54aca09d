package chart_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const crdFile = "../../charts/bitcoin-controller/files/crds/bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml"

func readCRD(t *testing.T) *apiextensions.CustomResourceDefinition {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash(crdFile))
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
func TestTheAPIServerAcceptsTheCRD(t *testing.T) {
	var problems []string
	for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), readCRD(t)) {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		t.Fatal(strings.Join(problems, "\n"))
	}
}

// kstatus takes an object without a status for current, so that Helm, Flux and Argo CD would not wait for the operator. With an
// observed generation that no object has, the object is in progress until the operator writes its status.
func TestANetworkWithoutAStatusHasObservedNoGeneration(t *testing.T) {
	structural, err := schema.NewStructural(readCRD(t).Spec.Validation.OpenAPIV3Schema)
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
			t.Errorf("%s: the observed generation is %d, want %d", name, got, want)
		}
	}
}

// kubectl get bitcoin lists networks only.
func TestNetworksHaveACategoryOfTheirOwn(t *testing.T) {
	if got := readCRD(t).Spec.Names.Categories; !slices.Equal(got, []string{"all", "bitcoin"}) {
		t.Errorf("categories %q", got)
	}
}

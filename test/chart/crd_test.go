package chart_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const crdName = "bitcoinnetworks.bitcoincontroller.christianb93.github.com"

func compatible(constraint, version string) bool {
	return chartutil.IsCompatibleRange(constraint, version)
}

// The generated definition goes to the cluster as it is: nothing but labels and the policy to keep it are added.
func TestDefinitionIsTheGeneratedOne(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chartDir, "files/crds/*.yaml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("want one generated definition, have %v (%v)", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := yaml.UnmarshalStrict(text, &want); err != nil {
		t.Fatal(err)
	}
	got := find(t, release{}.objects(t, ""), "CustomResourceDefinition", crdName)
	unstructured.RemoveNestedField(got.Object, "metadata", "labels")
	unstructured.RemoveNestedField(got.Object, "metadata", "annotations", "helm.sh/resource-policy")
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Errorf("the chart changes the definition (-generated +rendered):\n%s", diff)
	}
}

func TestDefinitionIsKeptUnlessAskedOtherwise(t *testing.T) {
	for values, want := range map[string]string{"": "keep", "crds: {keep: true}": "keep", "crds: {keep: false}": ""} {
		crd := find(t, release{}.objects(t, values), "CustomResourceDefinition", crdName)
		if got := crd.GetAnnotations()["helm.sh/resource-policy"]; got != want {
			t.Errorf("%q: resource policy %q, want %q", values, got, want)
		}
	}
	for _, u := range (release{}).objects(t, "crds: {enabled: false}") {
		if u.GetKind() == "CustomResourceDefinition" {
			t.Error("crds.enabled=false renders the definition all the same")
		}
	}
}

// Helm installs what lies in crds/ and never upgrades it.
func TestNothingLiesInCrds(t *testing.T) {
	if c := loadChart(t); len(c.CRDObjects()) > 0 {
		t.Errorf("the chart has a directory crds/ with %d definitions", len(c.CRDObjects()))
	}
}

// An object of the definition's kind in the chart itself would make the install fail, since Helm resolves its kind first.
func TestChartHasNoNetworks(t *testing.T) {
	for name, c := range cases {
		for _, u := range c.release.objects(t, c.values) {
			if u.GetKind() == "BitcoinNetwork" {
				t.Errorf("%s: renders a BitcoinNetwork", name)
			}
		}
	}
}

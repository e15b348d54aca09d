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

const (
	crdName          = "bitcoinnetworks.bitcoincontroller.christianb93.github.com"
	lightningCRDName = "lightningnetworks.bitcoincontroller.christianb93.github.com"
)

func compatible(constraint, version string) bool {
	return chartutil.IsCompatibleRange(constraint, version)
}

// The generated definitions go to the cluster as they are: nothing but labels and the policy to keep them are added.
func TestDefinitionsAreTheGeneratedOnes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chartDir, "files/crds/*.yaml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("want two generated definitions, have %v (%v)", files, err)
	}
	objects := release{}.objects(t, lightningOn)
	for i, name := range []string{crdName, lightningCRDName} {
		text, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := yaml.UnmarshalStrict(text, &want); err != nil {
			t.Fatal(err)
		}
		got := find(t, objects, "CustomResourceDefinition", name)
		unstructured.RemoveNestedField(got.Object, "metadata", "labels")
		unstructured.RemoveNestedField(got.Object, "metadata", "annotations", "helm.sh/resource-policy")
		if diff := cmp.Diff(want, got.Object); diff != "" {
			t.Errorf("the chart changes the definition %s (-generated +rendered):\n%s", name, diff)
		}
	}
}

func TestDefinitionIsKeptUnlessAskedOtherwise(t *testing.T) {
	for values, want := range map[string]string{"": "keep", "crds: {keep: true}": "keep", "crds: {keep: false}": ""} {
		objects := release{}.objects(t, lightningOn+values)
		for _, name := range []string{crdName, lightningCRDName} {
			if got := find(t, objects, "CustomResourceDefinition", name).GetAnnotations()["helm.sh/resource-policy"]; got != want {
				t.Errorf("%s with %q: resource policy %q, want %q", name, values, got, want)
			}
		}
	}
	for _, u := range (release{}).objects(t, lightningOn+"crds: {enabled: false}") {
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
			if kind := u.GetKind(); kind == "BitcoinNetwork" || kind == "LightningNetwork" {
				t.Errorf("%s: renders a %s", name, kind)
			}
		}
	}
}

package controller

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The marker of the default in the API's types is a comment, which cannot use the constant.
func TestTheDefaultMiningIntervalIsThatOfTheCRD(t *testing.T) {
	text, err := os.ReadFile("../../../charts/bitcoin-controller/files/crds/bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
	if err != nil || len(versions) != 1 {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	got, _, err := unstructured.NestedString(versions[0].(map[string]any),
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "mining", "properties", "interval", "default")
	if want := v1.DefaultMiningInterval.String(); err != nil || got != want {
		t.Errorf("the default is %q, want %q, %v", got, want, err)
	}
}

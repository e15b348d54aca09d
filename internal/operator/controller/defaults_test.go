package controller

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// With a default in the CRD, each network with keepAlive would have an interval too.
func TestTheDefaultMiningIntervalIsInTheDescriptionOnly(t *testing.T) {
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
	got, found, err := unstructured.NestedMap(versions[0].(map[string]any),
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "mining", "properties", "interval")
	if err != nil || !found {
		t.Fatalf("the interval is missing in the CRD: %v", err)
	}
	description, _ := got["description"].(string)
	if want := "Default: " + v1.DefaultMiningInterval.String(); got["default"] != nil || !strings.Contains(description, want) {
		t.Errorf("the default is %v, and the description %q should have %q", got["default"], description, want)
	}
}

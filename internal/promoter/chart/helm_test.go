package chart

import (
	"testing"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

func TestKeysAreConvertedAsHelmConvertsThem(t *testing.T) {
	for _, key := range []string{"a", "'0'", "0", "-0", "0x10", "010", "1_000", "1.5", "0e0", "-0.0", "1e30", "16777217.0", "0.1", ".inf", "-.Inf", ".NaN", "true", "off", "y", "9007199254740993", "~a", "2001-01-01"} {
		var typed map[any]any
		var helm map[string]any
		for _, err := range []error{yamlv2.Unmarshal([]byte(key+": x"), &typed), sigsyaml.Unmarshal([]byte(key+": x"), &helm)} {
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		var nodes yaml.Node
		if err := yaml.Unmarshal([]byte(key+": x"), &nodes); err != nil {
			t.Fatal(err)
		}
		if _, ok := helm[helmKey(nodes.Content[0].Content[0])]; !ok {
			t.Errorf("%s is taken for %q, and Helm has %v", key, helmKey(nodes.Content[0].Content[0]), helm)
		}
		for k := range typed {
			if _, ok := helm[keyText(k)]; !ok {
				t.Errorf("%s is %q, and Helm has %v", key, keyText(k), helm)
			}
		}
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

const (
	scenarioComments = "internal/plugin/scenario"
	scenarioID       = "https://raw.githubusercontent.com/christianb93/bitcoin-controller/main/docs/scenario.schema.json"
	crds             = "charts/bitcoin-controller/files/crds/*_bitcoinnetworks.yaml"
)

// buildScenario returns the schema of scenarios: from the types, and for the spec of a network from the definition of the resource, which
// has its validation.
func buildScenario() ([]byte, error) {
	r := &jsonschema.Reflector{ExpandedStruct: true, Anonymous: true, Mapper: scenarioScalars}
	if err := r.AddGoComments(module, scenarioComments, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read the comments of %s: %w", scenarioComments, err)
	}
	s := r.Reflect(&scenario.Scenario{})
	s.ID, s.Title, s.Description = scenarioID, "kubectl btcnet scenario", ""
	for name, definition := range s.Definitions {
		if err := describe(name, definition); err != nil {
			return nil, err
		}
	}
	if err := describe("Scenario", s); err != nil {
		return nil, err
	}
	s.Definitions["Step"].OneOf = needsOne(scenario.Actions()...)
	// wait: Ready and command: PROGRAM are short for the objects.
	for _, name := range []string{"Wait", "Command"} {
		s.Definitions[name] = &jsonschema.Schema{Description: s.Definitions[name].Description, OneOf: []*jsonschema.Schema{{Type: "string"}, s.Definitions[name]}}
	}
	s.Definitions["Nothing"] = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "null"}, s.Definitions["Nothing"]}}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	spec, err := networkSpec()
	if err != nil {
		return nil, err
	}
	out["$defs"].(map[string]any)["BitcoinNetworkSpec"] = spec //nolint:forcetypeassert // the reflector writes it
	text, err = json.MarshalIndent(withReferences(out), "", "  ")
	return append(text, '\n'), err
}

// describe joins the lines of comments. Each field needs one, since editors show it.
func describe(typeName string, t *jsonschema.Schema) error {
	t.Description = oneLine(t.Description)
	for p := t.Properties.Oldest(); p != nil; p = p.Next() {
		p.Value.Description = oneLine(p.Value.Description)
		if p.Value.Description == "" && typeName != "BitcoinNetworkSpec" {
			return fmt.Errorf("%s in %s has no comment: write one, editors show it", p.Key, typeName)
		}
	}
	return nil
}

// scenarioScalars are the types that a file writes as a text or a number.
func scenarioScalars(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[scenario.Duration]():
		return text(duration)
	case reflect.TypeFor[scenario.Comparison](), reflect.TypeFor[scenario.Scalar](), reflect.TypeFor[scenario.Amount](), reflect.TypeFor[scenario.Node](),
		reflect.TypeFor[scenario.NodeSet]():
		return &jsonschema.Schema{AnyOf: scalarValue().OneOf} // a number may also be a text with a reference
	}
	if strings.HasSuffix(t.PkgPath(), "/bitcoincontroller/v1") {
		return &jsonschema.Schema{Ref: "#/$defs/BitcoinNetworkSpec"}
	}
	return nil
}

// networkSpec is the schema of spec in the definition of the resource, without what only Kubernetes knows.
func networkSpec() (any, error) {
	files, err := filepath.Glob(crds)
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("%s is not one file, but %q (%w)", crds, files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Properties map[string]any `json:"properties"`
					} `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return nil, err
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("%s has %d versions, not one", files[0], len(crd.Spec.Versions))
	}
	return structural(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]), nil
}

// structural removes the extensions of Kubernetes, and closes objects as the API server does.
func structural(value any) any {
	switch value := value.(type) {
	case map[string]any:
		either := value["x-kubernetes-int-or-string"] == true
		for key := range value {
			if strings.HasPrefix(key, "x-kubernetes-") {
				delete(value, key)
			} else if properties, ok := value[key].(map[string]any); ok && key == "properties" {
				for name := range properties {
					properties[name] = structural(properties[name])
				}
			} else {
				value[key] = structural(value[key])
			}
		}
		if either {
			delete(value, "pattern") // that of a text; a number has none
		}
		if value["properties"] != nil && value["additionalProperties"] == nil {
			value["additionalProperties"] = false
		}
	case []any:
		for i := range value {
			value[i] = structural(value[i])
		}
	}
	return value
}

// withReferences lets each number, and true and false, be a text with a reference too.
func withReferences(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = withReferences(value[key])
		}
		if kind := value["type"]; kind == "integer" || kind == "number" || kind == "boolean" {
			description := value["description"]
			delete(value, "description")
			out := map[string]any{"anyOf": []any{value, map[string]any{"type": "string", "pattern": variable}}}
			if description != nil {
				out["description"] = description
			}
			return out
		}
	case []any:
		for i := range value {
			value[i] = withReferences(value[i])
		}
	}
	return value
}

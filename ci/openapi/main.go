// Command openapi writes the schemas of the resources as an OpenAPI v2 document, the form that applyconfiguration-gen reads. The
// generated apply configurations and the fake clientset then know how lists are merged.
//
//	go run ./ci/openapi CRD...
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const (
	api        = "com.github.christianb93.bitcoin-controller.pkg.apis.bitcoincontroller.v1."
	objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(files []string, out io.Writer) error {
	if len(files) == 0 {
		return errors.New("usage: openapi CRD...")
	}
	definitions := map[string]any{objectMeta: metadata()}
	for _, file := range files {
		kind, root, err := schemaOf(file)
		if err != nil {
			return err
		}
		definitions[api+kind] = root
	}
	return json.NewEncoder(out).Encode(map[string]any{
		"swagger":     "2.0",
		"info":        map[string]any{"title": "bitcoin-controller", "version": "v1"},
		"paths":       map[string]any{},
		"definitions": definitions,
	})
}

// schemaOf returns the kind of a definition, and its schema.
func schemaOf(file string) (kind string, root map[string]any, err error) {
	text, err := os.ReadFile(file) //nolint:gosec // an argument of the command
	if err != nil {
		return "", nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		return "", nil, fmt.Errorf("%s: %w", file, err)
	}
	if root, err = asMap(definition.Spec.Versions[0].Schema.OpenAPIV3Schema); err != nil {
		return "", nil, err
	}
	reduce(root)
	properties := root["properties"].(map[string]any) //nolint:errcheck,forcetypeassert // every definition has them
	properties["metadata"] = map[string]any{"$ref": "#/definitions/" + objectMeta}
	return definition.Spec.Names.Kind, root, nil
}

func asMap(schema any) (result map[string]any, err error) {
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	return result, json.Unmarshal(text, &result)
}

// reduce removes the keywords that OpenAPI v2 does not have, and the ones that do not matter for merging.
func reduce(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, isSchema := value["type"].(string); isSchema {
			delete(value, "description")
		}
		for _, key := range []string{"anyOf", "oneOf", "not", "nullable", "x-kubernetes-validations"} {
			delete(value, key)
		}
		for _, child := range value {
			reduce(child)
		}
	case []any:
		for _, child := range value {
			reduce(child)
		}
	}
}

// metadata has the lists of ObjectMeta that are not merged like any other; the rest is deduced from the values.
func metadata() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{
		"type":                                 "object",
		"x-kubernetes-preserve-unknown-fields": true,
		"properties": map[string]any{
			"finalizers": map[string]any{"type": "array", "x-kubernetes-list-type": "set", "items": text},
			"ownerReferences": map[string]any{
				"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []string{"uid"},
				"items": map[string]any{
					"type": "object", "x-kubernetes-map-type": "atomic", "x-kubernetes-preserve-unknown-fields": true,
					"properties": map[string]any{"uid": text},
				},
			},
		},
	}
}

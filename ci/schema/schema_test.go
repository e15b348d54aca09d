package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// inRoot changes to the root of the repository, where the generator runs, and returns the compiled schema.
func inRoot(t *testing.T) *jsonschema.Schema {
	t.Helper()
	t.Chdir("../..")
	built, err := build()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(built)
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, id, data)
}

func compile(t *testing.T, id string, data []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(id, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate checks a file as an editor does, before variables are replaced.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// between returns the part of a text after one mark and before the next.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	part, _, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("no text between %q and %q", from, to)
	}
	return part
}

func noEnv(string) string { return "" }

func TestConfigurationsOfThisRepositoryMatchTheSchema(t *testing.T) {
	schema := inRoot(t)
	golden := "internal/promoter/scaffold/testdata/"
	for name, text := range map[string]string{
		"ci/pipeline.yaml":        read(t, "ci/pipeline.yaml"),
		"every key":               read(t, "ci/schema/testdata/every-key.yaml"),
		"the example in the page": between(t, intro, "```yaml\n", "```"),
		"init for a program":      between(t, read(t, golden+"program.golden"), "==> ci/pipeline.yaml\n", "\n==> "),
		"init for a chart alone":  between(t, read(t, golden+"chart-alone.golden"), "==> ci/pipeline.yaml\n", "\n==> "),
	} {
		t.Run(name, func(t *testing.T) {
			if err := validate(t, schema, text); err != nil {
				t.Errorf("the schema rejects it: %v", err)
			}
			if _, err := config.Parse([]byte(text), noEnv); err != nil {
				t.Errorf("the program rejects it: %v", err)
			}
		})
	}
}

// Both reject the same mistakes. In each case a part of the file with every key is replaced.
func TestMistakesAreRejectedByTheSchemaAsByTheProgram(t *testing.T) {
	schema := inRoot(t)
	valid := read(t, "ci/schema/testdata/every-key.yaml")
	for name, c := range map[string]struct{ from, to string }{
		"a misspelt key":                   {"verifiedBy: qa", "verifiedby: qa"},
		"a misspelt block":                 {"    verify:\n", "    verfy:\n"},
		"a misspelt key at the top":        {"source:", "sources:"},
		"no name":                          {"name: every-key\n", ""},
		"a name with capital letters":      {"name: every-key\n", "name: Every\n"},
		"an unknown scheme":                {"scheme: legacy", "scheme: calver"},
		"an unknown value of a field":      {"image.tag: imageTag", "image.tag: tag"},
		"an unknown format":                {"format: go-json", "format: tap"},
		"a timeout without a unit":         {"timeout: 1h30m", "timeout: 90"},
		"no command":                       {"command: [make, test]", "timeout: 1m"},
		"an empty command":                 {"[make, test]", "[]"},
		"a list in place of a text":        {"branch: main\n", "branch: [main]\n"},
		"an image without a package":       {"        package: ./cmd/every-key\n", ""},
		"a candidate without verify":       {between(t, valid, "    verify:\n", "    key:"), ""},
		"guards without publish":           {"  - name: qa\n", "  - name: qa\n    guards: {versions: any}\n"},
		"a stage that does nothing":        {"stages:\n", "stages:\n  - name: idle\n"},
		"two places to publish":            {"{oci: oci://example.com/charts}", "{oci: oci://example.com/charts, directory: out}"},
		"no place to publish":              {"{oci: oci://example.com/charts}", "{url: https://example.com}"},
		"unknown versions":                 {"versions: any", "versions: all"},
		"fewer than no approvals":          {"approvals: 1", "approvals: -1"},
		"a version of Go with a patch":     {"go: 1.26", "go: 1.26.1"},
		"a preparation without a command":  {"command: ci/prepare.sh, ", ""},
		"a PGP key that is not a mapping":  {"key: {env: PGP_KEY}", "key: PGP_KEY"},
		"a switch that is not yes or no":   {"page: true,", "page: sometimes,"},
		"a text in place of a number":      {"approvals: 1", "approvals: one"},
		"a candidate without a repository": {"git: https://example.com/every-key-qa.git, ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(valid, c.from) {
				t.Fatalf("the file has no %q", c.from)
			}
			text := strings.Replace(valid, c.from, c.to, 1)
			if validate(t, schema, text) == nil {
				t.Error("the schema accepts it")
			}
			if _, err := config.Parse([]byte(text), noEnv); err == nil {
				t.Error("the program accepts it")
			}
		})
	}
}

func TestPageHasEveryKey(t *testing.T) {
	inRoot(t)
	schema, err := build()
	if err != nil {
		t.Fatal(err)
	}
	page, err := markdown(schema)
	if err != nil {
		t.Fatal(err)
	}
	for name, definition := range schema.Definitions {
		for p := definition.Properties.Oldest(); p != nil; p = p.Next() {
			if !bytes.Contains(page, []byte("| `"+p.Key+"` |")) {
				t.Errorf("the page lacks %s of %s", p.Key, name)
			}
		}
	}
}

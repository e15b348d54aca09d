package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// plausible are values of all the forms that fields have. A field that accepts none of them accepts a closed set.
var plausible = map[string][]string{
	"!!str": {
		"other", "other-", "other/", "./other", "docs/other.yaml", "1.2.3", "1.26", "v1.2.3", "1m", "1000", "https://example.com/other", "oci://example.com/other",
		"example.com/other", "linux/arm64", "sha256:" + strings.Repeat("a", 64), "chartVersion", "imageTag",
	},
	"!!int":   {"0", "1", "2", "7", "99"},
	"!!float": {"1.25"},
}

// references are fields whose values other fields of the same file name, or that name them.
var references = []string{"stages.name", "stages.guards.verifiedBy", "stages.verify.upgradeFrom"}

// leaves calls f with each scalar of a file, with its path of keys.
func leaves(n *yaml.Node, path []string, f func(path []string, n *yaml.Node)) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			leaves(n.Content[i+1], append(slices.Clone(path), n.Content[i].Value), f)
		}
	case yaml.ScalarNode:
		f(path, n)
	default:
		for _, c := range n.Content {
			leaves(c, path, f)
		}
	}
}

// Whatever the program rejects as no member of a closed set, the editor shows as an error.
func TestTheSchemaKnowsEveryClosedSetOfValues(t *testing.T) {
	schema := inRoot(t)
	closed := map[string]bool{}
	for _, file := range []string{"every-key", "further-keys"} {
		text := read(t, "ci/schema/testdata/"+file+".yaml")
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse([]byte(text), noEnv); err != nil || validate(t, schema, text) != nil {
			t.Fatalf("%s is not valid: %v, %v", file, err, validate(t, schema, text))
		}
		leaves(&doc, nil, func(path []string, n *yaml.Node) {
			key, was := strings.Join(path, "."), n.Value
			accepts := func(v string) (program, editor bool) {
				n.Value = v
				changed, err := yaml.Marshal(&doc)
				if err != nil {
					t.Fatal(err)
				}
				_, err = config.Parse(changed, noEnv)
				return err == nil, validate(t, schema, string(changed)) == nil
			}
			var rejected, shown int
			values := slices.DeleteFunc(slices.Clone(plausible[n.Tag]), func(v string) bool { return v == was })
			for _, v := range values {
				program, editor := accepts(v)
				if !program {
					rejected++
				}
				if !editor {
					shown++
				}
			}
			n.Value = was
			if len(values) == 0 || rejected < len(values) || slices.Contains(references, key) {
				return
			}
			closed[key] = true
			if shown < rejected {
				t.Errorf("%s: %s accepts a closed set, and the schema accepts %d of %d other values", file, key, rejected-shown, rejected)
			}
		})
	}
	for _, known := range []string{"version.scheme", "stages.guards.versions", "stages.verify.helm", "charts.version.from", "stages.candidate.pullRequest.forge"} {
		if !closed[known] {
			t.Errorf("%s is not seen as a closed set; the test has lost it among %s", known, fmt.Sprint(closed))
		}
	}
}

// A key that no file has is not tested.
func TestTheFilesOfTheTestsHaveEveryKey(t *testing.T) {
	inRoot(t)
	schema, err := build()
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, "ci/schema/testdata/every-key.yaml") + read(t, "ci/schema/testdata/further-keys.yaml")
	for name, definition := range schema.Definitions {
		for p := definition.Properties.Oldest(); p != nil; p = p.Next() {
			if p.Key != "digest" && !strings.Contains(all, p.Key+":") { // it excludes digestFile
				t.Errorf("no file has %s of %s", p.Key, name)
			}
		}
	}
}

package chart_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8syaml "sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "update the golden files")

func TestGolden(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			compareGolden(t, name, golden(t, name, c.release.objects(t, c.values)))
		})
	}
}

// The goldens of cases that are gone would otherwise be taken for documentation.
func TestNoGoldenIsLeftOver(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for name := range cases {
		known[goldenPath(name)] = true
	}
	for _, file := range files {
		if !known[file] {
			t.Errorf("%s belongs to no case", file)
		}
	}
}

func goldenPath(name string) string {
	plain := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name)
	return filepath.Join("testdata", "golden", plain+".yaml")
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := goldenPath(name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./test/chart -update makes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what is rendered (-golden +rendered):\n%s", path, diff)
	}
}

// golden shows what a case renders otherwise than the defaults do, and for the defaults everything.
func golden(t *testing.T, name string, objects []*unstructured.Unstructured) []byte {
	t.Helper()
	if name == "defaults" {
		return manifests(t, objects)
	}
	defaults := map[string]*unstructured.Unstructured{}
	for _, u := range (release{}).objects(t, "") {
		defaults[id(u)] = u
	}
	var other []*unstructured.Unstructured
	for _, u := range objects {
		if d := defaults[id(u)]; d == nil || !reflect.DeepEqual(d.Object, u.Object) {
			other = append(other, u)
		}
		delete(defaults, id(u))
	}
	out := &bytes.Buffer{}
	out.WriteString("# What differs from defaults.yaml.\n")
	for _, key := range sortedKeys(defaults) {
		fmt.Fprintf(out, "# Not rendered: %s\n", key)
	}
	out.Write(manifests(t, other))
	return out.Bytes()
}

// manifests writes objects as YAML. Of a definition only the metadata is written, and of a dashboard only its name: both have
// tests of their own, and every change of the API would otherwise change every golden. The chart's versions are left out, since
// each release has others.
func manifests(t *testing.T, objects []*unstructured.Unstructured) []byte {
	t.Helper()
	c := loadChart(t)
	versions := strings.NewReplacer(
		c.Name()+"-"+c.Metadata.Version, c.Name()+"-VERSION",
		"app.kubernetes.io/version: "+c.Metadata.AppVersion, "app.kubernetes.io/version: APPVERSION",
		"/bitcoin-controller:"+c.Metadata.AppVersion, "/bitcoin-controller:APPVERSION",
		"/kubectl-btcnet:"+c.Metadata.AppVersion, "/kubectl-btcnet:APPVERSION",
	)
	out := &bytes.Buffer{}
	for _, u := range objects {
		shown := u.DeepCopy()
		switch u.GetKind() {
		case "CustomResourceDefinition":
			delete(shown.Object, "spec")
			annotations := shown.GetAnnotations()
			delete(annotations, "controller-gen.kubebuilder.io/version")
			shown.SetAnnotations(annotations)
		case "ConfigMap":
			data, _, err := unstructured.NestedStringMap(shown.Object, "data")
			if err != nil {
				t.Fatal(err)
			}
			for key := range data {
				data[key] = "(shown in the file of this name)"
			}
			if err := unstructured.SetNestedStringMap(shown.Object, data, "data"); err != nil {
				t.Fatal(err)
			}
		}
		text, err := k8syaml.Marshal(shown.Object)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return []byte(versions.Replace(out.String()))
}

func TestCasesSetEveryValue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var defaults yaml.Node
	if err := yaml.Unmarshal(text, &defaults); err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, c := range cases {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
			t.Fatal(err)
		}
		paths(values, "", set)
	}
	for path := range documented(defaults.Content[0], "") {
		if !set[path] {
			t.Errorf("no case sets %s", path)
		}
	}
}

// documented is the values with a comment of their own, as in the README.
func documented(mapping *yaml.Node, prefix string) map[string]bool {
	out := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if strings.Contains(key.HeadComment, "# -- ") {
			out[prefix+key.Value] = true
			continue
		}
		for path := range documented(value, prefix+key.Value+".") {
			out[path] = true
		}
	}
	return out
}

// paths notes every map and leaf on the way, so that a documented map counts as set when a value in it is.
func paths(values map[string]any, prefix string, out map[string]bool) {
	for key, value := range values {
		out[prefix+key] = true
		if m, ok := value.(map[string]any); ok {
			paths(m, prefix+key+".", out)
		}
	}
}

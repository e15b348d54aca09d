// Package chart_test renders the chart without a cluster and checks the result.
package chart_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const chartDir = "../../charts/bitcoin-controller"

// release is the release that is rendered. The zero value is `helm install bitcoin-controller --namespace bitcoin-system`.
type release struct {
	name, namespace string
	kubeVersion     string
	upgrade         bool
	client          engine.ClientProvider // answers lookup; none means that nothing is in the cluster
}

func loadChart(t testing.TB) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatalf("load the chart: %v", err)
	}
	return c
}

// render does what `helm template` does with these values (YAML), schema included, and returns the text by template.
func (r release) render(t testing.TB, values string) (map[string]string, error) {
	t.Helper()
	var user map[string]any
	if err := yaml.Unmarshal([]byte(values), &user); err != nil {
		t.Fatalf("the test's own values are no YAML: %v", err)
	}
	if r.name == "" {
		r.name = "bitcoin-controller"
	}
	if r.namespace == "" {
		r.namespace = "bitcoin-system"
	}
	caps := chartutil.DefaultCapabilities.Copy()
	if r.kubeVersion != "" {
		v, err := chartutil.ParseKubeVersion(r.kubeVersion)
		if err != nil {
			t.Fatal(err)
		}
		caps.KubeVersion = *v
	}
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, user, chartutil.ReleaseOptions{
		Name: r.name, Namespace: r.namespace, Revision: 1, IsInstall: !r.upgrade, IsUpgrade: r.upgrade,
	}, caps)
	if err != nil {
		return nil, err
	}
	if r.client != nil {
		return engine.RenderWithClientProvider(c, all, r.client)
	}
	return engine.Render(c, all)
}

// rendered caches what objects has rendered: many tests use the same cases, and the definition is large.
var rendered = map[string][]*unstructured.Unstructured{}

// objects are the rendered manifests, hooks included, in the order of their files.
func (r release) objects(t testing.TB, values string) []*unstructured.Unstructured {
	t.Helper()
	key := fmt.Sprintf("%+v %s", r, values)
	all, ok := rendered[key]
	if !ok {
		all = r.parse(t, values)
		rendered[key] = all
	}
	copies := make([]*unstructured.Unstructured, len(all))
	for i, u := range all {
		copies[i] = u.DeepCopy()
	}
	return copies
}

func (r release) parse(t testing.TB, values string) []*unstructured.Unstructured {
	t.Helper()
	files, err := r.render(t, values)
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	return objectsIn(t, files)
}

// objectsIn are the manifests in rendered templates.
func objectsIn(t testing.TB, files map[string]string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for _, path := range sortedKeys(files) {
		if strings.HasSuffix(path, ".txt") || strings.HasPrefix(filepath.Base(path), "_") {
			continue
		}
		for _, doc := range documents(files[path]) {
			u := &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict([]byte(doc), &u.Object); err != nil { // rejects duplicate keys
				t.Fatalf("%s is not YAML that everybody reads the same way: %v\n%s", path, err, doc)
			}
			if u.Object == nil {
				continue
			}
			out = append(out, u)
		}
	}
	return out
}

func documents(text string) []string {
	split := releaseutil.SplitManifests(text)
	keys := sortedKeys(split)
	// Keys are manifest-<n>: with ten or more of them the order of strings is not that of the file.
	out := make([]string, len(keys))
	for i := range keys {
		out[i] = split[fmt.Sprintf("manifest-%d", i)]
	}
	return out
}

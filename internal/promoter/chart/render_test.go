package chart

import (
	"bytes"
	"errors"
	"log"
	"strings"
	"testing"
)

func TestLintAndRender(t *testing.T) {
	p := pack(t, writeChart(t, awkward()))
	if findings, err := p.Lint(Installation{}); err != nil {
		t.Errorf("a good chart: %v %q", err, findings)
	}
	out, err := p.Render(t.Context(), Installation{Release: "rel", Namespace: "ns", Values: map[string]any{"image": map[string]any{"tag": "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"metadata: {name: rel}", `data: {tag: "b"}`, "CustomResourceDefinition"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	files := awkward()
	files["templates/configmap.yaml"] = "{{ .Values.nowhere.at.all }}"
	p = pack(t, writeChart(t, files))
	if findings, err := p.Lint(Installation{}); !errors.Is(err, ErrLint) || len(findings) == 0 {
		t.Errorf("a bad template: %v %q", err, findings)
	}
	if _, err := p.Render(t.Context(), Installation{}); !errors.Is(err, ErrNoChart) {
		t.Errorf("a bad template: %v", err)
	}
}

func TestLintTakesTheValuesOfTheInstallation(t *testing.T) {
	files := awkward()
	files["values.schema.json"] = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["clusterName"],"properties":{"clusterName":{"type":"string","minLength":1}}}`
	p := pack(t, writeChart(t, files))
	if findings, err := p.Lint(Installation{}); !errors.Is(err, ErrLint) || !strings.Contains(strings.Join(findings, ""), "clusterName") {
		t.Errorf("without values: %v %q", err, findings)
	}
	values := map[string]any{"clusterName": "kind"}
	if findings, err := p.Lint(Installation{Values: values}); err != nil {
		t.Errorf("with them: %v %q", err, findings)
	}
	if _, err := p.Render(t.Context(), Installation{Values: values}); err != nil {
		t.Errorf("with them: %v", err)
	}
}

// Helm's library takes Kubernetes 1.20 by default, and logs the messages of templates to the standard logger.
func TestLintAndRenderAreForTheVersionOfTheCluster(t *testing.T) {
	var logged bytes.Buffer
	before := log.Writer()
	log.SetOutput(&logged)
	defer log.SetOutput(before)
	files := awkward()
	files["templates/check.yaml"] = "{{- if semverCompare \"<1.29-0\" .Capabilities.KubeVersion.Version }}{{ fail \"needs 1.29\" }}{{ end }}\n"
	files["templates/budget.yaml"] = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: x}\nspec: {maxUnavailable: 1, selector: {matchLabels: {a: b}}}\n"
	p := pack(t, writeChart(t, files))
	for version, works := range map[string]bool{"1.31.0": true, "v1.31": true, "1.28.3": false} {
		findings, err := p.Lint(Installation{KubeVersion: version})
		if text := strings.Join(findings, "\n"); err != nil || !strings.Contains(text, "policy/v1beta1 PodDisruptionBudget is deprecated") {
			t.Errorf("%q: lint: %v %q", version, err, findings)
		}
		if _, err := p.Render(t.Context(), Installation{KubeVersion: version}); (err == nil) != works {
			t.Errorf("%q: render: %v", version, err)
		}
	}
	if logged.Len() > 0 {
		t.Errorf("Helm logs\n%s", logged.String())
	}
}

package chart

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
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
	// The error names the cause too: the findings are not printed everywhere.
	if findings, err := p.Lint(Installation{}); !errors.Is(err, ErrLint) || !strings.Contains(err.Error(), "clusterName") || !strings.Contains(strings.Join(findings, ""), "clusterName") {
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

// A chart that one major renders is not one that the users of the other can install.
func TestEachMajorLintsAndRenders(t *testing.T) {
	newer := []helm.Major{helm.V4}
	for name, c := range map[string]struct {
		file, content string
		majors        []helm.Major
		lint, render  string // what the findings and the error contain
	}{
		"a function of Helm 4":                {"templates/a.yaml", "{{ $a := durationSeconds \"1m\" }}", nil, `Helm 3: [ERROR] templates/: parse error`, `Helm 3: parse error at (awkward/templates/a.yaml:1): function "durationSeconds" not defined`},
		"a function of Helm 4 for Helm 4":     {"templates/a.yaml", "{{ $a := durationSeconds \"1m\" }}", newer, "", ""},
		"a chart that rejects a major":        {"templates/a.yaml", "{{ if hasPrefix \"v4\" .Capabilities.HelmVersion.Version }}{{ fail \"not yet\" }}{{ end }}", nil, "", "Helm 4: execution error at (awkward/templates/a.yaml:1:60): not yet"},
		"a field that Helm 4 warns of":        {"Chart.yaml", awkward()["Chart.yaml"] + "colour: blue\n", nil, "Helm 4: [WARNING] Chart.yaml: failed to strictly parse chart metadata file", ""},
		"a template that no major can render": {"templates/a.yaml", "{{ .Values.nowhere.at.all }}", nil, "\n[ERROR] templates/: template: awkward/templates/a.yaml", "not a usable chart: template: awkward/templates/a.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			files := awkward()
			files[c.file] = c.content
			p := pack(t, writeChart(t, files))
			findings, err := p.Lint(Installation{Majors: c.majors})
			text := "\n" + strings.Join(findings, "\n")
			if !strings.Contains(text, c.lint) || strings.Contains(text, "Helm ") != strings.HasPrefix(c.lint, "Helm ") || (err != nil) != strings.Contains(c.lint, "[ERROR]") {
				t.Errorf("lint: %v%s\nwant %q", err, text, c.lint)
			}
			_, err = p.Render(t.Context(), Installation{Majors: c.majors})
			if text := fmt.Sprint(err); (err != nil) != (c.render != "") || !strings.Contains(text, c.render) || strings.Contains(text, "Helm ") != strings.HasPrefix(c.render, "Helm ") {
				t.Errorf("render: %v, want %q", err, c.render)
			}
		})
	}
}

func BenchmarkLintAndRender(b *testing.B) {
	p := pack(b, writeChart(b, awkward()))
	for name, majors := range map[string][]helm.Major{"Helm 3": {helm.V3}, "Helm 4": {helm.V4}, "both": nil} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Lint(Installation{Majors: majors}); err != nil {
					b.Fatal(err)
				}
				if _, err := p.Render(b.Context(), Installation{Majors: majors}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

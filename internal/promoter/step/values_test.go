package step

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

const requiresName = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["clusterName"],"properties":{"clusterName":{"type":"string"}}}`

// values are keys of the first level with their values.
func values(pairs ...string) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// A template with ingress.enabled fails; the schema, where there is one, requires clusterName.
func TestACandidateIsLintedAndRenderedWithEachSetOfValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   map[string]string
		values  map[string]any
		pattern []string
		want    string // the sets, or the error's text
		err     error
	}{
		"the chart's own values":                  {nil, nil, nil, "the chart's own values", nil},
		"the values of the pipeline":              {map[string]string{"values.schema.json": requiresName}, values("clusterName", "kind"), nil, "verify.install.values", nil},
		"required values that nobody sets":        {map[string]string{"values.schema.json": requiresName}, nil, nil, "clusterName", chart.ErrLint},
		"the remedy for them":                     {map[string]string{"values.schema.json": requiresName}, nil, nil, "set them in verify.install.values, or in a file of the chart such as ci/test-values.yaml", chart.ErrLint},
		"a file with required values":             {map[string]string{"values.schema.json": requiresName, "ci/a-values.yaml": "clusterName: ci\n", "ci/README.md": "x"}, nil, nil, "ci/a-values.yaml", nil},
		"files over the values of the pipeline":   {map[string]string{"values.schema.json": requiresName, "ci/b-values.yaml": "x: 1\n", "ci/a-values.yaml": "x: 2\n"}, values("clusterName", "kind"), nil, "verify.install.values ci/a-values.yaml ci/b-values.yaml", nil},
		"a file that a template fails on":         {map[string]string{"ci/ingress-values.yaml": "ingress: {enabled: true}\n"}, nil, nil, "ci/ingress-values.yaml", chart.ErrLint},
		"a file that is no YAML":                  {map[string]string{"ci/a-values.yaml": "a: ["}, nil, nil, "ci/a-values.yaml", candidate.ErrValuesFile},
		"other files":                             {map[string]string{"ci/ingress-values.yaml": "ingress: {enabled: true}\n", "tests/a.yaml": "a: 1\n"}, nil, []string{"tests/*.yaml"}, "the chart's own values tests/a.yaml", nil},
		"no files":                                {map[string]string{"ci/ingress-values.yaml": "ingress: {enabled: true}\n"}, nil, []string{}, "the chart's own values", nil},
		"a file that .helmignore keeps out of it": {map[string]string{".helmignore": "ci/\n", "ci/ingress-values.yaml": "ingress: {enabled: true}\n"}, nil, nil, "ci/ingress-values.yaml", chart.ErrLint},
		"a function that only Helm 4 has":         {map[string]string{"templates/a.yaml": "{{ $a := durationSeconds \"1m\" }}\n"}, nil, nil, "Helm 3: [ERROR] templates/: parse error", chart.ErrLint},
		"a required value of a template":          {map[string]string{"templates/name.yaml": "{{ required \"set name\" .Values.name }}\n"}, nil, nil, "set name", chart.ErrNoChart},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("charts/hello/templates/ingress.yaml", "{{ if (.Values.ingress | default dict).enabled }}{{ .Values.ingress.host.typo }}{{ end }}\n")
			for file, content := range c.files {
				w.write("charts/hello/"+file, content)
			}
			in := &w.p.Config.Tester().Verify.Install
			if in.Values = c.values; c.pattern != nil {
				in.ValuesFiles = c.pattern
			}
			w.commit("with values")
			w.built()
			if _, err := Bump(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			r, err := w.p.candidates().Open(t.Context(), "", "")
			if c.err != nil {
				if !errors.Is(err, c.err) || !strings.Contains(err.Error()+w.log.String(), c.want) {
					t.Errorf("got %v, want %v with %q", err, c.err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range r.ValueSets {
				names = append(names, s.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The majors of verify.helm are those whose users can install the chart.
func TestACandidateIsRenderedByTheMajorsThatItIsTestedWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		majors []int
		err    error
	}{{[]int{3, 4}, chart.ErrNoChart}, {[]int{4}, chart.ErrNoChart}, {[]int{3}, nil}} {
		w := newWorld(t)
		w.write("charts/hello/templates/a.yaml", "{{ if hasPrefix \"v4\" .Capabilities.HelmVersion.Version }}{{ fail \"not yet\" }}{{ end }}\n")
		w.p.Config.Tester().Verify.Helm = c.majors
		w.commit("for Helm 3")
		w.built()
		if _, err := Bump(t.Context(), w.p); err != nil {
			t.Fatal(err)
		}
		if _, err := w.p.candidates().Open(t.Context(), "", ""); !errors.Is(err, c.err) {
			t.Errorf("%v: %v, want %v", c.majors, err, c.err)
		}
	}
}

func TestAFileOfValuesIsOverThoseOfThePipeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/ci/a-values.yaml", "other: {a: 1, b: null}\nlist: [2]\n")
	w.p.Config.Tester().Verify.Install = config.Install{Values: map[string]any{"other": map[string]any{"a": 0, "c": 3}, "list": []any{1}}, ValuesFiles: []string{config.DefaultValuesFiles}}
	w.commit("with values")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	r, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	got := r.Further()[0].Values
	other, _ := got["other"].(map[string]any)
	if b, ok := other["b"]; other["a"] != float64(1) || other["c"] != 3 || !ok || b != nil || len(got["list"].([]any)) != 1 {
		t.Errorf("got %v", got)
	}
}

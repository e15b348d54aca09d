package scaffold

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func TestInspectAcceptsChartsThatNeedMoreThanTheRepositoryHas(t *testing.T) {
	const github = "https://github.com/o/hello.git"
	schema := `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["policy"]}`
	common := "dependencies:\n- {name: common, version: 0.1.0, repository: \"file://../../common\"}\n"
	for name, c := range map[string]struct {
		files map[string]string
		note  string
	}{
		"required values":                     {map[string]string{"charts/hello/values.schema.json": schema}, "verify.install.values"},
		"required values in a file":           {map[string]string{"charts/hello/values.schema.json": schema, "charts/hello/ci/a-values.yaml": "policy: sync\n"}, ""},
		"a value that a template requires":    {map[string]string{"charts/hello/templates/a.yaml": "{{ required \"set policy\" .Values.policy }}"}, "set them in verify.install.values, or in a file of the chart such as ci/test-values.yaml: render the chart's templates"},
		"such a value in a file":              {map[string]string{"charts/hello/templates/a.yaml": "{{ $p := required \"set policy\" .Values.policy }}", "charts/hello/ci/a-values.yaml": "policy: sync\n"}, ""},
		"a template for the values of a file": {map[string]string{"charts/hello/templates/a.yaml": "{{ $p := .Values.policy.kind.name }}", "charts/hello/ci/a-values.yaml": "policy: {kind: {name: a}}\n"}, ""},
		"a dependency in the same repository": {map[string]string{"charts/hello/Chart.yaml": goodChart + common, "common/Chart.yaml": strings.Replace(goodChart, "hello", "common", 1) + "type: library\n", "common/templates/_a.tpl": "{{ define \"a\" }}{{ end }}", "charts/hello/templates/x.yaml": "{{ include \"a\" . }}"}, ""},
		"a dependency that cannot be reached": {map[string]string{"charts/hello/Chart.yaml": goodChart + "dependencies:\n- {name: dep, version: 1.0.0, repository: \"http://127.0.0.1:1\"}\n"}, "dependencies.repositories"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Inspect(t.Context(), repository(t, github, with(map[string]string{"charts/hello/Chart.yaml": goodChart}, c.files)), Choices{Chart: "charts/hello"})
			if notes := strings.Join(f.Notes, "\n"); err != nil || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
				t.Errorf("got %v, a %s error, notes %q; want %q", err, failure.Of(err), notes, c.note)
			}
		})
	}
}

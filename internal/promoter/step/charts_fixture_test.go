package step

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
)

const severalYAML = `
name: charts
source: {git: "${ORIGIN}"}
charts:
  - path: charts/api
  - path: charts/web
  - {path: charts/base}
  - {path: charts/filed, version: {from: file}}
stages:
  - name: qa
    candidate: {git: "${QA}"}
    verify: {}
  - name: prod
    publish: {git: "${PROD}"}
`

// chartsWorld is a repository with the charts api, web (which depends on the library base) and filed, and no program.
func chartsWorld(t *testing.T, configuration string) *world {
	t.Helper()
	w := emptyWorld(t)
	w.chart("api", "")
	w.chart("web", "dependencies:\n  - {name: base, version: '*', repository: 'file://../base'}\n")
	w.chart("base", "type: library\n")
	w.chart("filed", "")
	w.write("charts/base/templates/cm.yaml", "{{- define \"base.name\" -}}base{{- end -}}\n")
	w.commit("first")
	w.open(configuration)
	return w
}

func (w *world) chart(name, more string) {
	w.t.Helper()
	w.write("charts/"+name+"/Chart.yaml", "apiVersion: v2\nname: "+name+"\nversion: 1.0.0\nappVersion: \"16.2\"\n"+more)
	w.write("charts/"+name+"/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n")
}

// changed are the names of the charts that the commit changes.
func (w *world) changed(since string) string {
	w.t.Helper()
	list, err := w.p.Changed(w.t.Context(), since)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func (w *world) one(name string) *Project {
	w.t.Helper()
	list, err := w.p.Select(w.t.Context(), Selection{Names: []string{name}})
	if err != nil || len(list) != 1 {
		w.t.Fatalf("chart %s: %d projects, %v", name, len(list), err)
	}
	return list[0]
}

func (w *world) versionOf(name string) *VersionResult {
	w.t.Helper()
	v, err := Version(w.t.Context(), w.one(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) released() {
	for _, tag := range []string{"api-1.4.0", "web-2.0.1", "base-0.3.0", "filed-1.0.0"} {
		w.tag(tag)
	}
}

// keys sets the key pair of the stage qa.
func (w *world) keys() {
	w.t.Helper()
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.env["QA_SIGNING_KEY"], w.env["QA_PUBLIC_KEY"] = string(priv), string(pub)
}

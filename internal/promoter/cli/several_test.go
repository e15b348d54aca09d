package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

const severalYAML = `name: shop
source: {git: "${ORIGIN}"}
charts:
  - {path: charts/api, sources: [cmd]}
  - {path: charts/web, sources: [cmd], install: {values: {mode: chart}}}
  - {path: charts/worker, sources: [tools], build: {image: {repository: "${HOST}/worker", package: ./tools/worker}}}
stages:
  - name: dev
    build:
      test: {command: [sh, -c, 'echo built >>"$COUNT"'], env: {COUNT: "${COUNT}"}}
      image: {repository: "${HOST}/shop", package: ./cmd/shop}
  - name: qa
    candidate: {git: "${QA}"}
    verify: {helm: [3]}
  - name: staging
    verify: {helm: [3], cluster: {kubeconfig: {env: STAGING}}, install: {values: {mode: staging}}}
  - name: prod
    publish: {directory: "${PROD}", statusPage: true}
  - name: mirror
    publish: {oci: "oci://${HOST}/charts"}
    key: {env: MIRROR_KEY}
`

// newSeveral is a repository with the charts api and web, which share the image of one program, and worker, which has its own. Two stages
// test them, each in a cluster of its own, and two publish them.
func newSeveral(t *testing.T) *testPipeline {
	t.Helper()
	s := &testPipeline{testRepo: emptyTestRepo(t, "")}
	s.kubeconfig, s.api = newAPIServer(t)
	staging, _ := newAPIServer(t)
	content, err := os.ReadFile(staging)
	if err != nil {
		t.Fatal(err)
	}
	s.empty("directory")
	s.env["STAGING"], s.env["ORIGIN"], s.env["COUNT"] = string(content), s.dir, t.TempDir()+"/count"
	for _, name := range []string{"QA_", "STAGING_", "MIRROR_"} {
		priv, pub, err := attest.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		s.env[name+"SIGNING_KEY"], s.env[name+"PUBLIC_KEY"], s.env[name+"KEY"] = string(priv), string(pub), string(priv)
	}
	s.configure(severalYAML)
	for path, content := range map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.24\n", "cmd/shop/main.go": "package main\n\nfunc main() {}\n", "tools/worker/main.go": "package main\n\nfunc main() {}\n",
		"charts/web/ci/more-values.yaml": "more: true\n", "charts/web/templates/mode.yaml": "{{ if eq .Values.mode \"default\" }}{{ fail \"nobody sets a mode\" }}{{ end }}\n",
	} {
		s.write(path, content)
	}
	for _, name := range []string{"api", "web", "worker"} {
		s.write("charts/"+name+"/Chart.yaml", "apiVersion: v2\nname: "+name+"\nversion: 0.0.1\nappVersion: dev\n")
		s.write("charts/"+name+"/values.yaml", "image: {repository: x, tag: y}\nmode: default\n")
		s.write("charts/"+name+"/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {mode: {{ .Values.mode }}}\n")
	}
	shell(t, s.dir, "git init -q -b main . && "+commitAll)
	return s
}

func TestARunTakesSeveralChartsThroughAllStages(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	head := strings.TrimSpace(shell(t, s.dir, "git tag api-1.4.0 && git tag web-2.0.0 && git tag worker-0.3.0 && git rev-parse --short=7 HEAD"))
	code, out, msg := s.call(s.args("run", "-o", "json")...)
	var results []step.RunResult
	if err := json.Unmarshal([]byte(out), &results); err != nil || code != 0 || len(results) != 3 {
		t.Fatalf("exit %d, %d charts, %v\n%s", code, len(results), err, msg)
	}
	for i, want := range []struct{ chart, version, image string }{
		{"api", "1.4.0", "/shop:" + head}, {"web", "2.0.0", "/shop:" + head}, {"worker", "0.3.0", "/worker:0.3.0"},
	} {
		r := results[i]
		if r.Version.For != want.chart || r.Version.Chart != want.version || !strings.HasPrefix(r.Build.Ref(), s.env["HOST"]+want.image+"@") {
			t.Errorf("%s: version %s, image %s; want %+v", r.Version.For, r.Version.Chart, r.Build.Ref(), want)
		}
		if len(r.VerifiedLater) != 1 || len(r.Promoted) != 2 || len(r.Skipped) != 0 {
			t.Errorf("%s: tested later %d times, promoted %d times, skipped %q", want.chart, len(r.VerifiedLater), len(r.Promoted), r.Skipped)
		}
		s.isPublishedAndTestedTwice(want.chart, want.version)
	}
	if built, err := os.ReadFile(s.env["COUNT"]); err != nil || string(built) != "built\n" {
		t.Errorf("the shared image was built: %q, %v; want once", built, err)
	}
	// The file of values counts in both stages.
	if n := strings.Count(msg, "installed web 2.0.0 with the values of ci/more-values.yaml"); n != 2 {
		t.Errorf("installed with the file of values %d times, want 2:\n%s", n, msg)
	}
	s.statusHasCharts()
}

// isPublishedAndTestedTwice checks both chart repositories: the attestations of both testing stages have gone there.
func (s *testPipeline) isPublishedAndTestedTwice(chart, version string) {
	s.t.Helper()
	for _, cfg := range []publish.Config{s.cfg, {OCI: "oci://" + s.env["HOST"] + "/charts"}} {
		s.cfg = cfg
		envelopes, err := s.target().Attestations(s.t.Context(), chart, version)
		if err != nil {
			s.t.Fatal(err)
		}
		by := map[string]bool{}
		for _, e := range envelopes {
			if v, err := attest.Verify(e, []byte(s.env["QA_PUBLIC_KEY"]), []byte(s.env["STAGING_PUBLIC_KEY"])); err == nil {
				by[v.Stage] = true
			}
		}
		if !by["qa"] || !by["staging"] {
			s.t.Errorf("%s %s has the attestations of %v", chart, version, by)
		}
	}
	s.cfg = publish.Config{Directory: s.env["PROD"]}
}

// statusHasCharts checks the table and the page.
func (s *testPipeline) statusHasCharts() {
	s.t.Helper()
	code, out, msg := s.call(s.args("status")...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 10 || strings.Join(strings.Fields(lines[0])[:3], " ") != "STAGE CHART VERSION" || strings.Join(strings.Fields(lines[2])[:3], " ") != "qa web 2.0.0" {
		s.t.Errorf("status: exit %d\n%s\n%s", code, out, msg)
	}
	page, err := os.ReadFile(filepath.Join(s.env["PROD"], "status.html"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, want := range []string{`<td role="cell" data-label="Chart">worker</td>`, `scope="col">Chart</th>`, `<p class="version">api 1.4.0</p>`, `<p class="version">web 2.0.0</p>`} {
		if !strings.Contains(string(page), want) {
			s.t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
}

func TestWhatALaterStageLeftIsUninstalledByItsNextRun(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	shell(t, s.dir, "git tag api-1.4.0")
	for _, command := range []string{"build", "bump", "verify"} {
		s.must(command, "--chart", "api")
	}
	// The release stays in the cluster of staging, as after a killed run.
	later := []string{"verify", "--stage", "staging", "--chart", "api"}
	if code, _, msg := s.call(append([]string{"--work-dir", s.env["WORK"]}, append(later, "--keep-cluster")...)...); code != 0 {
		t.Fatalf("exit %d\n%s", code, msg)
	}
	s.must("verify", "--chart", "api")
	code, _, msg := s.call(append([]string{"--work-dir", s.env["WORK"]}, later...)...)
	if code != 0 || !strings.Contains(msg, "uninstalling api, which is left from an earlier run") {
		t.Errorf("exit %d\n%s", code, msg)
	}
}

func TestCommandsReportThatNoChartIsChanged(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	shell(t, s.dir, "git tag api-1.4.0 && git tag web-2.0.0 && git tag worker-0.3.0")
	s.write("README.md", "text\n")
	shell(t, s.dir, commitAll)
	for _, command := range []string{"explain", "list-changed", "package"} {
		code, out, msg := s.call(s.args(command)...)
		if code != 0 || out != "" || !strings.Contains(msg, "no chart is changed; --all takes all of them") {
			t.Errorf("%s: exit %d, %q\n%s", command, code, out, msg)
		}
	}
	if code, out, msg := s.call(s.args("explain", "-o", "json")...); code != 0 || strings.TrimSpace(out) != "[]" || !strings.Contains(msg, "no chart is changed") {
		t.Errorf("as JSON: exit %d, %q\n%s", code, out, msg)
	}
}

package step

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// world is a source repository with a small program and its chart, empty repositories for candidates and for the
// published chart, and a registry; all real, all on this machine.
type world struct {
	t                      testing.TB
	p                      *Project
	source                 *gitrepo.Repo
	origin, qa, prod, host string
	env                    map[string]string
	log                    *testtools.Lines
}

const chartYAML = "# A chart.\napiVersion: v2\nname: hello   # its name\nversion: 0.0.0-dev\nappVersion: 'dev'\ndependencies: []\n"
const valuesYAML = "image:\r\n  repository: example.com/hello # where\r\n  tag: \"\"\r\n  digest: ''\r\n# version: 1\r\nother: {tag: x}\r\n"

const pipelineYAML = `
name: hello
source: {git: "${ORIGIN}"}
chart:
  path: charts/hello
  scalars:
    Chart.yaml: {version: chartVersion, appVersion: appVersion}
    values.yaml: {image.repository: imageRepository, image.tag: imageTag, image.digest: imageDigest}
stages:
  - name: dev
    build:
      test: {command: [go, test, -json, ./...], format: go-json}
      image: {repository: "${HOST}/hello", package: ./cmd/hello, platforms: [linux/amd64, linux/arm64]}
  - name: qa
    candidate: {git: "${QA}"}
    verify:
      test: {command: [go, test, -json, ./...], format: go-json}
    key: {env: QA_KEY}
    publicKey: {env: QA_PUB}
  - name: prod
    publish: {git: "${PROD}"}
`

// TestMain keeps the settings of the user out of the tests.
func TestMain(m *testing.M) { os.Exit(testtools.RunWithPrivateHome(m)) }

func newWorld(t testing.TB) *world {
	t.Helper()
	h, err := devserver.Registry(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	w := emptyWorld(t)
	w.host = strings.TrimPrefix(srv.URL, "http://")
	w.write("go.mod", "module example.com/hello\n\ngo 1.24\n")
	w.write("cmd/hello/main.go", "package main\n\nfunc main() { println(\"hello\") }\n")
	w.write("cmd/hello/main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestHello(t *testing.T) { main() }\n")
	w.write("charts/hello/Chart.yaml", chartYAML)
	w.write("charts/hello/values.yaml", valuesYAML)
	w.write("charts/hello/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n")
	w.commit("first")
	w.env["HOST"] = w.host
	w.open(pipelineYAML)
	w.p.Now = func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }
	return w
}

// emptyWorld is a world without files, a registry and a configuration.
func emptyWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, log: &testtools.Lines{}}
	dir := t.TempDir()
	for name, at := range map[string]*string{"origin": &w.origin, "qa": &w.qa, "prod": &w.prod} {
		*at = filepath.Join(dir, name+".git")
		if _, err := gitrepo.Init(t.Context(), *at, "main", true); err != nil {
			t.Fatal(err)
		}
	}
	w.env = map[string]string{"ORIGIN": w.origin, "QA": w.qa, "PROD": w.prod}
	var err error
	if w.source, err = gitrepo.Clone(t.Context(), w.origin, filepath.Join(dir, "source"), gitrepo.CloneOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// open opens the project of a configuration.
func (w *world) open(configuration string) {
	w.t.Helper()
	cfg, err := config.Parse([]byte(configuration), w.getenv)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg.Root = w.source.Dir
	w.p = &Project{
		Config: cfg, Dir: w.source.Dir, Work: workdir.Dir(filepath.Join(filepath.Dir(w.source.Dir), "work")), Env: w.getenv, Report: w.log,
		Now: time.Now, Access: image.Access{Env: w.getenv},
	}
}

func (w *world) getenv(k string) string { return w.env[k] }

func (w *world) write(path, content string) {
	w.t.Helper()
	full := filepath.Join(w.source.Dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// commit commits what was written, with a fixed time, and pushes it.
func (w *world) commit(message string) string {
	w.t.Helper()
	ctx := context.Background()
	if err := w.source.Add(ctx); err != nil {
		w.t.Fatal(err)
	}
	hash, err := w.source.Commit(ctx, message, gitrepo.Author{Name: "A", Email: "a@example.com", When: time.Unix(1700000000, 0)})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.source.Push(ctx, "main"); err != nil {
		w.t.Fatal(err)
	}
	return hash
}

func (w *world) tag(name string) {
	w.t.Helper()
	if err := w.source.Tag(w.t.Context(), name, name, gitrepo.Author{}); err != nil {
		w.t.Fatal(err)
	}
}

// candidate is the QA repository's file.
func (w *world) candidate(path string) string {
	w.t.Helper()
	r := &gitrepo.Repo{Dir: w.qa}
	data, err := r.File(w.t.Context(), "refs/heads/main", path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// candidates is the QA repository's history, newest first.
func (w *world) candidates() []gitrepo.Entry {
	w.t.Helper()
	log, err := (&gitrepo.Repo{Dir: w.qa}).Log(w.t.Context(), "refs/heads/main", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// built builds the program once for one platform.
func (w *world) built() *BuildResult {
	w.t.Helper()
	r, err := Build(w.t.Context(), w.p, BuildOptions{SkipTests: true, Platforms: []string{"linux/amd64"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

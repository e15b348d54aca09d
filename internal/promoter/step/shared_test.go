package step

import (
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

const sharedYAML = `
name: shop
source: {git: "${ORIGIN}"}
charts:
  - {path: charts/api, sources: [cmd]}
  - {path: charts/web, sources: [cmd]}
stages:
  - name: dev
    build:
      test: {command: [sh, -c, 'echo built >>"$COUNT"'], env: {COUNT: "${COUNT}"}}
      image: {repository: "${HOST}/shop", package: ./cmd/hello}
      files: {command: {command: [sh, -c, 'echo "$VERSION" >version.txt']}, paths: [version.txt]}
  - name: qa
    candidate: {git: "${QA}"}
    verify: {}
  - name: prod
    publish: {git: "${PROD}"}
`

// sharedWorld is a repository with the charts api and web, which run the image of one program.
func sharedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, name := range []string{"api", "web"} {
		w.chart(name, "")
		w.write("charts/"+name+"/values.yaml", "image: {repository: x, tag: y, digest: z}\n")
	}
	w.commit("charts")
	w.env["COUNT"] = t.TempDir() + "/count"
	w.configure(sharedYAML)
	return w
}

// configure replaces the configuration.
func (w *world) configure(text string) {
	w.t.Helper()
	cfg, err := config.Parse([]byte(text), w.getenv)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg.Root = w.source.Dir
	w.p.Config, w.p.Access.Pushes = cfg, cfg.Pushes()
}

// forAll runs a step for each chart, as a command does.
func (w *world) forAll(do func(*Project)) {
	w.t.Helper()
	charts, err := w.p.Select(w.t.Context(), Selection{All: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range charts {
		do(p)
	}
}

func TestWhatSeveralChartsShareIsBuiltOnceWithTheVersionOfTheProgram(t *testing.T) {
	t.Parallel()
	w := sharedWorld(t)
	w.tag("v0.9.0")
	w.tag("web-3.0.0")
	w.write("cmd/hello/main.go", "package main\n\nfunc main() { println(\"more\") }\n")
	head := w.commit("feat: more")
	w.tag("api-1.4.0")
	var refs []string
	begun := 0
	w.forAll(func(p *Project) {
		p.mayBegin = func() { begun++ }
		b, err := Build(t.Context(), p, BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if b.Tag != head[:7] || b.Latest || b.Version.Release {
			t.Errorf("%s: image %s of version %+v, latest %v; want the development build of the program", p.Config.Label(), b.Ref(), b.Version, b.Latest)
		}
		refs = append(refs, b.Ref())
	})
	if begun != 2 {
		t.Errorf("after the unit tests %d clusters may be begun, want one for each chart", begun)
	}
	if refs[0] != refs[1] {
		t.Errorf("the charts have the images %s", strings.Join(refs, " and "))
	}
	if built, err := os.ReadFile(w.env["COUNT"]); err != nil || string(built) != "built\n" {
		t.Errorf("built: %q, %v; want once", built, err)
	}
	files, _, err := w.p.Access.Files(t.Context(), w.host+"/shop:"+head[:7]+"-files")
	if err != nil || len(files) != 1 {
		t.Fatalf("files: %v, %v", files, err)
	}
	content, err := w.p.Access.ReadFile(t.Context(), w.host+"/shop:"+head[:7]+"-files", files[0])
	if want := "0.9.1-dev.1.g" + head[:7] + "\n"; err != nil || string(content) != want {
		t.Errorf("the build's version is %q, %v; want %q", content, err, want)
	}
	w.forAll(func(p *Project) {
		if _, err := Bump(t.Context(), p); err != nil {
			t.Error(err)
		}
	})
	for chart, version := range map[string]string{"api": "1.4.0", "web": "3.0.1-dev.1.g" + head[:7]} {
		if got := w.candidate(chart + "/Chart.yaml"); !strings.Contains(got, "version: "+version+"\n") || !strings.Contains(got, head[:7]) {
			t.Errorf("the candidate of %s is\n%s", chart, got)
		}
		if got := w.candidate(chart + "/values.yaml"); !strings.Contains(got, head[:7]) || !strings.Contains(got, "sha256:") {
			t.Errorf("%s has the values\n%s", chart, got)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

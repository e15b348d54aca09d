package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
)

func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return string(out)
}

// testRepo is a source repository in its directory, with a configuration and all that the configuration names.
type testRepo struct {
	t        *testing.T
	dir      string
	registry string // where the registry keeps its images
	env      map[string]string
}

const pipelineYAML = `name: hello
chart:
  path: chart
  scalars:
    Chart.yaml: {version: chartVersion, appVersion: appVersion}
    values.yaml: {image.tag: imageTag}
stages:
  - name: dev
    build:
      image: {repository: "${HOST}/hello", package: ./cmd/hello, platforms: [linux/amd64]}
  - name: qa
    candidate: {git: "${QA}"}
    verify: {test: {command: [go, test, ./...]}}
    key: {env: QA_KEY}
    publicKey: {env: QA_PUB}
  - name: prod
    publish: {directory: "${PROD}"}
`

func newTestRepo(t *testing.T) *testRepo {
	t.Helper()
	p := emptyTestRepo(t, "")
	p.fill()
	return p
}

// emptyTestRepo has no source yet. Its registry starts with the files of the directory images, if that is set.
func emptyTestRepo(t *testing.T, images string) *testRepo {
	t.Helper()
	kept := t.TempDir()
	if images != "" {
		shell(t, kept, "cp -a "+images+"/. .")
	}
	registry, err := devserver.Registry(kept, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(registry)
	t.Cleanup(srv.Close)
	base := t.TempDir()
	return &testRepo{t: t, dir: base + "/source", registry: kept, env: map[string]string{
		"HOST": strings.TrimPrefix(srv.URL, "http://"), "QA": base + "/qa.git", "PROD": base + "/prod",
	}}
}

// fill writes a program and its chart, and commits them.
func (p *testRepo) fill() {
	p.t.Helper()
	for path, content := range map[string]string{
		"ci/pipeline.yaml": pipelineYAML, "go.mod": "module example.com/hello\n\ngo 1.24\n", "cmd/hello/main.go": "package main\n\nfunc main() {}\n",
		"chart/Chart.yaml": "apiVersion: v2\nname: hello\nversion: 0.0.1\nappVersion: dev\n", "chart/values.yaml": "image: {tag: x}\n",
		".gitignore": "dist\n",
	} {
		p.write(path, content)
	}
	shell(p.t, p.dir, "git init -q -b main . && git init -q --bare -b main "+filepath.Dir(p.dir)+"/qa.git && "+commitAll)
}

const commitAll = "git add -A && git -c user.name=a -c user.email=a@localhost commit -qm change"

func (p *testRepo) write(path, content string) {
	p.t.Helper()
	full := filepath.Join(p.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// call runs one command as the shell would.
func (p *testRepo) call(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{"--config", p.dir + "/ci/pipeline.yaml", "--work-dir", p.dir + "/dist"}, args...)
	code = Main(p.t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errOut}, func(k string) string { return p.env[k] })
	return code, out.String(), errOut.String()
}

func TestErrorsHaveTheirExitCodes(t *testing.T) { //nolint:funlen // a table of cases
	t.Parallel()
	rejecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer rejecting.Close()
	for name, c := range map[string]struct {
		prepare func(*testRepo)
		args    []string
		code    int
		words   string
	}{
		"an unknown command":              {nil, []string{"promot"}, 2, "unknown command"},
		"an unknown flag":                 {nil, []string{"version", "--fast"}, 2, "--fast"},
		"too many arguments":              {nil, []string{"version", "now"}, 2, "unknown command"},
		"an unknown output":               {nil, []string{"version", "-o", "xml"}, 2, "text or json"},
		"no configuration":                {func(p *testRepo) { _ = os.Remove(p.dir + "/ci/pipeline.yaml") }, []string{"version"}, 2, "write one with chart-promoter init, or name another file with --config"},
		"a misspelt field":                {func(p *testRepo) { p.write("ci/pipeline.yaml", strings.Replace(pipelineYAML, "scalars", "scalar", 1)) }, []string{"version"}, 2, `unknown field "scalar"`},
		"a dirty tree":                    {func(p *testRepo) { p.write("go.mod", "module example.com/other\n") }, []string{"version"}, 2, "commit or stash"},
		"a shallow clone":                 {shallow, []string{"version"}, 2, "--unshallow"},
		"no git repository":               {func(p *testRepo) { _ = os.RemoveAll(p.dir + "/.git"); p.env["GIT_CEILING_DIRECTORIES"] = "/" }, []string{"version"}, 2, "not a git repository"},
		"a program that does not compile": {func(p *testRepo) { p.commit("cmd/hello/main.go", "package main\nfunc main() { x }\n") }, []string{"build"}, 3, "undefined: x"},
		"a registry that is missing":      {func(p *testRepo) { p.env["HOST"] = "127.0.0.1:1" }, []string{"build"}, 5, "check its address"},
		"wrong credentials of a registry": {func(p *testRepo) { p.env["HOST"] = strings.TrimPrefix(rejecting.URL, "http://") }, []string{"build"}, 5, "docker login"},
		"an image that was never built":   {nil, []string{"bump"}, 5, "run build first"},
		"a QA repository that is missing": {func(p *testRepo) { p.call("build"); p.env["QA"] = "/no/such.git" }, []string{"bump"}, 5, "check the address"},
		"wrong credentials of QA":         {func(p *testRepo) { p.call("build"); p.env["QA"] = rejecting.URL + "/qa.git" }, []string{"bump"}, 5, "token"},
		"a malformed Chart.yaml":          {func(p *testRepo) { p.commit("chart/Chart.yaml", "a: [\n"); p.call("build") }, []string{"bump"}, 2, "Chart.yaml"},
		"no Chart.yaml": {func(p *testRepo) {
			_ = os.Remove(p.dir + "/chart/Chart.yaml")
			shell(p.t, p.dir, commitAll)
			p.call("build")
		}, []string{"bump"}, 2, "Chart.yaml"},
		"a values path that is missing":      {func(p *testRepo) { p.commit("chart/values.yaml", "image: {}\n"); p.call("build") }, []string{"bump"}, 2, "image.tag"},
		"no key to sign with":                {nil, []string{"verify"}, 2, "QA_KEY"},
		"a candidate that was never created": {func(p *testRepo) { p.key() }, []string{"verify"}, 2, "Chart.yaml"},
		"nothing verified to promote":        {nil, []string{"promote"}, 2, "run verify first"},
		"a stage that does not exist":        {nil, []string{"promote", "--stage", "moon"}, 2, "moon"},
		"a package that is missing":          {nil, []string{"promote", "--package", "/no/such.tgz"}, 2, "no such file"},
		"an unknown part of a version":       {nil, []string{"release", "huge"}, 2, "huge"},
		"a tag that is not a version":        {nil, []string{"release", "--version", "nice"}, 2, "nice"},
		"an approval without a name":         {nil, []string{"approve"}, 2, "--by"},
		"a key that would be overwritten":    {func(p *testRepo) { p.write("k.key", "old") }, []string{"keygen", "KEY"}, 2, "another name"},
		"a registry on all addresses":        {nil, []string{"serve", "--listen", "0.0.0.0:0"}, 2, "loopback"},
		"a version that was never published": {nil, []string{"yank", "hello", "9.9.9"}, 2, "no hello 9.9.9"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestRepo(t)
			qa := p.env["QA"]
			if c.prepare != nil {
				c.prepare(p)
			}
			for i, a := range c.args {
				c.args[i] = strings.Replace(a, "KEY", p.dir+"/k", 1)
			}
			code, out, msg := p.call(c.args...)
			if code != c.code || !strings.Contains(msg, c.words) || out != "" {
				t.Errorf("exit %d, stdout %q, stderr:\n%s\nwant exit %d with %q", code, out, msg, c.code, c.words)
			}
			if log := shell(t, qa, "git log --oneline --all 2>/dev/null | wc -l"); strings.TrimSpace(log) != "0" {
				t.Errorf("the QA repository has %s commits", log)
			}
			if _, err := os.Stat(p.env["PROD"] + "/index.yaml"); err == nil {
				t.Error("something was published")
			}
		})
	}
}

func (p *testRepo) commit(path, content string) {
	p.t.Helper()
	p.write(path, content)
	shell(p.t, p.dir, commitAll)
}

func (p *testRepo) key() {
	p.t.Helper()
	if code, _, msg := p.call("keygen", p.dir+"/dist/qa"); code != 0 {
		p.t.Fatal(msg)
	}
	p.readKey()
}

func (p *testRepo) readKey() {
	p.t.Helper()
	for env, file := range map[string]string{"QA_KEY": "qa.key", "QA_PUB": "qa.pub"} {
		data, err := os.ReadFile(p.dir + "/dist/" + file)
		if err != nil {
			p.t.Fatal(err)
		}
		p.env[env] = string(data)
	}
}

func shallow(p *testRepo) {
	p.commit("more", "x")
	shell(p.t, filepath.Dir(p.dir), "git clone -q --depth 1 file://"+p.dir+" shallow")
	p.dir = filepath.Dir(p.dir) + "/shallow"
}

func TestDevOfTheTravisFileRunsWithTravisVariables(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	head := strings.TrimSpace(shell(t, p.dir, "git rev-parse HEAD"))
	for k, v := range map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "false", "TRAVIS_SECURE_ENV_VARS": "true"} {
		p.env[k] = v
	}
	code, out, msg := p.call("explain")
	if code != 0 || !strings.Contains(out, "engine: travis") || !strings.Contains(out, "chart-promoter promote --stage prod --skip-unreleased") || !strings.Contains(out, "which prod does not accept") {
		t.Errorf("explain: %d %s\n%s", code, msg, out)
	}
	for _, step := range []string{"build", "bump"} {
		code, out, msg := p.call("-o", "json", step)
		if code != 0 || !json.Valid([]byte(out)) {
			t.Fatalf("%s: exit %d\n%s\n%s", step, code, out, msg)
		}
	}
	if got := shell(t, p.env["QA"], "git show main:chart/Chart.yaml"); !strings.Contains(got, "appVersion: \""+head[:7]+"\"") && !strings.Contains(got, "appVersion: "+head[:7]) {
		t.Errorf("the candidate is\n%s", got)
	}
}

func TestReleaseTagsTheNextVersion(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	origin := filepath.Dir(p.dir) + "/origin.git"
	shell(t, p.dir, "git init -q --bare "+origin+" && git remote add origin "+origin)
	for _, c := range []struct{ message, want string }{{"fix: first", "0.0.1"}, {"feat: more", "0.1.0"}, {"feat!: other", "0.2.0"}} {
		p.write("x", c.message)
		shell(t, p.dir, "git add -A && git -c user.name=a -c user.email=a@localhost commit -qm '"+c.message+"' && git push -q origin HEAD:main")
		if code, out, msg := p.call("release", "--dry-run"); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("dry run: %d %s %s", code, out, msg)
		}
		if code, out, msg := p.call("release"); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("after %q: %d %s %s, want %s", c.message, code, out, msg, c.want)
		}
		if got := shell(t, origin, "git tag --points-at "+strings.TrimSpace(shell(t, p.dir, "git rev-parse HEAD"))); strings.TrimSpace(got) != c.want {
			t.Errorf("the remote has the tag %q, want %q", got, c.want)
		}
	}
	if code, _, msg := p.call("release"); code != 2 || !strings.Contains(msg, "already has the tag 0.2.0") {
		t.Errorf("twice on one commit: %d %s", code, msg)
	}
}

func TestAReleaseThatCannotBePushedLeavesNoTag(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	origin := filepath.Dir(p.dir) + "/origin.git"
	shell(t, p.dir, "git remote add origin "+origin)
	if code, _, msg := p.call("release"); code != 5 || !strings.Contains(msg, "check the address") {
		t.Errorf("without the remote: %d %s", code, msg)
	}
	if tags := shell(t, p.dir, "git tag"); tags != "" {
		t.Errorf("it left the tag %s", tags)
	}
	shell(t, p.dir, "git init -q --bare "+origin+" && git push -q origin HEAD:main")
	if code, out, msg := p.call("release"); code != 0 || !strings.Contains(out, "pushed:  yes") {
		t.Errorf("again, with the remote: %d %s %s", code, out, msg)
	}
}

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// foreign is a testRepo without a configuration, which is what init writes.
func foreign(t *testing.T, origin string) *testRepo {
	t.Helper()
	p := newTestRepo(t)
	shell(t, p.dir, "git rm -q ci/pipeline.yaml && git remote add origin "+origin)
	p.write("chart/values.yaml", "image: {repository: x, tag: y}\n")
	return p
}

// withoutTool removes the command that builds the tool itself from its repository.
var withoutTool = strings.NewReplacer(
	"git clone --quiet --filter=blob:none https://github.com/christianb93/bitcoin-controller.git /tmp/chart-promoter", "",
	"go install -C /tmp/chart-promoter ./cmd/chart-promoter", "")

func TestInitWritesFilesWhoseStepsAreCommandsThatExist(t *testing.T) {
	t.Parallel()
	for engine, paths := range map[string][2]string{
		"travis": {".travis.yml", "ci/travis/qa.travis.yml"}, "github": {".github/workflows/dev.yaml", "ci/github/qa.yaml"}, "gitlab": {".gitlab-ci.yml", "ci/gitlab/qa.gitlab-ci.yml"},
	} {
		for flag, dev := range map[string][]string{"--no-build": {"package", "bump"}, "--no-build=false": {"build", "package", "bump"}} {
			for _, config := range []string{"ci/pipeline.yaml", "release/way.yaml"} {
				t.Run(engine+flag+config, func(t *testing.T) {
					p := foreign(t, "https://github.com/o/hello.git")
					code, out, msg := p.call("--config", p.dir+"/"+config, "init", "--ci", engine, flag)
					if code != 0 || !strings.Contains(out, config+": written") || !strings.Contains(msg, "chart-promoter explain") || !strings.Contains(msg, "keygen") {
						t.Fatalf("exit %d\n%s\n%s", code, out, msg)
					}
					for i, want := range [][]string{dev, {"verify", "promote"}} {
						data, err := os.ReadFile(filepath.Join(p.dir, paths[i]))
						if err != nil {
							t.Fatal(err)
						}
						checkFile(t, data, want)
						if named := strings.Contains(string(data), config); named != (i == 1 || config != "ci/pipeline.yaml") {
							t.Errorf("%s names the configuration: %v", paths[i], named)
						}
						if text := withoutTool.Replace(string(data)); strings.Contains(text, "bitcoin-controller.git") || strings.Contains(text, "./cmd/") {
							t.Errorf("%s names another repository:\n%s", paths[i], data)
						}
					}
					if code, out, msg := p.call("--config", p.dir+"/"+config, "explain"); code != 0 || !strings.Contains(msg, "uncommitted changes") {
						t.Errorf("explain before a commit: %d %s %s", code, out, msg)
					}
					shell(t, p.dir, commitAll)
					if code, out, msg := p.call("--config", p.dir+"/"+config, "explain"); code != 0 || !strings.Contains(out, "the chart's own tests") {
						t.Errorf("explain: %d %s %s", code, out, msg)
					}
				})
			}
		}
	}
}

func TestInitAgainWritesNothingAndOverwritesNothing(t *testing.T) {
	t.Parallel()
	p := foreign(t, "git@gitlab.com:o/hello.git")
	files := []string{"ci/pipeline.yaml", ".gitlab-ci.yml", "ci/gitlab/qa.gitlab-ci.yml"}
	must := func(args ...string) string {
		t.Helper()
		code, out, msg := p.call(args...)
		if code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, code, msg)
		}
		return out
	}
	if out := must("init", "--dry-run"); !strings.Contains(out, "==> .gitlab-ci.yml") || !strings.Contains(out, "registry.gitlab.com/o/hello") {
		t.Errorf("a dry run shows\n%s", out)
	}
	if left := shell(t, p.dir, "git status --porcelain --untracked-files=all | grep '^??' || true"); left != "" {
		t.Errorf("a dry run leaves\n%s", left)
	}
	must("init")
	before := shell(t, p.dir, "ls -li --time-style=full-iso "+strings.Join(files, " "))
	var res struct {
		Engine string
		Files  []struct{ Path, State, Content string }
		Next   []string
	}
	if err := json.Unmarshal([]byte(must("-o", "json", "init")), &res); err != nil {
		t.Fatal(err)
	}
	if res.Engine != "gitlab" || len(res.Files) != 3 || res.Files[2].State != "exists" || res.Files[2].Content != "" || len(res.Next) < 5 {
		t.Errorf("again: %+v", res)
	}
	if after := shell(t, p.dir, "ls -li --time-style=full-iso "+strings.Join(files, " ")); after != before {
		t.Errorf("files were\n%s\nand are\n%s", before, after)
	}

	own := strings.Replace(shell(t, p.dir, "cat ci/pipeline.yaml"), "name: prod", "name: live", 1)
	p.write("ci/pipeline.yaml", own)
	if code, out, msg := p.call("init"); code != 2 || out != "" || !strings.Contains(msg, "ci/pipeline.yaml exists with other content") {
		t.Errorf("an edited configuration: %d %s %s", code, out, msg)
	}
	if out := must("init", "--force"); !strings.Contains(out, ".gitlab-ci.yml: exists") || !strings.Contains(out, "qa.gitlab-ci.yml: replaced") {
		t.Errorf("by force:\n%s", out)
	}
	if got := shell(t, p.dir, "cat ci/pipeline.yaml"); got != own {
		t.Errorf("the configuration became\n%s", got)
	}
	if got := shell(t, p.dir, "cat ci/gitlab/qa.gitlab-ci.yml"); !strings.Contains(got, "--stage live") {
		t.Errorf("CI does not promote to the stage of the configuration:\n%s", got)
	}
}

func TestInitReportsWhatItCannotUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*testRepo)
		args    []string
		words   string
	}{
		"no git repository":          {func(p *testRepo) { shell(t, p.dir, "rm -rf .git") }, nil, "not a git repository"},
		"a chart without appVersion": {func(p *testRepo) { p.write("chart/Chart.yaml", "apiVersion: v2\nname: hello\nversion: 0.0.1\n") }, nil, "appVersion"},
		"a broken Chart.yaml":        {func(p *testRepo) { p.write("chart/Chart.yaml", "a: [\n") }, nil, "Chart.yaml"},
		"a chart that is missing":    {nil, []string{"--chart", "nowhere"}, "found: chart"},
		"no place for the image":     {func(p *testRepo) { p.write("chart/values.yaml", "image: {repository: x}\n") }, nil, "image.tag"},
		"values that cannot be read": {func(p *testRepo) { p.write("chart/values.yaml", "image: [\n") }, nil, "values.yaml"},
		"an unknown engine":          {nil, []string{"--ci", "no-such-engine"}, "travis, github, gitlab, or none"},
		"a build that is not wanted": {nil, []string{"--no-build", "--package", "cmd/hello"}, "no-build"},
		"a configuration outside":    {nil, []string{"--config", "/tmp/elsewhere.yaml", "-C", "DIR"}, "is outside the repository"},
		"a broken configuration":     {func(p *testRepo) { p.write("ci/pipeline.yaml", "name: [") }, []string{"--force"}, "ci/pipeline.yaml"},
		"a file that is in the way":  {func(p *testRepo) { p.write(".github/workflows/dev.yaml", "theirs") }, nil, "dev.yaml exists with other content"},
	} {
		t.Run(name, func(t *testing.T) {
			p := foreign(t, "https://github.com/o/hello.git")
			p.env["GIT_CEILING_DIRECTORIES"] = "/"
			if c.prepare != nil {
				c.prepare(p)
			}
			for i, a := range c.args {
				c.args[i] = strings.Replace(a, "DIR", p.dir, 1)
			}
			before := shell(t, p.dir, "find . -path ./.git -prune -o -type f -exec cksum {} + | sort")
			code, out, msg := p.call(append([]string{"init"}, c.args...)...)
			if code != 2 || out != "" || !strings.Contains(msg, c.words) || strings.Count(msg, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr:\n%s\nwant exit 2 with %q", code, out, msg, c.words)
			}
			if after := shell(t, p.dir, "find . -path ./.git -prune -o -type f -exec cksum {} + | sort"); after != before {
				t.Errorf("files were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// The job of a pull request checks what chart-testing would: the version, the linters, and that the chart can be rendered.
func TestThePullRequestOfAChartAloneIsChecked(t *testing.T) {
	t.Parallel()
	p := foreign(t, "https://github.com/o/hello.git")
	p.write("ct.yaml", "chart-dirs: [.]\n")
	if code, _, msg := p.call("init", "--no-build"); code != 0 {
		t.Fatal(msg)
	}
	shell(t, p.dir, commitAll+" && git update-ref refs/remotes/origin/main HEAD")
	chart := shell(t, p.dir, "cat chart/Chart.yaml")
	for _, c := range []struct {
		file, content string
		code          int
		words         string
	}{
		{"README.md", "a", 0, ""},
		{"chart/values.yaml", "image: {repository: x, tag: z}\n", 2, "the chart was changed without a higher version"},
		{"chart/Chart.yaml", strings.Replace(chart, "0.0.1", "0.0.2", 1), 0, ""},
		{"chart/templates/a.yaml", "{{ .Values.a.b.c }}", 2, "[ERROR] templates/"},
		{"chart/templates/a.yaml", "{{ required \"set name\" .Values.name }}", 2, "set name"},
	} {
		p.write(c.file, c.content)
		shell(t, p.dir, commitAll)
		if code, out, msg := p.call("package", "--since", "origin/main"); code != c.code || !strings.Contains(msg, c.words) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.file, code, c.code, c.words, out, msg)
		}
	}
}

// With the files of init a commit becomes a candidate, except in a GitLab pipeline of a fork.
func TestFilesOfInitTakeACommitToQA(t *testing.T) {
	t.Parallel()
	p := foreign(t, filepath.Join(t.TempDir(), "origin.git"))
	if code, _, msg := p.call("init", "--ci", "none", "--image", p.env["HOST"]+"/hello", "--qa", p.env["QA"]); code != 0 {
		t.Fatal(msg)
	}
	shell(t, p.dir, commitAll)
	p.env["GITLAB_CI"], p.env["CHART_PROMOTER_FORK"] = "true", "true"
	for step, words := range map[string]string{"build": "fork", "bump": "fork"} {
		if code, out, msg := p.call(step); code != 0 || !strings.Contains(out+msg, words) {
			t.Errorf("%s in a fork: %d %s%s", step, code, out, msg)
		}
	}
	if log := shell(t, p.env["QA"], "git log --oneline --all 2>/dev/null | wc -l"); strings.TrimSpace(log) != "0" {
		t.Fatalf("a fork pushed %s", log)
	}
	p.env["CHART_PROMOTER_FORK"] = ""
	for _, step := range []string{"build", "bump"} {
		if code, _, msg := p.call(step); code != 0 {
			t.Fatalf("%s: %d %s", step, code, msg)
		}
	}
	r := gitrepo.Repo{Dir: p.env["QA"]}
	values, err := r.File(t.Context(), "main", "chart/values.yaml")
	if err != nil || !strings.Contains(string(values), p.env["HOST"]+"/hello") {
		t.Errorf("%v, the candidate's values are\n%s", err, values)
	}
}

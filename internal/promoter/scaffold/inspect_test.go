package scaffold

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

const (
	goodChart = "apiVersion: v2\nname: hello\nversion: 0.1.0\nappVersion: \"1\"\n"
	mainGo    = "package main\n\nfunc main() {}\n"
)

// repository is a work tree with these files and an origin.
func repository(t *testing.T, origin string, files map[string]string) *gitrepo.Repo {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	r, err := gitrepo.Init(t.Context(), t.TempDir(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := atomicfile.WriteMkdir(r.Dir+"/"+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if origin != "" {
		if out, err := exec.Command("git", "-C", r.Dir, "remote", "add", "origin", origin).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	return r
}

const github = "git@github.com:Some/Hello.git"

// inspected is a repository that differs from that of helloFacts, and what Inspect finds in it.
type inspected struct {
	origin string
	change map[string]string // "" removes a file
	choice Choices
	want   func(Facts) Facts
}

// helloFacts are those of the repository with nothing changed, and those of its chart without a program.
func helloFacts() (want, alone Facts) {
	want = Facts{
		Name: "hello", Source: "https://github.com/Some/Hello.git", Candidates: "https://github.com/Some/Hello-helm-qa.git", Prod: "https://github.com/Some/Hello-helm.git",
		Chart: "charts/hello", Package: "./cmd/hello", Image: "ghcr.io/some/hello", UnitTests: true,
	}
	alone = want
	alone.Package, alone.Image, alone.UnitTests = "", "", false
	return want, alone
}

func inspectEach(t *testing.T, cases map[string]inspected) {
	t.Helper()
	base := map[string]string{"charts/hello/Chart.yaml": goodChart, "go.mod": "module x\n", "cmd/hello/main.go": mainGo, "pkg/a/a_test.go": "package a\n"}
	want, _ := helloFacts()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Inspect(t.Context(), repository(t, c.origin, with(base, c.change)), c.choice)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want(want), got); d != "" {
				t.Errorf("facts (-want +got):\n%s", d)
			}
		})
	}
}

func TestInspectReadsTheFilesOfChartTestingAndChartReleaser(t *testing.T) {
	want, alone := helloFacts()
	inspectEach(t, map[string]inspected{
		"a chart that chart-testing knows": {github, map[string]string{"ct.yaml": "chart-dirs: [charts]\nexcluded-charts: [old]\n", "charts/old/Chart.yaml": goodChart, "go.mod": "", "charts/hello/Chart.yaml": "apiVersion: v2\nname: hello\nversion: 0.1.0\n"}, Choices{}, func(Facts) Facts {
			f := alone
			f.VersionInFile = true
			return f
		}},
		"the chart of a program that chart-testing knows": {github, map[string]string{".github/ct.yaml": "chart-dirs: [charts]\n"}, Choices{}, func(Facts) Facts { return want }},
		"a chart that chart-releaser publishes": {github, map[string]string{"cr.yaml": "charts-repo: https://some.github.io/hello\n", "go.mod": ""}, Choices{}, func(Facts) Facts {
			f := alone
			f.VersionInFile, f.Prod, f.ProdBranch, f.ProdURL = true, f.Source, "gh-pages", "https://some.github.io/hello"
			return f
		}},
	})
}

func TestInspectFindsChartProgramAndAddresses(t *testing.T) {
	want, alone := helloFacts()
	inspectEach(t, map[string]inspected{
		"all of it": {github, nil, Choices{}, func(Facts) Facts { return want }},
		"dependencies are no charts of their own": {github, map[string]string{
			"charts/hello/charts/dep/Chart.yaml": strings.Replace(goodChart, "hello", "dep", 1), "charts/hello/Chart.yaml": goodChart + "dependencies: [{name: dep, version: 0.1.0}]\n", "charts/lib/Chart.yaml": goodChart + "type: library\n", "pkg/testdata/c/Chart.yaml": goodChart,
			".gitignore": "dist\n", "dist/source/charts/hello/Chart.yaml": goodChart,
		}, Choices{}, func(Facts) Facts { return want }},
		"the chart that was named": {github, map[string]string{"other/Chart.yaml": strings.Replace(goodChart, "hello", "Other.1", 1)}, Choices{Chart: "./other/"}, func(f Facts) Facts {
			f.Name, f.Chart = "other-1", "other"
			return f
		}},
		"a chart at the top": {github, map[string]string{"charts/hello/Chart.yaml": "", "Chart.yaml": goodChart}, Choices{}, func(f Facts) Facts {
			f.Chart = "."
			return f
		}},
		"no build is wanted":                           {github, nil, Choices{NoBuild: true}, func(Facts) Facts { return alone }},
		"no Go module":                                 {github, map[string]string{"go.mod": ""}, Choices{}, func(Facts) Facts { return alone }},
		"no program in the module":                     {github, map[string]string{"cmd/hello/main.go": "package hello\n"}, Choices{}, func(Facts) Facts { return alone }},
		"a generator is no program":                    {github, map[string]string{"gen.go": "//go:build ignore\n\npackage main\n\nfunc main() {}\n"}, Choices{}, func(Facts) Facts { return want }},
		"the program that was named":                   {github, map[string]string{"cmd/two/main.go": mainGo, "tools/x/main.go": mainGo}, Choices{Package: "./tools/x"}, func(f Facts) Facts { f.Package = "./tools/x"; return f }},
		"a chart repository in a branch of the source": {github, nil, Choices{Prod: "git@github.com:some/hello.git"}, func(f Facts) Facts { f.Prod, f.ProdBranch = "git@github.com:some/hello.git", "gh-pages"; return f }},
		"a chart repository beside the candidates":     {github, nil, Choices{Candidates: "/srv/a.git", Prod: "/srv/a"}, func(f Facts) Facts { f.Candidates, f.Prod, f.ProdBranch = "/srv/a.git", "/srv/a", "gh-pages"; return f }},
		"a program at the top":                         {github, map[string]string{"cmd/hello/main.go": "", "main.go": mainGo}, Choices{}, func(f Facts) Facts { f.Package = "."; return f }},
		"a program that only Linux has":                {github, map[string]string{"cmd/hello/main.go": "//go:build linux\n\n" + mainGo}, Choices{}, func(Facts) Facts { return want }},
		"no tests":                                     {github, map[string]string{"pkg/a/a_test.go": ""}, Choices{}, func(f Facts) Facts { f.UnitTests = false; return f }},
		"a password in the origin is not kept":         {"https://me:secret@github.com/Some/Hello", nil, Choices{}, func(Facts) Facts { return want }},
		"a repository on this machine": {"/srv/hello.git", nil, Choices{Image: "localhost:5000/hello", Prod: "/srv/prod.git"}, func(f Facts) Facts {
			f.Source, f.Candidates, f.Prod, f.Image = "/srv/hello.git", "/srv/hello-helm-qa.git", "/srv/prod.git", "localhost:5000/hello"
			return f
		}},
		"no origin, and an address that was given": {"", nil, Choices{Source: "https://gitlab.com/Some/Hello.git", Candidates: "https://gitlab.com/q.git"}, func(f Facts) Facts {
			f.Source, f.Candidates, f.Prod, f.Image = "https://gitlab.com/Some/Hello.git", "https://gitlab.com/q.git", "https://gitlab.com/Some/Hello-helm.git", "registry.gitlab.com/some/hello"
			return f
		}},
	})
}

// with returns the files with others added, replaced or removed.
func with(files, change map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{files, change} {
		for k, v := range m {
			if all[k] = v; v == "" {
				delete(all, k)
			}
		}
	}
	return all
}

func TestInspectReportsWhatIsMissingInOneSentence(t *testing.T) {
	base := map[string]string{"charts/hello/Chart.yaml": goodChart, "go.mod": "module x\n", "cmd/hello/main.go": mainGo}
	const github = "https://github.com/o/hello.git"
	for name, c := range map[string]struct {
		origin string
		change map[string]string
		choice Choices
		want   string
	}{
		"no chart":                    {github, map[string]string{"charts/hello/Chart.yaml": ""}, Choices{}, "helm create"},
		"a missing chart":             {github, nil, Choices{Chart: "charts/b"}, "found: charts/hello"},
		"a chart outside":             {github, nil, Choices{Chart: "../x"}, "outside"},
		"a broken Chart.yaml":         {github, map[string]string{"charts/hello/Chart.yaml": "name: [\n"}, Choices{}, "Chart.yaml"},
		"a chart without a name":      {github, map[string]string{"charts/hello/Chart.yaml": "apiVersion: v2\nversion: 1.0.0\n"}, Choices{}, "names the chart"},
		"a chart without appVersion":  {github, map[string]string{"charts/hello/Chart.yaml": "apiVersion: v2\nname: hello\nversion: 0.1.0\n"}, Choices{}, "add the line `appVersion:"},
		"a chart that verify rejects": {github, map[string]string{"charts/hello/templates/x.yaml": "a: {{ .Values.a.b.c }}\n"}, Choices{}, "[ERROR]"},
		"a dependency not locked":     {github, map[string]string{"charts/hello/Chart.yaml": goodChart + "dependencies:\n- {name: dep, version: ^1.0.0, repository: \"https://charts.example.com\"}\n"}, Choices{}, "helm dependency update"},
		"two programs":                {github, map[string]string{"cmd/b/main.go": mainGo}, Choices{}, "cmd/b, cmd/hello; select the Go main package with --package"},
		"a program not there":         {github, nil, Choices{Package: "./cmd/x"}, "found: cmd/hello"},
		"a template without a value":  {github, map[string]string{"charts/hello/templates/x.yaml": "a: {{ .Values.a.b.c }}\n"}, Choices{}, "if it requires values, set them in a file of the chart such as ci/test-values.yaml"},
		"values that verify rejects":  {github, map[string]string{"charts/hello/templates/x.yaml": "a: {{ .Values.a.b.c }}\n", "charts/hello/ci/a-values.yaml": "a: 1\n"}, Choices{}, "with the values of ci/a-values.yaml"},
		"other charts below a chart":  {github, map[string]string{"charts/hello/charts/web/Chart.yaml": strings.Replace(goodChart, "hello", "web", 1)}, Choices{}, "charts/web/: these are no dependencies of the chart"},
		"a broken ct.yaml":            {github, map[string]string{"ct.yaml": "chart-dirs: ["}, Choices{}, "ct.yaml"},
		"candidates in the source":    {github, nil, Choices{Candidates: "git@github.com:o/hello"}, "--qa is the source repository"},
		"no origin":                   {"", nil, Choices{}, "--source"},
		"a host without a registry":   {"https://git.example.com/o/hello.git", nil, Choices{}, "--image"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(t.Context(), repository(t, c.origin, with(base, c.change)), c.choice)
			if err == nil || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want bad input with %q", err, c.want)
			}
		})
	}
}

func TestNotesMentionAnImageTagFromAppVersion(t *testing.T) {
	const template = "      image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"\n"
	for name, c := range map[string]struct {
		facts    Facts
		template string
		notes    int
	}{
		"a chart alone":                {chartAlone, template, 1},
		"with the image that is built": {program, template, 0},
		"a label alone":                {chartAlone, "  app.kubernetes.io/version: {{ .Chart.AppVersion }}\n", 0},
	} {
		r := repository(t, "", map[string]string{"templates/d.yaml": c.template, "charts/hello/templates/d.yaml": c.template})
		if got := Notes(os.DirFS(r.Dir), parse(t, c.facts)); len(got) != c.notes {
			t.Errorf("%s: %q", name, got)
		}
	}
}

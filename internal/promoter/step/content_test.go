package step

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

const dependsOnCommon = "dependencies:\n- {name: common, version: 0.1.x, repository: \"file://../common\"}\n"

// withCommon is a world whose chart depends on a chart beside it, which git ignores in charts/.
func withCommon(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.write("charts/hello/Chart.yaml", strings.Replace(chartYAML, "dependencies: []\n", dependsOnCommon, 1))
	w.write("charts/common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 0.1.3\ntype: library\n")
	w.write("charts/common/templates/_name.tpl", "{{- define \"common.name\" -}}hello{{- end -}}\n")
	w.write("charts/hello/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include \"common.name\" . }}}\n")
	w.write(".gitignore", "charts/hello/charts/\n")
	w.commit("with a dependency")
	w.built()
	return w
}

func TestACandidateHasTheDependenciesThatGitIgnores(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"in a directory": "hello", "at the root of its repository": "."} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withCommon(t)
			w.p.Config.Tester().Candidate.Path = path
			if _, err := Bump(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			first, err := w.p.candidates().Open(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := contents(t, first)["charts/common-0.1.3.tgz"]; !ok {
				t.Error("the package lacks its dependency")
			}
			if again, err := Bump(t.Context(), w.p); err != nil || again.Changed {
				t.Errorf("the same commit again: %+v, %v", again, err)
			}
			w.write("charts/common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 0.1.4\ntype: library\n")
			w.commit("another version")
			w.built()
			if _, err := Bump(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			second, err := w.p.candidates().Open(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			files := contents(t, second)
			if _, ok := files["charts/common-0.1.4.tgz"]; !ok || files["charts/common-0.1.3.tgz"] != "" {
				t.Error("the next package does not have the next version alone")
			}
		})
	}
}

func TestBumpRejectsWhatVerifyCannotPackage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world)
		want   error
	}{
		"a subchart of another version": {func(w *world) {
			w.write("charts/hello/Chart.yaml", strings.Replace(chartYAML, "dependencies: []\n", "dependencies:\n- {name: sub, version: ^2.0.0, repository: \"https://charts.example.com\"}\n", 1))
			w.write("charts/hello/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n")
		}, chart.ErrWrongDependency},
		"a link out of the repository": {func(w *world) {
			if err := os.Symlink("../../../etc/passwd", w.source.Dir+"/charts/hello/passwd"); err != nil {
				t.Fatal(err)
			}
		}, chart.ErrUnsafe},
		"an absolute link": {func(w *world) {
			if err := os.Symlink("/etc/passwd", w.source.Dir+"/charts/hello/passwd"); err != nil {
				t.Fatal(err)
			}
		}, chart.ErrUnsafe},
		"a link to the directory that it is in": {func(w *world) {
			if err := os.Symlink("../..", w.source.Dir+"/charts/hello/templates/up"); err != nil {
				t.Fatal(err)
			}
		}, chart.ErrUnsafe},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.change(w)
			w.commit("that cannot be released")
			w.built()
			if _, err := Bump(t.Context(), w.p); !errors.Is(err, c.want) || failure.Of(err) != failure.BadInput {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := (&gitrepo.Repo{Dir: w.qa}).Resolve(t.Context(), "refs/heads/main"); err == nil {
				t.Error("a candidate was pushed")
			}
		})
	}
}

func TestLinksToOtherFilesOfTheCommitBecomeFilesOfTheCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("shared/_helpers.tpl", "{{/* shared */}}")
	w.write("shared/crds/a.yaml", "# none\n")
	w.write("LICENSE", "license")
	for link, to := range map[string]string{"templates/_helpers.tpl": "../../../shared/_helpers.tpl", "crds": "../../shared/crds", "LICENSE": "../../LICENSE", "also": "templates/cm.yaml"} {
		if err := os.Symlink(to, w.source.Dir+"/charts/hello/"+link); err != nil {
			t.Fatal(err)
		}
	}
	// The chart's directory may be a link itself.
	if err := os.Symlink("charts", w.source.Dir+"/deploy"); err != nil {
		t.Fatal(err)
	}
	w.p.Config.Chart.Path = "deploy/hello"
	w.commit("with links")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"templates/_helpers.tpl": "{{/* shared */}}", "crds/a.yaml": "# none\n", "LICENSE": "license", "also": "templates/cm.yaml"} {
		if got := w.candidate("hello/" + path); got != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
	if _, err := w.p.candidates().Open(t.Context(), "", ""); err != nil {
		t.Error(err)
	}
}

func TestAChartThatIsASubmoduleIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	put(t, dir+"/Chart.yaml", chartYAML)
	put(t, dir+"/values.yaml", valuesYAML)
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "chart")
	git(t, w.source.Dir, "rm", "-rq", "charts/hello")
	cmd := exec.Command("git", "-c", "protocol.file.allow=always", "submodule", "-q", "add", dir, "charts/hello")
	cmd.Dir = w.source.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	w.commit("the chart is a submodule")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if got := w.candidate("hello/Chart.yaml"); !strings.HasPrefix(got, "# A chart.\n") {
		t.Errorf("Chart.yaml is %q", got)
	}
}

func TestASubchartGetsTheVersionOfItsUmbrellaChart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/Chart.yaml", strings.Replace(chartYAML, "dependencies: []\n", "dependencies:\n- {name: sub, version: 0.0.0-dev} # within\n- {name: other, version: 1.0.0}\n", 1))
	w.write("charts/hello/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.0.0-dev # with hello\nappVersion: \"1\"\n")
	w.write("charts/hello/charts/other/Chart.yaml", "apiVersion: v2\nname: other\nversion: 1.0.0\n")
	w.p.Config.Chart.Fields["Chart.yaml"]["dependencies[0].version"] = config.ChartVersion
	w.p.Config.Chart.Fields["charts/sub/Chart.yaml"] = map[string]string{"version": config.ChartVersion}
	w.commit("an umbrella chart")
	w.tag("v1.2.0")
	w.built()
	if r, err := Bump(t.Context(), w.p); err != nil || r.Version.Chart != "1.2.0" {
		t.Fatalf("%+v, %v", r, err)
	}
	for file, want := range map[string]string{
		"hello/Chart.yaml":              "\nversion: 1.2.0\nappVersion: 'v1.2.0'\ndependencies:\n- {name: sub, version: 1.2.0} # within\n- {name: other, version: 1.0.0}\n",
		"hello/charts/sub/Chart.yaml":   "version: 1.2.0 # with hello\nappVersion: \"1\"\n",
		"hello/charts/other/Chart.yaml": "version: 1.0.0\n",
	} {
		if got := w.candidate(file); !strings.Contains(got, want) {
			t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
		}
	}
	if c, err := w.p.candidates().Open(t.Context(), "", ""); err != nil || c.Package.Version != "1.2.0" {
		t.Errorf("the candidate cannot be packaged: %+v, %v", c, err)
	}
	// The subchart alone would not be the version that its chart requires.
	delete(w.p.Config.Chart.Fields["Chart.yaml"], "dependencies[0].version")
	if _, err := Bump(t.Context(), w.p); !errors.Is(err, chart.ErrWrongDependency) {
		t.Errorf("the subchart alone: %v, want ErrWrongDependency", err)
	}
}

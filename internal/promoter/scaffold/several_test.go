package scaffold

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// pipelineOf is the configuration that init writes for these files.
func pipelineOf(t *testing.T, files map[string]string) (string, *config.Config) {
	t.Helper()
	r := repository(t, "git@github.com:some/charts.git", files)
	f, err := Inspect(t.Context(), r, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	text, c := written(t, f)
	if err := Check(os.DirFS(r.Dir), c); err != nil {
		t.Fatal(err)
	}
	return text, c
}

func TestInitFindsAllChartsOfARepository(t *testing.T) {
	files := map[string]string{
		"charts/api/Chart.yaml": "apiVersion: v2\nname: api\nversion: 1.0.0\n", "charts/Web_UI/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"other/api/Chart.yaml": "apiVersion: v2\nname: api2\nversion: 1.0.0\n", "charts/base/Chart.yaml": "apiVersion: v2\nname: base\nversion: 1.0.0\ntype: library\n",
	}
	text, c := pipelineOf(t, files)
	var names []string
	for _, one := range c.PerChart() {
		names = append(names, one.Label()+"="+one.Chart.Path+"="+one.Tester().Candidate.Path)
	}
	if got, want := strings.Join(names, " "), "web-ui=charts/Web_UI=web-ui api=charts/api=api base=charts/base=base api-2=other/api=api-2"; got != want {
		t.Errorf("charts %s, want %s in\n%s", got, want, text)
	}
	if c.Name != "charts" || c.Charts[0].Version.From != config.FromTags {
		t.Errorf("name %s, versions from %s", c.Name, c.Charts[0].Version.From)
	}
	for _, engine := range []string{"github", "gitlab", "travis"} {
		list, err := CI(c, config.DefaultFile, engine, false)
		if err != nil {
			t.Fatal(err)
		}
		qa := list[1].Content
		if !strings.Contains(qa, "git log -1 --format=%B | sed -n 's/^Source-Commit[:] *") || strings.Contains(qa, "appVersion") {
			t.Errorf("%s: the source of a candidate is not taken from its commit:\n%s", engine, qa)
		}
	}
	// Who comes from chart-testing keeps its rule: the version is that of Chart.yaml.
	files["ct.yaml"] = "chart-dirs: [charts]\n"
	if text, c := pipelineOf(t, files); c.Charts[1].Version.From != config.FromFile {
		t.Errorf("versions do not come from Chart.yaml in\n%s", text)
	}
}

func TestInitTakesALibraryChart(t *testing.T) {
	text, c := pipelineOf(t, map[string]string{"Chart.yaml": "apiVersion: v2\nname: base\nversion: 1.0.0\ntype: library\n"})
	if c.Chart.Path != "." || c.AppVersionIsSource() || len(c.PerChart()) != 1 {
		t.Errorf("the configuration is\n%s", text)
	}
}

func TestInitFindsTheChartsBesideOneAtTheTop(t *testing.T) {
	chart := func(name string) string {
		return "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\nappVersion: \"1\"\n"
	}
	r := repository(t, "git@github.com:some/charts.git", map[string]string{
		"Chart.yaml": chart("top") + "dependencies: [{name: dep, version: 1.0.0}]\n", ".helmignore": "charts/web/\ncharts/api/\n",
		"charts/web/Chart.yaml": chart("web"), "charts/api/Chart.yaml": chart("api"), "charts/dep/Chart.yaml": chart("dep"), "charts/web/charts/sub/Chart.yaml": chart("sub"),
	})
	// The directory of one of several charts is what decides whether it is changed.
	if _, err := Inspect(t.Context(), r, Choices{}); !errors.Is(err, failure.ErrInput) || !strings.Contains(err.Error(), "and others: charts/api, charts/web; ") {
		t.Errorf("%v, want the others and what to do", err)
	}
	if f, err := Inspect(t.Context(), r, Choices{Chart: "."}); err != nil || f.Chart != "." || f.Name != "top" {
		t.Errorf("the one that was selected: %+v, %v", f, err)
	}
}

package scaffold

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestInitWritesWhereTheVersionsOfAChartComeFrom(t *testing.T) {
	const own = "version: {tagPrefix: "
	for name, c := range map[string]struct {
		version, appVersion, tags string
		program                   bool
		want, note                string
	}{
		"tags of the chart beside those of the program": {"3.13.1", "0.8.1", "v0.8.1 v0.9.0 gauge-chart-3.13.1", false, "chart: {path: charts/gauge, " + own + "gauge-chart-}}", "such as gauge-chart-3.13.1"},
		"the next version of the chart":                 {"3.14.0", "0.9.0", "v0.9.0 helm-v3.13.1 helm-v3.13.0", false, "chart: {path: charts/gauge, " + own + "helm-}}", "own tags"},
		"a chart below its program that is built":       {"0.2.0", "1.4.0", "v1.4.0 gauge-chart-0.2.0", true, "chart: {path: charts/gauge, " + own + "gauge-chart-}}", "own tags"},
		"the tag of an older release has the name":      {"2.1.0", "2.1.0", "v2.1.0 gauge-1.0.0", false, "chart: {path: charts/gauge}", ""},
		"both tags for each release":                    {"1.1.0", "1.1.0", "v1.1.0 gauge-1.1.0", false, "chart: {path: charts/gauge}", ""},
		"a program with the name of its chart":          {"0.1.0", "dev", "gauge-1.2.0", true, "version: {tagPrefix: gauge-}\nchart: {path: charts/gauge}", ""},
		"a chart alone with its name in the tags":       {"1.2.0", "16.2", "gauge-1.2.0", false, "chart: {path: charts/gauge, " + own + "gauge-}}", "own tags"},
		"the highest of two kinds of tags":              {"3.1.0", "0.9.0", "helm-v3.0.0 gauge-1.0.0", false, "chart: {path: charts/gauge, " + own + "helm-}}", "own tags"},
		"a program that is built, and other tags":       {"1.2.0", "dev", "helm-chart-1.2.0", true, "chart: {path: charts/gauge, " + own + "helm-chart-}}", "own tags"},
		"tags with the name beside those of a program":  {"1.2.0", "0.9.0", "v0.9.0 gauge-1.2.0", true, "chart: {path: charts/gauge, " + own + "gauge-}}", "own tags"},
		"the version of the chart, without such a tag":  {"3.4.2", "3.4.2", "v3.4.1", false, "chart: {path: charts/gauge}", ""},
		"tags of another component":                     {"0.1.0", "0.1.0", "v0.3.0 web-9.0.0", false, "chart: {path: charts/gauge}", ""},
		"a program of another project":                  {"3.4.2", "16.2", "v3.4.2", false, "scalars: {Chart.yaml: {version: chartVersion}}", "keep appVersion 16.2"},
		"a program of another project, without tags":    {"0.3.0", "v1.16.0", "", false, "scalars: {Chart.yaml: {version: chartVersion}}", "keep appVersion v1.16.0"},
		"the program of this repository":                {"3.4.2", "16.2", "v3.4.2 v16.2", false, "chart: {path: charts/gauge}", ""},
		"a program of this repository with a prefix":    {"3.4.2", "16.2.0", "v3.4.2 app-v16.2", false, "chart: {path: charts/gauge}", ""},
		"a program that is built":                       {"3.4.2", "16.2", "v3.4.2", true, "chart: {path: charts/gauge}", ""},
		"a placeholder":                                 {"3.4.2", "0.1.0", "v3.4.2", false, "chart: {path: charts/gauge}", ""},
		"a word":                                        {"3.4.2", "latest", "v3.4.2", false, "chart: {path: charts/gauge}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{
				"charts/gauge/Chart.yaml":  "apiVersion: v2\nname: gauge\nversion: " + c.version + "\nappVersion: \"" + c.appVersion + "\"\n",
				"charts/gauge/values.yaml": "image: {repository: a, tag: b}\n",
			}
			if c.program {
				files["go.mod"], files["cmd/gauge/main.go"] = "module x\n", mainGo
			}
			r := repository(t, github, files)
			tagged(t, r.Dir, c.tags)
			f, err := Inspect(t.Context(), r, Choices{})
			if err != nil {
				t.Fatal(err)
			}
			text, _ := written(t, f)
			if !strings.Contains(text, c.want+"\n") && !strings.Contains(text, c.want+"}\n") {
				t.Errorf("no %q in\n%s", c.want, text)
			}
			if notes := strings.Join(f.Notes, "\n"); (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

func TestInitWritesThePrefixesOfTheTagsOfSeveralCharts(t *testing.T) {
	r := repository(t, github, map[string]string{
		"charts/api/Chart.yaml": "apiVersion: v2\nname: api\nversion: 1.4.0\n", "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 2.0.1\n",
	})
	tagged(t, r.Dir, "api-chart-1.4.0 web-2.0.1 v9.0.0 helm-chart-1.4.0")
	f, err := Inspect(t.Context(), r, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := written(t, f); !strings.Contains(text, "  - {path: charts/api, version: {tagPrefix: api-chart-}}\n  - {path: charts/web}\n") {
		t.Errorf("the configuration is\n%s", text)
	}
}

func TestInitWritesOneSourceOfTheVersionsOfAChart(t *testing.T) {
	const gauge = "apiVersion: v2\nname: gauge\nversion: 1.0.0\nappVersion: \"1.0.0\"\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a library with tags of its own": {map[string]string{"charts/gauge/Chart.yaml": gauge + "type: library\n"}, "chart: {path: charts/gauge, version: {tagPrefix: gauge-chart-}}\n"},
		"the file, for chart-testing":    {map[string]string{"charts/gauge/Chart.yaml": gauge, "ct.yaml": "chart-dirs: [charts]\n"}, "chart: {path: charts/gauge, version: {from: file}}\n"},
		"the file of each of several": {map[string]string{"charts/gauge/Chart.yaml": gauge, "charts/web/Chart.yaml": strings.Replace(gauge, "gauge", "web", 1), "ct.yaml": "chart-dirs: [charts]\n"},
			"  - {path: charts/gauge, version: {from: file}}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := repository(t, github, c.files)
			tagged(t, r.Dir, "v0.9.0 gauge-chart-1.0.0")
			f, err := Inspect(t.Context(), r, Choices{})
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := written(t, f); !strings.Contains(text, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
		})
	}
}

// tagged commits everything in a directory, with tags.
func tagged(t *testing.T, dir, tags string) {
	t.Helper()
	script := "git add -A && git commit -q -m all"
	for tag := range strings.FieldsSeq(tags) {
		script += " && git tag " + tag
	}
	c := exec.Command("sh", "-ec", script)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

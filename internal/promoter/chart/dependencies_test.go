package chart

import (
	"errors"
	"strings"
	"testing"
)

func TestPackRejectsASubchartThatIsNotWhatTheChartDeclares(t *testing.T) {
	t.Parallel()
	const remote = "  repository: https://charts.example.com\n"
	lock := func(version string) string {
		return "dependencies:\n- name: sub\n" + remote + "  version: " + version + "\ngenerated: \"2026-01-01T00:00:00Z\"\n"
	}
	cases := map[string]struct {
		required, lock string
		found          map[string]string // version by directory in charts/
		want           error
		mention        string
	}{
		"the declared version":                {"^2.0.0", lock("2.3.4"), map[string]string{"sub": "2.3.4"}, nil, ""},
		"without a lock file":                 {"^2.0.0", "", map[string]string{"sub": "2.0.1"}, nil, ""},
		"any version":                         {"\"\"", "", map[string]string{"sub": "0.0.1"}, nil, ""},
		"a v that the lock file leaves out":   {"^2.0.0", lock("2.3.4"), map[string]string{"sub": "v2.3.4"}, nil, ""},
		"a subchart that is not declared":     {"^2.0.0", "", map[string]string{"sub": "2.0.1", "own": "0.1.0"}, nil, ""},
		"an old version":                      {"^2.0.0", lock("2.3.4"), map[string]string{"sub": "1.0.0"}, ErrWrongDependency, `charts/ has sub 1.0.0, but the chart depends on version "^2.0.0"`},
		"another version than the locked one": {"^2.0.0", lock("2.3.4"), map[string]string{"sub": "2.3.3"}, ErrWrongDependency, "the lock file names version 2.3.4"},
		"an old version beside the right one": {"^2.0.0", lock("2.3.4"), map[string]string{"sub": "2.3.4", "sub-old": "1.0.0"}, ErrWrongDependency, "charts/ has also sub 1.0.0"},
		"two versions for one dependency":     {"^2.0.0", "", map[string]string{"sub": "2.3.4", "sub-2": "2.3.5"}, ErrWrongDependency, "both sub 2.3.4 and sub 2.3.5"},
		"a prerelease that is not wanted":     {"^2.0.0", "", map[string]string{"sub": "2.1.0-rc.1"}, ErrWrongDependency, "sub 2.1.0-rc.1"},
		"none":                                {"^2.0.0", lock("2.3.4"), nil, ErrMissingDependency, "sub ^2.0.0"},
		"a lock file that is no YAML":         {"^2.0.0", "a: [", map[string]string{"sub": "2.3.4"}, ErrNoChart, "Chart.lock"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- name: sub\n  version: " + c.required + "\n" + remote,
			}
			if c.lock != "" {
				files["Chart.lock"] = c.lock
			}
			for dir, version := range c.found {
				name, _, _ := strings.Cut(dir, "-")
				files["charts/"+dir+"/Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"
			}
			_, err := Pack(writeChart(t, files))
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.mention) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.mention)
			}
		})
	}
}

func TestPackReadsTheDependenciesOfAnOldChart(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Chart.yaml":            "apiVersion: v1\nname: app\nversion: 1.0.0\n",
		"requirements.yaml":     "dependencies:\n- name: sub\n  version: ^2.0.0\n  repository: https://charts.example.com\n",
		"requirements.lock":     "dependencies:\n- name: sub\n  version: 2.1.0\n  repository: https://charts.example.com\n",
		"charts/sub/Chart.yaml": "apiVersion: v1\nname: sub\nversion: 2.0.0\n",
	}
	if _, err := Pack(writeChart(t, files)); !errors.Is(err, ErrWrongDependency) {
		t.Errorf("another version than that of requirements.lock: %v", err)
	}
	files["charts/sub/Chart.yaml"] = "apiVersion: v1\nname: sub\nversion: 2.1.0\n"
	if _, err := Pack(writeChart(t, files)); err != nil {
		t.Error(err)
	}
}

func TestTwoVersionsOfASubchartUnderTwoAliasesAreRight(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Chart.yaml":              "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: sub, version: ^1.0.0, alias: old}\n- {name: sub, version: ^2.0.0}\n",
		"charts/sub-1/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.4.0\n",
		"charts/sub-2/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 2.4.0\n",
	}
	if _, err := Pack(writeChart(t, files)); err != nil {
		t.Error(err)
	}
}

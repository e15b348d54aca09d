package chart

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestAChartWithSubchartsThatItDoesNotDeclareIsRejected(t *testing.T) {
	t.Parallel()
	const app = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
	chart := func(name string) string { return "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n" }
	web := string(pack(t, writeChart(t, map[string]string{"Chart.yaml": chart("web")})).Bytes)
	many := map[string]string{}
	for i := range 7 {
		many[fmt.Sprintf("charts/c%d/Chart.yaml", i)] = chart(fmt.Sprintf("c%d", i))
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string // what the error begins with, "" for none
	}{
		"no subcharts":                   {nil, ""},
		"a directory":                    {map[string]string{"charts/ui/Chart.yaml": chart("web")}, "charts/ui/: these are no dependencies"},
		"a package":                      {map[string]string{"charts/web-1.0.0.tgz": web}, "charts/web-1.0.0.tgz: these"},
		"more than are named":            {many, "charts/c0/, charts/c1/, charts/c2/, charts/c3/, charts/c4/ and 2 more: these"},
		"one that .helmignore names":     {map[string]string{"charts/ui/Chart.yaml": chart("web"), ".helmignore": "charts/ui/\n"}, ""},
		"one that Helm skips":            {map[string]string{"charts/_ui/Chart.yaml": chart("web"), "charts/.ui/Chart.yaml": chart("web")}, ""},
		"a declared one":                 {map[string]string{"charts/ui/Chart.yaml": chart("web"), "Chart.yaml": app + "dependencies: [{name: web, version: 1.0.0}]\n"}, ""},
		"one of a subchart's own":        {map[string]string{"charts/ui/Chart.yaml": chart("web"), "charts/ui/charts/x/Chart.yaml": chart("x"), "Chart.yaml": app + "dependencies: [{name: web, version: 1.0.0}]\n"}, ""},
		"one that an old chart declares": {map[string]string{"Chart.yaml": "apiVersion: v1\nname: app\nversion: 1.0.0\n", "charts/ui/Chart.yaml": chart("web"), "requirements.yaml": "dependencies: [{name: web, version: 1.0.0}]\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"Chart.yaml": app}
			for file, content := range c.files {
				files[file] = content
			}
			p := pack(t, writeChart(t, files))
			err := p.CheckDeclared()
			if (err != nil) != (c.want != "") || err != nil && (!errors.Is(err, ErrUndeclared) || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			// Helm's linters have the same opinion.
			if _, lint := p.Lint(Installation{}); (lint != nil) != (err != nil) {
				t.Errorf("%v, while the linters report %v", err, lint)
			}
		})
	}
}

func TestADirectoryIsLeftOutWithTheOnesThatItIsIn(t *testing.T) {
	t.Parallel()
	dir := writeChart(t, map[string]string{".helmignore": "/charts/\n*.d\nlib/b\n", "charts/a/x": "", "lib/a/x": "", "lib/b/x": "", "b/x": "", "x.d/y/z": ""})
	for name, want := range map[string]bool{"charts/a": true, "charts": true, "lib/a": false, "lib/b": true, "b": false, "x.d/y": true} {
		if got, err := Ignores(dir, name); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	if got, err := Ignores(writeChart(t, map[string]string{"a/x": ""}), "a"); got || err != nil {
		t.Errorf("without a list: %v, %v", got, err)
	}
}

package chart_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

func TestDashboardShowsEveryMetricOfNetworks(t *testing.T) {
	shown := map[string]bool{}
	for where, expr := range expressions(t) {
		if !strings.HasPrefix(where, "panel ") {
			continue
		}
		for _, name := range metricName.FindAllString(expr, -1) {
			shown[base(name)] = true
		}
	}
	for _, name := range slices.Concat(sortedKeys(ownMetrics), sortedKeys(lightningMetrics)) {
		if !shown[name] {
			t.Errorf("%s is shown nowhere", name)
		}
	}
}

// dashboards are the files of the chart's.
var dashboards = []string{"bitcoin-networks.json", "lightning-networks.json"}

func readDashboard(t *testing.T, file string) *monitoring.Dashboard {
	t.Helper()
	d, err := monitoring.ReadDashboard(filepath.Join(chartDir, "files/dashboards", file))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardsAreInOrder(t *testing.T) {
	uids := map[string]bool{}
	for _, file := range dashboards {
		t.Run(file, func(t *testing.T) {
			d := readDashboard(t, file)
			if uids[d.UID] {
				t.Errorf("the uid %s is that of another dashboard", d.UID)
			}
			uids[d.UID] = true
			dashboardIsInOrder(t, d)
		})
	}
}

func dashboardIsInOrder(t *testing.T, d *monitoring.Dashboard) {
	t.Helper()
	if d.Title == "" || d.UID == "" {
		t.Error("the dashboard has no title or no uid")
	}
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	used := regexp.MustCompile(`\$\{?([a-z_]+)`)
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, panel := range d.Panels {
		if ids[panel.ID] {
			t.Errorf("panel %q has the number of another one", panel.Title)
		}
		ids[panel.ID] = true
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("panel %q lies on %q", panel.Title, other)
				}
				taken[[2]int{x, y}] = panel.Title
			}
		}
		if panel.GridPos.X+panel.GridPos.W > 24 {
			t.Errorf("panel %q is wider than the page", panel.Title)
		}
		if panel.Type == "row" {
			continue
		}
		if len(panel.Targets) == 0 || panel.Datasource == nil || panel.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q shows nothing, or from a fixed data source", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, v := range used.FindAllStringSubmatch(target.Expr, -1) {
				if !slices.Contains(variables, v[1]) {
					t.Errorf("panel %q uses $%s, which is not defined", panel.Title, v[1])
				}
			}
		}
	}
}

// The sidecar reads what is in the ConfigMap: it must be the files, but for the last line's end.
func TestDashboardsAreRenderedAsTheyAre(t *testing.T) {
	for values, files := range map[string][]string{"": dashboards[:1], lightningOn: dashboards} {
		data := find(t, release{}.objects(t, values+"dashboards: {enabled: true}"), "ConfigMap", "bitcoin-controller-dashboard").Object["data"].(map[string]any)
		if len(data) != len(files) {
			t.Errorf("with %q: %d dashboards, want %v", values, len(data), files)
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(chartDir, "files/dashboards", file))
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSuffix(data[file].(string), "\n") != strings.TrimSuffix(string(text), "\n") {
				t.Errorf("with %q, the ConfigMap does not hold %s as the file has it", values, file)
			}
		}
	}
}

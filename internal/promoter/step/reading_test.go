package step

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// processes are the git processes that do starts, as git itself reports them.
func processes(t *testing.T, do func()) []string {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	t.Setenv("GIT_TRACE2_EVENT", trace)
	do()
	t.Setenv("GIT_TRACE2_EVENT", "")
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var started []string
	for l := range strings.Lines(string(text)) {
		if strings.Contains(l, `"event":"start"`) {
			_, argv, _ := strings.Cut(l, `"argv":`)
			started = append(started, strings.TrimSpace(argv))
		}
	}
	return started
}

func TestAChartMoreCostsFewGitProcesses(t *testing.T) {
	const charts = 6
	text := "name: many\ncharts:\n"
	for i := range charts {
		text += fmt.Sprintf("  - {path: charts/c%d, version: {from: file}}\n", i)
	}
	w := chartsWorld(t, text+"stages:\n  - name: prod\n    publish: {directory: \"${PROD}\"}\n    guards: {versions: any, verifiedBy: none}\n")
	for i := range charts {
		w.chart(fmt.Sprintf("c%d", i), "")
	}
	base := w.commit("all charts")

	packaged := func(changed int) int {
		for i := range changed {
			w.write(fmt.Sprintf("charts/c%d/Chart.yaml", i), fmt.Sprintf("apiVersion: v2\nname: c%d\nversion: 1.%d.0\n", i, changed))
		}
		w.commit(fmt.Sprintf("%d charts", changed))
		started := processes(t, func() {
			list, err := w.p.Reading().Select(t.Context(), Selection{Since: base})
			if err != nil || len(list) != changed {
				t.Fatalf("%d charts are selected, not %d: %v", len(list), changed, err)
			}
			for _, p := range list {
				if res, err := Package(t.Context(), p, base); err != nil || res.Version != fmt.Sprintf("1.%d.0", changed) {
					t.Fatalf("%v, %v", res, err)
				}
			}
		})
		t.Logf("%d charts: %d processes\n%s", changed, len(started), strings.Join(started, "\n"))
		return len(started)
	}
	one, all := packaged(1), packaged(charts)
	if each := (all - one) / (charts - 1); each > 5 {
		t.Errorf("every chart more starts %d git processes", each)
	}
	if one > 18 {
		t.Errorf("one of %d charts starts %d git processes", charts, one)
	}
}

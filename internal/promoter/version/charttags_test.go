package version

import "testing"

func TestTagsOfAChartHaveItsNameOrAWordForCharts(t *testing.T) {
	for tag, want := range map[string]string{
		"metrics-server-helm-chart-3.13.1": "metrics-server-helm-chart-", "metrics-server-3.13.1": "metrics-server-", "helm-v2.16.1": "helm-",
		"chart/v1.0.0": "chart/", "Metrics-Server-1.0.0-rc.1": "Metrics-Server-", "helm-chart-1.0": "helm-chart-",
		"v0.9.0": "", "0.9.0": "", "server-1.0.0": "", "chart-web-1.0.0": "", "release-1.2.3": "", "helm-": "", "helm-1.2.3.4": "", "helm-v2024.01.05": "",
	} {
		if got := ChartPrefix(tag, "metrics-server", false); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	for tag, want := range map[string]string{"helm-chart-1.0.0": "", "api-chart-1.0.0": "api-chart-", "api-1.0.0": "api-"} {
		if got := ChartPrefix(tag, "api", true); got != want {
			t.Errorf("one of several charts: %s: %q, want %q", tag, got, want)
		}
	}
}

func TestAReleasedVersionOfAChartIsAboveTheDerivedOne(t *testing.T) {
	for name, c := range map[string]struct {
		prefix, derived, inFile string
		tags                    []string
		named                   bool
		want                    string
	}{
		"a tag of the chart beside those of the program": {"", "0.9.1-dev.1.g0123456", "3.13.1", []string{"v0.9.0", "gauge-chart-3.13.1"}, false, "gauge-chart-3.13.1"},
		"a release of the program":                       {"", "0.9.0", "3.13.1", []string{"v0.9.0", "gauge-chart-3.13.1"}, false, "gauge-chart-3.13.1"},
		"no tag of the program yet":                      {"", "0.0.1-dev.1.g0123456", "3.13.1", []string{"gauge-3.13.1"}, false, "gauge-3.13.1"},
		"another prefix is configured":                   {"gauge-", "0.0.1-dev.1.g0123456", "3.13.1", []string{"helm-v3.13.1"}, false, "helm-v3.13.1"},
		"the prefix of the chart":                        {"gauge-", "3.13.2-dev.1.g0123456", "3.13.1", []string{"v0.9.0", "gauge-3.13.1"}, false, ""},
		"a placeholder above all tags":                   {"", "0.9.1-dev.1.g0123456", "99.0.0", []string{"v0.9.0", "gauge-0.9.0"}, false, ""},
		"the next version, which has no tag yet":         {"", "0.9.1-dev.1.g0123456", "1.0.0-dev", []string{"v0.9.0", "gauge-0.9.0"}, false, ""},
		"a placeholder before the first tag":             {"", "0.0.1-dev.1.g0123456", "0.1.0", nil, false, ""},
		"a placeholder that is a version of another one": {"gauge-", "0.0.1-dev.1.g0123456", "0.1.0", []string{"v0.1.0", "web-0.1.0", "web-chart-0.1.0"}, false, ""},
		"a tag of no chart of several":                   {"gauge-", "0.0.1-dev.1.g0123456", "0.1.0", []string{"helm-0.1.0"}, true, ""},
		"a branch build of a commit with both tags":      {"", "0.9.1-dev.1.g0123456", "1.0.0", []string{"v1.0.0", "gauge-1.0.0"}, false, ""},
		"an old commit":                                  {"", "0.9.1-dev.1.g0123456", "1.0.0", []string{"v1.1.0", "gauge-1.0.0"}, false, ""},
		"no version in the file":                         {"", "0.9.1-dev.1.g0123456", "", []string{"gauge-1.0.0"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Tags{Prefix: c.prefix}).ReleasedAbove(c.derived, c.inFile, "gauge", c.tags, c.named); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

package step

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Without the prefix of its own tags a chart follows those of the program.
func TestAChartIsNotBumpedBelowItsReleasedVersion(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, strings.Replace(apartYAML, ", version: {tagPrefix: helm-chart-}", "", 1))
	w.write("charts/api/Chart.yaml", "apiVersion: v2\nname: api\nversion: 3.13.1\nappVersion: 0.8.1\n")
	w.commit("fix: the chart")
	w.tag("v0.9.0")
	w.write("README.md", "text\n")
	w.commit("docs: text")
	if v, err := Version(t.Context(), w.p); err != nil || !strings.HasPrefix(v.Chart, "0.9.1-dev.") {
		t.Fatalf("a higher version that no tag has is a placeholder: %+v, %v", v, err)
	}
	w.tag("api-chart-3.13.1")
	rejected := func(name, derived string, err error) {
		t.Helper()
		if !errors.Is(err, ErrLowered) || failure.Of(err) != failure.BadInput {
			t.Fatalf("%s: %v, want ErrLowered", name, err)
		}
		for _, part := range []string{"charts/api/Chart.yaml has 3.13.1", "tag api-chart-3.13.1 states is released", "would be " + derived, "`version: {tagPrefix: api-chart-}` in chart of"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: no %q in: %v", name, part, err)
			}
		}
	}
	rejected("version", "0.9.1-dev.1.g", second(Version(t.Context(), w.p)))
	rejected("bump", "0.9.1-dev.1.g", second(Bump(t.Context(), w.p)))
	w.tag("v0.10.0")
	rejected("a release of the program", "0.10.0;", second(Bump(t.Context(), w.p)))
	w.tag("v4.0.0")
	if r, err := Bump(t.Context(), w.p); err != nil || r.Version.Chart != "4.0.0" {
		t.Errorf("a higher release: %+v, %v", r, err)
	}
}

func TestAVersionThatNoFieldOfTheChartGetsIsNotCompared(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, strings.Replace(thirdPartyYAML, "{version: chartVersion}", "{appVersion: appVersion}", 1))
	w.tag("v0.9.0")
	w.tag("api-1.0.0")
	if v, err := Version(t.Context(), w.p); err != nil || v.Chart != "0.9.0" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestTheTagsOfOneOfSeveralChartsAreThoseWithItsName(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.tag("helm-chart-1.0.0")
	w.tag("web-1.0.0")
	if v := w.versionOf("api"); !strings.HasPrefix(v.Chart, "0.0.1-dev.") {
		t.Errorf("%+v", v)
	}
	w.tag("api-chart-1.0.0")
	if _, err := Version(t.Context(), w.one("api")); !errors.Is(err, ErrLowered) || !strings.Contains(err.Error(), "`version: {tagPrefix: api-chart-}` in the entry of charts") {
		t.Errorf("%v, want ErrLowered", err)
	}
}

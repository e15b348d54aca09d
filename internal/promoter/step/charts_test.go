package step

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func TestOnlyChangedChartsAndThoseThatDependOnThemAreChanged(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	if got := w.changed(""); got != "api web base filed" {
		t.Errorf("without a release: %q, want all charts", got)
	}
	w.released()
	w.write("README.md", "text\n")
	start := w.commit("docs: no chart")
	if got := w.changed(""); got != "" {
		t.Errorf("no chart was changed, got %q", got)
	}
	w.write("charts/api/templates/cm.yaml", "# changed\n")
	w.commit("fix: api")
	if got := w.changed(""); got != "api" {
		t.Errorf("api was changed, got %q", got)
	}
	w.write("charts/base/templates/cm.yaml", "{{- define \"base.name\" -}}other{{- end -}}\n")
	middle := w.commit("fix: base")
	if got := w.changed(""); got != "api web base" {
		t.Errorf("base was changed, on which web depends, got %q", got)
	}
	if got := w.changed(start); got != "api web base" {
		t.Errorf("since the docs: got %q", got)
	}
	if got := w.changed(middle); got != "" {
		t.Errorf("since the head: got %q", got)
	}
}

func TestEachOfSeveralChartsFollowsItsOwnTags(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.write("charts/api/templates/cm.yaml", "# changed\n")
	api := w.commit("fix: api")
	w.write("charts/web/templates/cm.yaml", "# changed\n")
	w.commit("fix: web")
	if v := w.versionOf("api"); v.Chart != "1.4.1-dev.1.g"+api[:7] || v.Commit != api || v.Release {
		t.Errorf("api: %+v, want the first change after 1.4.0, of commit %s", v, api)
	}
	if v := w.versionOf("base"); v.Chart != "0.3.0" || !v.Release {
		t.Errorf("base: %+v, want the release, as it was not changed", v)
	}
	w.tag("web-2.1.0")
	if v := w.versionOf("web"); v.Chart != "2.1.0" || v.Tag != "web-2.1.0" || !v.Release {
		t.Errorf("web: %+v, want the release of its tag", v)
	}
	if got := w.changed(""); got != "api web" {
		t.Errorf("changed: %q", got)
	}
	// In CI the build of a tag is that of its chart alone.
	head, _ := w.source.Head(t.Context())
	w.env["TRAVIS"], w.env["TRAVIS_TAG"], w.env["TRAVIS_COMMIT"] = "true", "web-2.1.0", head
	w.env["TRAVIS_SECURE_ENV_VARS"] = "true"
	if got := w.changed(""); got != "web" {
		t.Errorf("the build of web-2.1.0: %q, want web alone", got)
	}
}

func TestACandidateOfOneOfSeveralChartsKeepsItsAppVersionAndTheOtherCharts(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.write("charts/api/templates/cm.yaml", "# changed\n")
	api := w.commit("fix: api")
	for _, name := range []string{"base", "api"} {
		if _, err := Bump(t.Context(), w.one(name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.candidate("api/Chart.yaml"); !strings.Contains(got, "version: 1.4.1-dev.1.g"+api[:7]) || !strings.Contains(got, `appVersion: "16.2"`) {
		t.Errorf("the candidate is\n%s", got)
	}
	if got := w.candidate("base/Chart.yaml"); !strings.Contains(got, "version: 0.3.0") {
		t.Errorf("base is\n%s", got)
	}
	// A commit that changes another chart leaves this candidate as it is.
	w.write("charts/web/templates/cm.yaml", "# changed\n")
	w.commit("fix: web")
	again, err := Bump(t.Context(), w.one("api"))
	if err != nil || again.Changed {
		t.Errorf("again: %+v, %v; want no change", again, err)
	}
	dir := filepath.Join(t.TempDir(), "qa")
	if _, err := gitrepo.Clone(t.Context(), w.qa, dir, gitrepo.CloneOptions{}); err != nil {
		t.Fatal(err)
	}
	chosen, err := w.p.SelectForVerify(t.Context(), Selection{}, VerifyOptions{Candidate: dir})
	if err != nil || len(chosen) != 1 || chosen[0].Config.Chart.Name != "api" {
		t.Errorf("the last candidate is api's: %d charts, %v", len(chosen), err)
	}
	c, err := w.one("api").candidates().Open(t.Context(), "", "")
	if err != nil || c.SourceCommit != api {
		t.Errorf("source of the candidate: %+v, %v; want %s", c, err, api)
	}
}

func TestAChangeWithoutAHigherVersionInChartYAMLIsRejected(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	base, _ := w.source.Head(t.Context())
	filed := w.one("filed")
	if r, err := Bump(t.Context(), filed); err != nil || r.Version.Chart != "1.0.0" || !r.Version.Release {
		t.Fatalf("first: %+v, %v", r, err)
	}
	w.write("charts/filed/templates/cm.yaml", "# changed\n")
	w.commit("fix: filed")
	for name, err := range map[string]error{
		"bump": second(Bump(t.Context(), filed)), "package": second(Package(t.Context(), filed, base)),
	} {
		if !errors.Is(err, candidate.ErrNotRaised) || failure.Of(err) != failure.BadInput {
			t.Errorf("%s: %v, want ErrNotRaised", name, err)
		}
	}
	w.write("charts/filed/Chart.yaml", "apiVersion: v2\nname: filed\nversion: 1.0.1\nappVersion: \"16.2\"\n")
	w.commit("version 1.0.1")
	if r, err := Package(t.Context(), filed, base); err != nil || r.Version != "1.0.1" {
		t.Errorf("package: %+v, %v", r, err)
	}
	if r, err := Bump(t.Context(), filed); err != nil || r.Version.Chart != "1.0.1" || !r.Changed {
		t.Errorf("bump: %+v, %v", r, err)
	}
	w.tag("filed-1.0.1")
	w.write("charts/filed/templates/cm.yaml", "# changed again\n")
	w.commit("fix: filed again")
	if _, err := Package(t.Context(), filed, ""); !errors.Is(err, candidate.ErrNotRaised) {
		t.Errorf("after the tag of its release: %v, want ErrNotRaised", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestALibraryChartIsLintedAndPackagedAndNotInstalled(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.keys()
	base := w.one("base")
	if _, err := Bump(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(t.Context(), base, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Tests.Passed != 1 || !strings.Contains(r.TestedBy, "library") || r.Attestation == "" {
		t.Errorf("verified: %+v", r)
	}
	if p, err := Promote(t.Context(), base, PromoteOptions{}); err != nil || p.Version != "0.3.0" || !p.Changed {
		t.Errorf("promoted: %+v, %v", p, err)
	}
	if list, err := w.p.SelectForPromote(Selection{}, ""); err != nil || len(list) != 1 || list[0].Config.Label() != "base" {
		t.Errorf("tested charts: %d, %v", len(list), err)
	}
}

func TestASelectionNamesExistingCharts(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	for _, s := range []Selection{{Names: []string{"none"}}, {Names: []string{"api"}, All: true}} {
		if _, err := w.p.Select(t.Context(), s); failure.Of(err) != failure.BadInput {
			t.Errorf("%+v: %v", s, err)
		}
	}
	all, err := w.p.Select(t.Context(), Selection{All: true})
	if err != nil || len(all) != 4 || slices.ContainsFunc(all, func(p *Project) bool { return filepath.Base(string(p.Work)) != p.Config.Label() }) {
		t.Errorf("%d charts, %v", len(all), err)
	}
}

const thirdPartyYAML = `
name: pg
source: {git: "${ORIGIN}"}
chart: {path: charts/api, scalars: {Chart.yaml: {version: chartVersion}}}
stages:
  - name: qa
    candidate: {git: "${QA}"}
    verify: {test: {command: ["true"]}}
  - name: prod
    publish: {git: "${PROD}"}
`

func TestAChartOfAnotherProgramIsTestedFromTheCommitOfTheChart(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, thirdPartyYAML)
	head, _ := w.source.Head(t.Context())
	w.tag("v3.4.2")
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	w.write("x", "y")
	w.commit("later")
	c, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil || c.SourceCommit != head || c.Package.Version != "3.4.2" || c.Package.AppVersion != "16.2" {
		t.Fatalf("candidate %+v, %v", c, err)
	}
	// A version that no tag of the source has is no release.
	if err := w.source.DeleteTag(t.Context(), "v3.4.2"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.p.candidates().Open(t.Context(), "", ""); !errors.Is(err, candidate.ErrNoSource) {
		t.Errorf("without the tag: %v, want ErrNoSource", err)
	}
}

const apartYAML = `
name: server
source: {git: "${ORIGIN}"}
chart: {path: charts/api, version: {tagPrefix: helm-chart-}}
stages:
  - name: qa
    candidate: {git: "${QA}"}
    verify: {}
  - name: prod
    publish: {git: "${PROD}"}
`

func TestTheVersionOfAChartIsApartFromItsPrograms(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, apartYAML)
	w.tag("v0.9.0")
	w.tag("helm-chart-3.13.1")
	w.write("charts/api/templates/cm.yaml", "# changed\n")
	w.commit("fix: the chart")
	v, err := Version(t.Context(), w.p)
	if err != nil || !strings.HasPrefix(v.Chart, "3.13.2-dev.1.g") || v.Release {
		t.Errorf("after 3.13.1: %+v, %v", v, err)
	}
	w.tag("v0.9.1")
	if v, err = Version(t.Context(), w.p); err != nil || !strings.HasPrefix(v.Chart, "3.13.2-dev.1.g") || v.Release || v.App != "v0.9.1" {
		t.Errorf("a release of the program: %+v, %v; want a development version of the chart", v, err)
	}
	w.tag("helm-chart-3.14.0")
	if v, err = Version(t.Context(), w.p); err != nil || v.Chart != "3.14.0" || !v.Release || v.App != "v0.9.1" {
		t.Errorf("a release of both: %+v, %v", v, err)
	}
	if r, err := Bump(t.Context(), w.p); err != nil || r.Version.Chart != "3.14.0" {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := w.candidate("api/Chart.yaml"); !strings.Contains(got, "version: 3.14.0") || !strings.Contains(got, `appVersion: "16.2"`) {
		t.Errorf("the candidate is\n%s", got)
	}
}

package step

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// chosen are the names of the charts that bump selects.
func (w *world) chosen() string {
	w.t.Helper()
	list, err := w.p.Select(w.t.Context(), Selection{Candidates: true})
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Config.Label())
	}
	return strings.Join(names, " ")
}

func TestABuildOfAnOlderCommitSelectsNoChartWithANewerCandidate(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.write("README.md", "text\n")
	older := w.commit("docs: text")
	w.filed("1.1.0", "# changed")
	if _, err := Bump(t.Context(), w.one("filed")); err != nil {
		t.Fatal(err)
	}
	w.git("checkout", "-q", older)
	if got := w.chosen(); got != "" {
		t.Errorf("the older commit selects %q, want none", got)
	}
}

func TestCandidatesThatCannotBeReadFailNoBuildWithoutChanges(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*world) error{
		"the repository cannot be reached": func(w *world) error { return os.Rename(w.qa, w.qa+".moved") },
		"the branch does not exist":        func(w *world) error { w.p.Config.Tester().Candidate.Branch = "other"; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chartsWorld(t, severalYAML)
			w.released()
			if _, err := Bump(t.Context(), w.one("filed")); err != nil {
				t.Fatal(err)
			}
			if err := lose(w); err != nil {
				t.Fatal(err)
			}
			w.write("README.md", "text\n")
			w.commit("docs: text")
			if got := w.chosen(); got != "" || !strings.Contains(w.log.String(), "the candidates cannot be read") {
				t.Errorf("selected %q, and the report is\n%s", got, w.log)
			}
			w.filed("1.1.0", "# changed")
			if got := w.chosen(); got != "filed" {
				t.Errorf("a change selects %q, want filed", got)
			}
		})
	}
}

func TestAChartAtTheTopIsPackagedWithItsCommandsWithoutAStageOfCandidates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.git("rm", "-rq", "charts")
	w.write("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\nappVersion: dev\n")
	w.write("templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
	w.commit("a chart at the top")
	const top = `
name: top
source: {git: "${ORIGIN}"}
chart: {path: ., after: [{command: [sh, -c, 'SCRIPT']}]}
stages:
  - {name: prod, publish: {git: "${PROD}"}, guards: {verifiedBy: none}}
`
	w.configure(strings.Replace(top, "SCRIPT", `basename "$PWD" >name.txt`, 1))
	if r, err := Package(t.Context(), w.p, ""); err != nil || r.Chart != "top" {
		t.Errorf("%+v, %v", r, err)
	}
	if got := read(t, w.p.Work.File("candidate/top/name.txt")); got != "top\n" {
		t.Errorf("the command runs in a directory with the name %q", got)
	}
}

func TestOtherChartsBelowAChartAreRejectedByEachStepThatPackages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	w.write("charts/hello/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
	w.commit("feat: web")
	w.built()
	for name, err := range map[string]error{"package": second(Package(t.Context(), w.p, "")), "bump": second(Bump(t.Context(), w.p))} {
		if !errors.Is(err, chart.ErrUndeclared) || !strings.Contains(err.Error(), "charts/web/") || len(w.candidates()) != 1 {
			t.Errorf("%s: %v, want ErrUndeclared and no candidate", name, err)
		}
	}
	w.write("charts/hello/.helmignore", "charts/web/\n")
	w.commit("fix: web is a chart of its own")
	w.built()
	for name, err := range map[string]error{"package": second(Package(t.Context(), w.p, "")), "bump": second(Bump(t.Context(), w.p))} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package step

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func shell(script string) config.After { return config.After{Command: []string{"sh", "-c", script}} }

func TestWhatACommandAfterTheEditChangesGoesIntoTheCandidate(t *testing.T) {
	t.Setenv(ci.GitToken, "secret-word")
	t.Setenv(ci.HostVariable(ci.GitToken, "git.example.com"), "other-secret")
	w := withoutBuild(t)
	w.write("charts/hello/README.md", "badge 0.9.0\n")
	w.write("charts/hello/old.md", "gone soon\n")
	w.commit("readme")
	w.tag("v1.0.0-rc.1")
	w.p.Config.Chart.After = []config.After{
		shell(`v=$(sed -n 's/^version: //p' Chart.yaml); echo "badge $v in $(basename "$PWD")" >README.md; rm old.md; mkdir docs; echo new >docs/new.md; chmod 755 docs/new.md`),
		shell(`env | grep -E 'secret|^PATH=' >environment.txt; ls -a .. >around.txt; sleep 60 &`),
	}
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if got := w.candidate("hello/README.md"); got != "badge 1.0.0-rc.1 in hello\n" {
		t.Errorf("README.md: %q", got)
	}
	if got := w.candidate("hello/docs/new.md"); got != "new\n" {
		t.Errorf("docs/new.md: %q", got)
	}
	if _, err := (&gitrepo.Repo{Dir: w.qa}).File(t.Context(), "refs/heads/main", "hello/old.md"); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("old.md remains: %v", err)
	}
	if got := w.candidate("hello/environment.txt"); strings.Contains(got, "secret") || !strings.Contains(got, "PATH=") {
		t.Errorf("the command has credentials, or no environment at all:\n%s", got)
	}
	if got := w.candidate("hello/around.txt"); strings.Contains(got, ".git") || strings.Contains(got, "work") {
		t.Errorf("the command sees what is beside the chart:\n%s", got)
	}
	again, err := Bump(t.Context(), w.p)
	if err != nil || again.Changed {
		t.Errorf("again: %+v, %v; want no change", again, err)
	}
}

func TestACommandAfterTheEditThatCannotBeUsedLeavesTheRepositoryAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after config.After
		want  string
	}{
		"it fails":                    {shell("echo no chart here >&2; exit 3"), "no chart here"},
		"it does not exist":           {config.After{Command: []string{"no-such-program-here"}}, "install it"},
		"it hangs":                    {config.After{Command: []string{"sleep", "60"}, Timeout: config.Duration(50 * time.Millisecond)}, "did not end"},
		"it changes the version":      {shell(`sed -i 's/^version: .*/version: 9.9.9/' Chart.yaml`), "Chart.yaml"},
		"it removes Chart.yaml":       {shell(`rm Chart.yaml`), "broke a field"},
		"it writes a link to outside": {shell(`ln -s ../../../etc/passwd users`), "leads out"},
		"it leaves a pipe":            {shell(`mkfifo pipe`), "neither a file nor a link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withoutBuild(t)
			w.p.Config.Chart.After = []config.After{c.after}
			_, err := Bump(t.Context(), w.p)
			if failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), c.want) {
				t.Errorf("(%s) %v, want %q", failure.Of(err), err, c.want)
			}
			if _, err := (&gitrepo.Repo{Dir: w.qa}).Head(t.Context()); !errors.Is(err, gitrepo.ErrNoRef) {
				t.Errorf("a candidate was pushed: %v", err)
			}
		})
	}
}

// The chart shares the root of its repository with the files of a CI engine.
func TestACommandAfterTheEditChangesNoFileOfACIEngine(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.p.Config.Stages[0].Candidate.Path = "."
	w.p.Config.Chart.After = []config.After{shell("echo x >README.md")}
	if _, err := Bump(t.Context(), w.p); err != nil || w.candidate("README.md") != "x\n" {
		t.Fatalf("%v", err)
	}
	w.p.Config.Chart.After = []config.After{shell("mkdir -p .github/workflows; echo evil >.github/workflows/x.yaml")}
	if _, err := Bump(t.Context(), w.p); !errors.Is(err, candidate.ErrAfter) || !strings.Contains(err.Error(), ".github/workflows/x.yaml") {
		t.Errorf("%v", err)
	}
}

func TestAnnotationsOfArtifactHubAreFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/Chart.yaml", chartYAML+"annotations:\n  artifacthub.io/prerelease: \"false\"\n  artifacthub.io/images: |\n    - name: old\n      image: old:v0\n  artifacthub.io/changes: \"\"\n  other: kept\n")
	w.commit("feat: annotations")
	w.tag("v1.0.0")
	w.write("x", "y")
	w.commit("fix: the x")
	w.tag("v1.1.0-rc.1")
	w.p.Config.Chart.Fields["Chart.yaml"][`annotations.artifacthub\.io/prerelease`] = config.Prerelease
	w.p.Config.Chart.Fields["Chart.yaml"][`annotations.artifacthub\.io/images`] = config.Images
	w.p.Config.Chart.Fields["Chart.yaml"][`annotations.artifacthub\.io/changes`] = config.Changes
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	got := w.candidate("hello/Chart.yaml")
	for _, want := range []string{
		"artifacthub.io/prerelease: \"true\"\n", `artifacthub.io/images: "- image: ` + w.host + `/hello:v1.1.0-rc.1\n  name: hello"`, `artifacthub.io/changes: "- description: the x\n  kind: fixed"`, "  other: kept\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Chart.yaml lacks %s:\n%s", want, got)
		}
	}
}

// A repository of many files is not written to disk for a chart of a few.
func TestBumpReadsTheChartAlone(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.write("src/big.txt", strings.Repeat("x", 1<<20))
	w.commit("big")
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"source/charts/hello/Chart.yaml": true, "source/src": false} {
		if _, err := os.Stat(w.p.Work.File(name)); (err == nil) != want {
			t.Errorf("%s exists: %v, want %v", name, !want, want)
		}
	}
}

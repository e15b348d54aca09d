package step

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/release"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// git runs a command in the source repository.
func (w *world) git(args ...string) {
	w.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir = w.source.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
}

func (w *world) filed(version, content string) string {
	w.t.Helper()
	w.write("charts/filed/Chart.yaml", "apiVersion: v2\nname: filed\nversion: "+version+"\nappVersion: \"16.2\"\n")
	w.write("charts/filed/templates/cm.yaml", content+"\n")
	return w.commit("filed " + version + " " + content)
}

func TestAChartWithItsVersionInChartYAMLIsChangedByTheCommitThatSetsIt(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	isChanged := func() bool { return strings.Contains(w.changed(""), "filed") }
	if !isChanged() {
		t.Error("the commit that sets the first version is no change")
	}
	w.write("README.md", "text\n")
	w.commit("docs: no chart")
	if isChanged() {
		t.Error("a commit that does not touch the chart is a change of it, without any tag")
	}
	w.filed("1.0.0", "# changed")
	if !isChanged() {
		t.Error("a change without a higher version is none")
	}
	// A merge sets the version on the branch, whichever of the merged commits has raised it.
	w.git("checkout", "-q", "-b", "topic")
	w.filed("1.0.1", "# changed")
	w.filed("1.0.1", "# changed again")
	w.git("checkout", "-q", "main")
	w.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
	if list, err := w.p.Changed(t.Context(), ""); err != nil || !strings.Contains(list[len(list)-1].Why, "sets version 1.0.1") {
		t.Errorf("the merge: %+v, %v", list, err)
	}
	w.write("README.md", "more text\n")
	w.commit("docs: more")
	if isChanged() {
		t.Error("after the merge: the chart is still changed")
	}
}

func TestAVersionInChartYAMLWithoutACandidateIsTakenByALaterCommit(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.filed("1.0.1", "# changed")
	w.write("README.md", "text\n")
	w.commit("docs: the build of the commit before this one has failed")
	chosen := func() (names []string) {
		list, err := w.p.Select(t.Context(), Selection{Candidates: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			names = append(names, p.Config.Label())
		}
		return names
	}
	if got := chosen(); len(got) != 1 || got[0] != "filed" {
		t.Errorf("without a candidate: %q, want filed", got)
	}
	if _, err := Bump(t.Context(), w.one("filed")); err != nil {
		t.Fatal(err)
	}
	if got := chosen(); len(got) != 0 {
		t.Errorf("with a candidate: %q, want none", got)
	}
}

func TestAReleaseTakesAVersionWithOrWithoutThePrefixAndTheV(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	for exact, want := range map[string]string{"v1.5": "1.5.0", "filed-v1.6.0": "1.6.0", "1.7.0-rc.1": "1.7.0-rc.1", "next": "", "v0.1": "", "1.2.3.4": ""} {
		p := w.one("filed")
		p.DryRun = true
		r, err := p.Raise(t.Context(), "", exact)
		switch {
		case want == "" && failure.Of(err) != failure.BadInput:
			t.Errorf("%s: %+v, %v", exact, r, err)
		case want != "" && (err != nil || r.Version != want):
			t.Errorf("%s: %+v, %v; want %s", exact, r, err, want)
		}
	}
	for exact, want := range map[string]string{"1.5.0": "api-1.5.0", "v1.5": "api-v1.5", "api-1.5.0": "api-1.5.0"} {
		p := w.one("api")
		r, err := release.Tag(t.Context(), p.Dir, p.Git(), release.Options{DryRun: true, Tags: p.Config.ChartTags(), Version: exact})
		if err != nil || r.Tag != want {
			t.Errorf("%s: %+v, %v; want %s", exact, r, err, want)
		}
	}
}

func TestAStepRaisesTheVersionInChartYAML(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	file := w.source.Dir + "/charts/filed/Chart.yaml"
	const after = " # its own\nappVersion: \"16.2\"\n"
	for i, c := range []struct {
		kind      version.Bump
		old, want string
	}{
		{"", "1.4.2", "1.4.3"}, {version.Patch, "1.4.2", "1.4.3"}, {version.Minor, "1.4.2", "1.5.0"}, {version.Major, "1.4.2", "2.0.0"}, {version.Minor, "1.5.0-rc.1", "1.5.0"},
	} {
		before := fmt.Sprintf("# Chart %d.\napiVersion: v2\nname: filed\nversion: ", i)
		w.write("charts/filed/Chart.yaml", before+c.old+after)
		head := w.commit("filed " + c.old + " " + string(c.kind))
		for _, dry := range []bool{true, false} {
			p := w.one("filed")
			p.DryRun = dry
			r, err := p.Raise(t.Context(), c.kind, "")
			if err != nil || *r != (RaiseResult{"filed", c.want, c.old, "charts/filed/Chart.yaml"}) {
				t.Fatalf("%s of %s: %+v, %v", c.kind, c.old, r, err)
			}
			want := before + map[bool]string{true: c.old, false: c.want}[dry] + after
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("%s of %s, dry run %t: the file is\n%s%v", c.kind, c.old, dry, got, err)
			}
		}
		if at, err := w.source.Head(t.Context()); err != nil || at != head {
			t.Errorf("%s of %s: a commit was created: %s, %v", c.kind, c.old, at, err)
		}
	}
}

func TestAnApprovalOfSeveralChartsNamesThem(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	leave := func(name string) {
		if err := w.one(name).Work.WriteJSON(verified.File, map[string]string{"record": name}); err != nil {
			t.Fatal(err)
		}
	}
	leave("api")
	if list, err := w.p.SelectForApprove(Selection{}, ""); err != nil || len(list) != 1 {
		t.Errorf("the only package: %d, %v", len(list), err)
	}
	leave("web")
	if _, err := w.p.SelectForApprove(Selection{}, ""); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "api, web; select those to approve with --chart NAME") {
		t.Errorf("one of two packages: %v", err)
	}
	for want, s := range map[int]Selection{1: {Names: []string{"web"}}, 2: {All: true}} {
		if list, err := w.p.SelectForApprove(s, ""); err != nil || len(list) != want {
			t.Errorf("%+v: %d, %v", s, len(list), err)
		}
	}
}

package step

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// checkedOut is a clone of a candidates' repository whose top is the chart, and what a clean clone is packaged as.
func checkedOut(t *testing.T) (w *world, dir string, clean *candidate.Candidate) {
	t.Helper()
	w = newWorld(t)
	w.write("charts/hello/files/target.txt", "first")
	if err := os.Symlink("target.txt", w.source.Dir+"/charts/hello/files/link.txt"); err != nil {
		t.Fatal(err)
	}
	w.commit("with a link")
	w.p.Config.Tester().Candidate.Path = "."
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	clean, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "qa")
	git(t, w.qa, "clone", "-q", w.qa, dir)
	return w, dir, clean
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v %s", args, err, out)
	}
	return string(out)
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// contents are the files of a candidate's package.
func contents(t *testing.T, c *candidate.Candidate) map[string]string {
	t.Helper()
	l, err := loader.LoadArchive(bytes.NewReader(c.Package.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range l.Raw {
		all[f.Name] = string(f.Data)
	}
	return all
}

func TestWhatLiesBesideACandidateStaysOutOfItsPackage(t *testing.T) {
	t.Parallel()
	w, dir, clean := checkedOut(t)
	w.p.Work = workdir.Dir(dir + "/dist")
	put(t, dir+"/dist/x", "built")
	put(t, dir+"/hello", strings.Repeat("x", 6<<20)) // more than Helm takes
	put(t, dir+"/templates/untracked.yaml", "a: b\n")
	head := w.candidates()[0].Hash
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+head+",other")
	put(t, dir+"/other/y", "of another repository")
	for range 2 {
		c, err := w.p.candidates().Open(t.Context(), dir, "")
		if err != nil {
			t.Fatal(err)
		}
		if c.Package.Digest != clean.Package.Digest {
			t.Errorf("it is not the package of a clean clone:\n%q", contents(t, c))
		}
	}
}

func TestACheckoutIsPackagedAsItIsNow(t *testing.T) {
	t.Parallel()
	w, dir, _ := checkedOut(t)
	put(t, dir+"/files/target.txt", "second")
	if err := os.Remove(dir + "/templates/cm.yaml"); err != nil {
		t.Fatal(err)
	}
	put(t, dir+"/files/added.txt", "added")
	git(t, dir, "add", "files/added.txt")
	c, err := w.p.candidates().Open(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	got := contents(t, c)
	if _, there := got["templates/cm.yaml"]; there || got["files/link.txt"] != "second" || got["files/added.txt"] != "added" {
		t.Errorf("it holds %q", got)
	}
	if _, err := os.Stat(dir + "/.git"); err != nil {
		t.Errorf("the checkout has changed: %v", err)
	}
}

func TestADirectoryThatIsNoWorkTreeIsPackagedAsItIs(t *testing.T) {
	t.Parallel()
	w, dir, clean := checkedOut(t)
	inner := dir + "/copy" // within a work tree, and not its top
	if err := os.CopyFS(inner, os.DirFS(filepath.Join(string(w.p.Work), "candidate"))); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := errors.Join(os.CopyFS(plain, os.DirFS(inner)), os.RemoveAll(plain+"/.git"), os.RemoveAll(inner+"/.git")); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{plain, inner} {
		c, err := w.p.candidates().Open(t.Context(), at, "")
		if err != nil || c.Package.Digest != clean.Package.Digest {
			t.Fatalf("%s: %v", at, err)
		}
		put(t, at+"/files/more.txt", "more")
		if c, err := w.p.candidates().Open(t.Context(), at, ""); err != nil || contents(t, c)["files/more.txt"] != "more" {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestALinkOutOfACheckoutIsNotPackaged(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, w *world, dir, outside string) error{
		"a directory of tracked files is a link now": func(_ *testing.T, _ *world, dir, outside string) error {
			return errors.Join(os.RemoveAll(dir+"/templates"), os.Symlink(outside, dir+"/templates"))
		},
		"a tracked link": func(t *testing.T, _ *world, dir, outside string) error {
			err := os.Symlink(outside+"/cm.yaml", dir+"/templates/out.yaml")
			git(t, dir, "add", "templates/out.yaml")
			return err
		},
		"the chart itself": func(t *testing.T, w *world, dir, outside string) error {
			w.p.Config.Tester().Candidate.Path = "chart"
			err := errors.Join(os.CopyFS(outside, os.DirFS(dir)), os.Symlink(outside, dir+"/chart"))
			git(t, dir, "add", "chart")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir, _ := checkedOut(t)
			outside := t.TempDir()
			put(t, outside+"/cm.yaml", "a: b\n")
			if err := spoil(t, w, dir, outside); err != nil {
				t.Fatal(err)
			}
			if _, err := w.p.candidates().Open(t.Context(), dir, ""); !errors.Is(err, chart.ErrUnsafe) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAChartThatGitDoesNotTrackIsReportedSo(t *testing.T) {
	t.Parallel()
	w, dir, _ := checkedOut(t)
	git(t, dir, "rm", "-q", "--cached", "Chart.yaml")
	if _, err := w.p.candidates().Open(t.Context(), dir, ""); !errors.Is(err, chart.ErrNoChart) || !strings.Contains(err.Error(), "add the chart with git add") {
		t.Errorf("got %v", err)
	}
}

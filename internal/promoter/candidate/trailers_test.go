package candidate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// proposing is a repository whose candidates go through pull requests, with the chart at a path of dir.
func proposing(t *testing.T, chartPath string) (r Repository, dir string, root *os.Root) {
	t.Helper()
	dir = t.TempDir()
	r = Repository{Config: &config.Config{Name: "hello", Stages: []config.Stage{{Candidate: &config.Candidate{Path: chartPath, PullRequest: &config.PullRequest{}}, Verify: &config.Verify{}}}}}
	for name, text := range map[string]string{"Chart.yaml": "name: hello\n", "templates/a.yaml": "a: 1\n", "run.sh": "true\n"} {
		full := filepath.Join(dir, chartPath, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := gitrepo.Init(t.Context(), dir, "main", false); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return r, dir, root
}

// committed commits all files of a directory, and is its repository.
func committed(t *testing.T, dir string) *gitrepo.Repo {
	t.Helper()
	repo, err := gitrepo.Open(t.Context(), dir, gitrepo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Commit(t.Context(), "A title (#7)", gitrepo.Author{}); err != nil && !errors.Is(err, gitrepo.ErrNothingToCommit) {
		t.Fatal(err)
	}
	return repo
}

func update(commit string) Update {
	return Update{Version: version.Version{Chart: "1.0.0", Commit: commit}, Files: "example.com/x@sha256:0", Run: "https://ci.example.com/1"}
}

func TestTrailersAreThoseOfTheContentOfTheirChart(t *testing.T) {
	t.Parallel()
	for _, chartPath := range []string{".", "hello", "charts/hello"} {
		for name, c := range map[string]struct {
			change func(dir, chart string) error
			valid  bool
		}{
			"nothing":                     {func(string, string) error { return nil }, true},
			"a file beside the chart":     {func(dir, _ string) error { return os.WriteFile(dir+"/.travis.yml", nil, 0o644) }, true},
			"rights of others":            {func(_, chart string) error { return os.Chmod(chart+"/Chart.yaml", 0o664) }, true},
			"the content of a file":       {func(_, chart string) error { return os.WriteFile(chart+"/Chart.yaml", []byte("name: other\n"), 0o644) }, false},
			"another file":                {func(_, chart string) error { return os.WriteFile(chart+"/templates/b.yaml", nil, 0o644) }, false},
			"a file less":                 {func(_, chart string) error { return os.Remove(chart + "/run.sh") }, false},
			"a file that can be executed": {func(_, chart string) error { return os.Chmod(chart+"/run.sh", 0o755) }, false},
			"a link with the same content": {func(_, chart string) error {
				return errors.Join(os.Remove(chart+"/run.sh"), os.Symlink("true\n", chart+"/run.sh"))
			}, false},
			"the trailers of another chart": {func(dir, _ string) error {
				return os.WriteFile(filepath.Join(dir, chart.TrailersPath(chartPath)), []byte("Source-Commit: b\nContent: sha256:0\n"), 0o644)
			}, false},
		} {
			r, dir, root := proposing(t, chartPath)
			if err := r.writeTrailers(t.Context(), dir, root, update("aaaa")); err != nil {
				t.Fatal(err)
			}
			repo := committed(t, dir)
			if err := c.change(dir, filepath.Join(dir, chartPath)); err != nil {
				t.Fatal(err)
			}
			if err := repo.Add(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.checkTrailers(t, chartPath+", "+name+", not committed", dir, c.valid)
			committed(t, dir)
			r.checkTrailers(t, chartPath+", "+name, dir, c.valid)
			log, err := repo.Log(t.Context(), "HEAD", 1)
			if err != nil || (SourceAt(t.Context(), repo, log[0], chartPath) != "") != c.valid {
				t.Errorf("%s, %s: the source of %+v, %v", chartPath, name, log, err)
			}
		}
	}
}

// checkTrailers checks whether the trailers of a checkout are valid.
func (r Repository) checkTrailers(t *testing.T, what, dir string, valid bool) {
	t.Helper()
	got, err := r.trailers(t.Context(), dir, dir)
	if err != nil || (got != "") != valid || valid && (SourceCommit(got) != "aaaa" || trailer(got, filesTrailer) != "example.com/x@sha256:0" || trailer(got, versionLine) != "1.0.0") {
		t.Errorf("%s: %q, %v", what, got, err)
	}
	if strings.Contains(got, "ci.example.com") {
		t.Errorf("%s: the file has the run, which makes each run another candidate", what)
	}
}

func TestTheSameContentIsTheSameCandidate(t *testing.T) {
	t.Parallel()
	r, dir, root := proposing(t, "hello")
	for _, commit := range []string{"aaaa", "bbbb"} {
		if err := r.writeTrailers(t.Context(), dir, root, update(commit)); err != nil {
			t.Fatal(err)
		}
	}
	committed(t, dir)
	if got, err := r.trailers(t.Context(), dir, dir); err != nil || SourceCommit(got) != "aaaa" {
		t.Errorf("%q, %v", got, err)
	}
	// Without pull requests, a commit keeps its message; but a file that exists follows.
	r.settings().PullRequest = nil
	if err := os.WriteFile(dir+"/hello/Chart.yaml", []byte("name: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.writeTrailers(t.Context(), dir, root, update("cccc")); err != nil {
		t.Fatal(err)
	}
	committed(t, dir)
	if got, err := r.trailers(t.Context(), dir, dir); err != nil || SourceCommit(got) != "cccc" {
		t.Errorf("%q, %v", got, err)
	}
	other, dir, root := proposing(t, "hello")
	other.settings().PullRequest = nil
	if err := other.writeTrailers(t.Context(), dir, root, update("aaaa")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/" + chart.TrailersDir); err == nil {
		t.Error("a candidate that is pushed has a file of trailers")
	}
}

func TestHostileTrailersAreRejected(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("Source-Commit: aaaa\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := chart.TrailersPath("hello")
	for name, c := range map[string]struct {
		put  func(dir string) error
		want error
	}{
		"a link out of the repository": {func(dir string) error { return os.Symlink(secret, filepath.Join(dir, at)) }, chart.ErrUnsafe},
		"a link with steps up":         {func(dir string) error { return os.Symlink("../../../../../../../.."+secret, filepath.Join(dir, at)) }, chart.ErrUnsafe},
		"a link to itself":             {func(dir string) error { return os.Symlink("hello.txt", filepath.Join(dir, at)) }, failure.ErrInput},
		"a directory":                  {func(dir string) error { return os.Mkdir(filepath.Join(dir, at), 0o755) }, failure.ErrInput},
		"more than a mebibyte": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, at), make([]byte, maxTrailers+1), 0o644)
		}, failure.ErrInput},
		"a link of the directory, outwards": {func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/"+chart.TrailersDir), os.Symlink(filepath.Dir(secret), dir+"/"+chart.TrailersDir))
		}, chart.ErrUnsafe},
	} {
		r, dir, root := proposing(t, "hello")
		if err := errors.Join(os.MkdirAll(dir+"/"+chart.TrailersDir, 0o755), c.put(dir)); err != nil {
			t.Fatal(err)
		}
		if got, err := r.trailers(t.Context(), dir, dir); !errors.Is(err, c.want) || failure.Of(err) != failure.BadInput || got != "" {
			t.Errorf("%s, read: %q, %v; want %v", name, got, err, c.want)
		}
		if err := r.writeTrailers(t.Context(), dir, root, update("bbbb")); err == nil {
			t.Errorf("%s is written through", name)
		}
		if data, err := os.ReadFile(secret); err != nil || !strings.HasPrefix(string(data), "Source-Commit: aaaa") {
			t.Fatalf("%s: the file outside is %q now, %v", name, data, err)
		}
	}
}

func TestALineOfACandidateIsOneValue(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"Source-Commit: a\n": "a", "Source-Commit: a\r\nChart: b\r\n": "a", "x\n\nSource-Commit: a\nSource-Commit: b\n": "a", "Source-Commit:a\n": "", " Source-Commit: a\n": "", "": "",
	} {
		if got := SourceCommit(body); got != want {
			t.Errorf("%s is %q, want %q", fmt.Sprintf("%q", body), got, want)
		}
	}
}

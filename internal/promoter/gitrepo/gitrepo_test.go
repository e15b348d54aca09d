package gitrepo

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// remoteWith creates a bare repository whose branch main holds these files.
func remoteWith(t *testing.T, files map[string]string) string {
	t.Helper()
	url := filepath.Join(t.TempDir(), "remote.git")
	if _, err := Init(t.Context(), url, "main", true); err != nil {
		t.Fatal(err)
	}
	if len(files) > 0 {
		push(t, url, files)
	}
	return url
}

// TestMain keeps the git configuration of the user who runs the tests out of them.
func TestMain(m *testing.M) { os.Exit(testtools.RunWithPrivateHome(m)) }

func push(t *testing.T, url string, files map[string]string) string {
	t.Helper()
	commit, changed, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		for name, content := range files {
			write(t, filepath.Join(dir, name), content)
		}
		return "add files", true, nil
	}, UpdateOptions{})
	if err != nil || !changed {
		t.Fatalf("pushing: changed %v, %v", changed, err)
	}
	return commit
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func clone(t *testing.T, url string, o CloneOptions) *Repo {
	t.Helper()
	r, err := Clone(t.Context(), url, filepath.Join(t.TempDir(), "clone"), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASparseCloneHasOnlyItsPaths(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"index.yaml": "i", "a-1.tgz": "a", "sub/b": "b"})
	r := clone(t, url, CloneOptions{Depth: 1, Sparse: []string{"/index.yaml"}})
	var files []string
	entries, _ := os.ReadDir(r.Dir)
	for _, e := range entries {
		if e.Name() != ".git" {
			files = append(files, e.Name())
		}
	}
	if len(files) != 1 || files[0] != "index.yaml" {
		t.Errorf("the work tree holds %v, want index.yaml alone", files)
	}
}

func TestACloneWithoutFilesHasItsCommits(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a/b": "content"})
	r := clone(t, url, CloneOptions{NoFiles: true})
	entries, err := os.ReadDir(r.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != ".git" {
		t.Errorf("the work tree holds %v, %v", entries, err)
	}
	log, err := r.Log(t.Context(), "HEAD", 0, "a/b")
	if err != nil || len(log) != 1 {
		t.Fatalf("%v, %v", log, err)
	}
	if data, err := r.File(t.Context(), log[0].Hash, "a/b"); err != nil || string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestARemoteThatCannotBeUsedIsATypedError(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	for name, c := range map[string]struct {
		url, branch string
		want        error
	}{
		"no such directory":    {t.TempDir() + "/nowhere.git", "main", ErrUnreachable},
		"nobody listens there": {"http://127.0.0.1:1/x.git", "main", ErrUnreachable},
		"no such branch":       {url, "feature", ErrNoBranch},
		"a malformed address":  {"http://user:secret-word@bad host/x", "main", ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Clone(t.Context(), c.url, filepath.Join(t.TempDir(), "c"), CloneOptions{Branch: c.branch})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("the message shows the password: %v", err)
			}
		})
	}
}

func TestExportContainsTheCommitAndNothingElse(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1", "sub/b": "2", ".gitattributes": "sub export-ignore\n"})
	r := clone(t, url, CloneOptions{})
	write(t, r.Dir+"/a", "changed")
	write(t, r.Dir+"/new", "not in the commit")
	dir := t.TempDir()
	if err := r.Export(t.Context(), "HEAD", dir); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(dir + "/a"); string(got) != "1" {
		t.Errorf("a holds %q, want what was committed", got)
	}
	if got, _ := os.ReadFile(dir + "/sub/b"); string(got) != "2" {
		t.Errorf("sub/b holds %q: an attribute left it out", got)
	}
	if dirty, err := r.DirtyFiles(t.Context()); err != nil || len(dirty) != 1 {
		t.Errorf("the work tree has the changes %v, %v; want that of a alone", dirty, err)
	}
	if _, err := os.Stat(dir + "/new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("a file that is not in the commit was exported")
	}
	if err := r.Export(t.Context(), "no-such-tag", t.TempDir()); !errors.Is(err, ErrNoRef) {
		t.Errorf("exporting an unknown tag: %v, want ErrNoRef", err)
	}
}

func TestGitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reached := make(chan struct{})
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(reached) })
		<-r.Context().Done()
	}))
	defer srv.Close()
	go func() { <-reached; cancel() }()
	if _, err := Clone(ctx, srv.URL+"/x.git", t.TempDir()+"/c", CloneOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestOpenOutsideARepositoryIsATypedError(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	if _, err := Open(t.Context(), t.TempDir(), Options{}); !errors.Is(err, ErrNotARepository) {
		t.Errorf("got %v, want ErrNotARepository", err)
	}
}

package publish

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// tree is all files of a directory, without git's own and the lock.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".chart-promoter") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(content)
	}
	return files
}

// A publisher is stopped before and after each single write, and run again.
func TestAPublisherThatStopsAnywhereIsCompletedByTheNextRun(t *testing.T) {
	t.Parallel()
	first, second := item(t, "1.0.0"), item(t, "1.1.0")
	second.Provenance = []byte("signed")
	want := t.TempDir()
	for _, i := range []Item{first, second} {
		if _, err := (folder{dir: want}).publish(i); err != nil {
			t.Fatal(err)
		}
	}
	for stop := 1; stop <= 8; stop++ { // four files, before and after each
		dir := t.TempDir()
		if _, err := (folder{dir: dir}).publish(first); err != nil {
			t.Fatal(err)
		}
		stopped, step := errors.New("stopped"), 0
		_, err := folder{dir: dir, write: func(file string, content ...[]byte) error {
			for range 2 {
				if step++; step == stop {
					return stopped
				}
				if step%2 == 1 {
					if err := writeFile(file, content...); err != nil {
						return err
					}
				}
			}
			return nil
		}}.publish(second)
		if !errors.Is(err, stopped) {
			t.Fatalf("step %d was not reached: %v", stop, err)
		}
		everyArchiveMatches(t, dir, -1)
		if _, err := (folder{dir: dir}).publish(second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tree(t, want), tree(t, dir)); diff != "" {
			t.Errorf("stopped at step %d it ends as\n%s", stop, diff)
		}
	}
}

func TestAPackageIsWrittenBeforeTheIndexThatNamesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var order []string
	_, err := folder{dir: dir, write: func(file string, content ...[]byte) error {
		order = append(order, filepath.Base(file))
		return writeFile(file, content...)
	}}.publish(item(t, "1.0.0"))
	if diff := cmp.Diff([]string{"operator-1.0.0.tgz", "operator-1.0.0.intoto.jsonl", "index.yaml"}, order); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestAPackageAndItsEntryAreOneCommit(t *testing.T) {
	t.Parallel()
	cfg := Config{Git: bare(t)}
	i := item(t, "1.0.0")
	i.Message = "Promote operator 1.0.0\n\nfrom commit abc"
	r := publish(t, open(t, cfg), i)
	dir := checkout(t, cfg)
	out, err := exec.Command("git", "-C", dir, "show", "--stat", "--format=%H %B", "HEAD").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{r.Commit, "Promote operator 1.0.0", "from commit abc", "operator-1.0.0.tgz", "operator-1.0.0.intoto.jsonl", "index.yaml"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	publish(t, open(t, cfg), i)
	if count, _ := exec.Command("git", "-C", cfg.Git, "rev-list", "--count", "main").Output(); strings.TrimSpace(string(count)) != "1" {
		t.Errorf("%s commits", count)
	}
}

func TestOtherFilesOfTheRepositoryStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"README.md": "read me", "index.html": "<p>", "other-1.0.0.tgz": "x"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, open(t, Config{Directory: dir}), item(t, "1.0.0"))
	got := tree(t, dir)
	for name, content := range files {
		if got[name] != content {
			t.Errorf("%s is %q", name, got[name])
		}
	}
}

func TestAnIndexEntryWhoseArchiveIsGone(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(file string) error{
		"gone":    os.Remove,
		"damaged": func(file string) error { return os.WriteFile(file, []byte("x"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, i := t.TempDir(), item(t, "1.0.0")
			target := open(t, Config{Directory: dir})
			publish(t, target, i)
			if err := damage(filepath.Join(dir, i.Package.Filename())); err != nil {
				t.Fatal(err)
			}
			if _, _, err := target.Latest(t.Context(), "operator"); !errors.Is(err, ErrArchiveMissing) {
				t.Errorf("got %v", err)
			}
			if r := publish(t, target, i); !r.Changed {
				t.Error("publishing it again does not repair it")
			}
			everyArchiveMatches(t, dir, 1)
		})
	}
}

func TestATagWhoseLayerTheRegistryLost(t *testing.T) {
	t.Parallel()
	blobs := registry.NewInMemoryBlobHandler()
	s := httptest.NewServer(registry.New(registry.Logger(quiet()), registry.WithBlobHandler(blobs)))
	t.Cleanup(s.Close)
	target, i := open(t, Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/charts"}), item(t, "1.0.0")
	publish(t, target, i)
	layer := v1.Hash{Algorithm: "sha256", Hex: i.Package.Digest}
	if err := blobs.(registry.BlobDeleteHandler).Delete(t.Context(), "charts/operator", layer); err != nil {
		t.Fatal(err)
	}
	if _, _, err := target.Latest(t.Context(), "operator"); !errors.Is(err, ErrArchiveMissing) {
		t.Errorf("got %v", err)
	}
	i.DryRun = true
	if r := publish(t, target, i); !r.Changed {
		t.Error("the dry run does not report that it would repair it")
	}
	if _, _, err := target.Latest(t.Context(), "operator"); !errors.Is(err, ErrArchiveMissing) {
		t.Errorf("after a dry run: %v", err)
	}
	i.DryRun = false
	for _, changes := range []bool{true, false} {
		if r := publish(t, target, i); r.Changed != changes {
			t.Errorf("publishing it again changes something: %t", r.Changed)
		}
		if _, archive, err := target.Latest(t.Context(), "operator"); err != nil || chart.Digest(archive) != i.Package.Digest {
			t.Errorf("it was published again: %v", err)
		}
	}
}

func TestAForeignArchiveWithoutEntryIsNotOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := item(t, "1.0.0")
	file := filepath.Join(dir, i.Package.Filename())
	if err := os.WriteFile(file, pkg(t, "1.0.0", "b").Bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	var conflict *index.DigestConflictError
	if _, err := open(t, Config{Directory: dir}).Publish(t.Context(), i); !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
	if len(tree(t, dir)) != 1 {
		t.Error("something was written")
	}
}

func TestACorruptIndexStopsEverythingAndStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const corrupt = "apiVersion: v1\nentries:\n  <<<<<<< HEAD\n"
	if err := os.WriteFile(filepath.Join(dir, indexFile), []byte(corrupt), 0o644); err != nil {
		t.Fatal(err)
	}
	target := open(t, Config{Directory: dir})
	if _, err := target.Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{indexFile: corrupt}, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestAFullDiskLeavesTheRepositoryAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish(t, open(t, Config{Directory: dir}), item(t, "1.0.0"))
	before := tree(t, dir)
	_, err := folder{dir: dir, write: func(string, ...[]byte) error { return errors.New("no space left on device") }}.publish(item(t, "1.1.0"))
	if !errors.Is(err, ErrUnusable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestALockThatIsHeldEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := &directory{folder{dir: dir}}
	_, err := d.exclusive(t.Context(), func(folder) (Result, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := open(t, Config{Directory: dir}).Publish(ctx, item(t, "1.0.0"))
		return Result{}, err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Helm itself adds the repository and takes the package, by addresses relative
// to the index and by absolute ones.
func TestHelmInstallsFromTheRepository(t *testing.T) {
	t.Parallel()
	for name, absolute := range map[string]bool{"relative addresses": false, "absolute addresses": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := httptest.NewServer(http.StripPrefix("/charts/", http.FileServer(http.Dir(dir))))
			t.Cleanup(s.Close)
			cfg := Config{Directory: dir}
			if absolute {
				cfg.URL = s.URL + "/charts/"
			}
			for _, v := range []string{"1.0.0", "1.0.1-dev.3.gabcdef0", "0.9.0"} {
				publish(t, open(t, cfg), item(t, v))
			}
			settings := &cli.EnvSettings{RepositoryCache: t.TempDir()}
			address, err := repo.FindChartInRepoURL(s.URL+"/charts", "operator", "", "", "", "", getter.All(settings))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			archive, _ := io.ReadAll(resp.Body)
			if want := item(t, "1.0.0").Package; chart.Digest(archive) != want.Digest {
				t.Errorf("%s is not the last release", address)
			}
		})
	}
}

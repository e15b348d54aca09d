package publish

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

// landingPage is the page that the git and directory targets of the tests have beside their index.
var landingPage = &Page{Name: pageFile, Render: func(index []byte) ([]byte, error) {
	return seal.Seal(append([]byte("<h1>operator</h1>\n"), index...)), nil
}}

const pageFile = "landing.html"

// pageMatches checks that the landing page is the one that belongs to the index.
func pageMatches(t testing.TB, dir string) {
	t.Helper()
	files := tree(t, dir)
	want, err := landingPage.Render([]byte(files[indexFile]))
	if diff := cmp.Diff(string(want), files[pageFile]); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestALandingPageIsKeptBesideTheIndex(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		if strings.HasPrefix(name, "oci") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			target := open(t, cfg)
			for _, v := range []string{"1.0.0", "1.1.0"} {
				publish(t, target, item(t, v))
				pageMatches(t, checkout(t, cfg))
			}
			if got := tree(t, checkout(t, cfg))[pageFile]; !strings.Contains(got, item(t, "1.1.0").Package.Digest) {
				t.Errorf("1.1.0 is not in\n%s", got)
			}
			if _, err := target.Yank(t.Context(), "operator", "1.1.0"); err != nil {
				t.Fatal(err)
			}
			pageMatches(t, checkout(t, cfg))
			if got := tree(t, checkout(t, cfg))[pageFile]; strings.Contains(got, "1.1.0") {
				t.Errorf("1.1.0 is still in\n%s", got)
			}
		})
	}
}

func TestAPageIsInTheCommitOfItsIndex(t *testing.T) {
	t.Parallel()
	cfg := Config{Git: bare(t), Page: landingPage}
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(t, open(t, cfg), item(t, v))
	}
	if _, err := open(t, cfg).Yank(t.Context(), "operator", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-C", cfg.Git, "log", "--format=%s", "--", pageFile).Output()
	if diff := cmp.Diff("Yank operator 1.0.0\nPublish operator 1.1.0\nPublish operator 1.0.0\n", string(out)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if out, _ := exec.Command("git", "-C", cfg.Git, "rev-list", "--count", "main").Output(); strings.TrimSpace(string(out)) != "3" {
		t.Errorf("%s commits", out)
	}
}

func TestAForeignPageIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	ours, err := landingPage.Render(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"written by a person":    "<h1>Our charts</h1>",
		"ours with a change":     strings.Replace(string(ours), "operator", "Operator", 1),
		"empty":                  "",
		"a page of another tool": "<!doctype html><meta name=generator content=chart-promoter>",
	} {
		t.Run(name, func(t *testing.T) {
			for kind, cfg := range map[string]Config{"directory": {Directory: t.TempDir(), Page: landingPage}, "git": {Git: bare(t), Page: landingPage}} {
				if cfg.Git != "" {
					commitFile(t, cfg.Git, pageFile, content)
				} else if err := os.WriteFile(filepath.Join(cfg.Directory, pageFile), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				r := publish(t, open(t, cfg), item(t, "1.0.0"))
				yanked, err := open(t, cfg).Yank(t.Context(), "operator", "1.0.0")
				if got := tree(t, checkout(t, cfg))[pageFile]; got != content || !r.PageKept || !yanked.PageKept || err != nil {
					t.Errorf("%s: it is %q, reported as kept: %t %t, %v", kind, got, r.PageKept, yanked.PageKept, err)
				}
				kept, err := open(t, cfg).KeepPage(t.Context(), pageFile, func(context.Context) ([]byte, error) { return ours, nil })
				if got := tree(t, checkout(t, cfg))[pageFile]; got != content || !kept.PageKept || kept.Changed || err != nil {
					t.Errorf("%s: it is %q after %+v, %v", kind, got, kept, err)
				}
			}
		})
	}
}

// commitFile commits a file to a bare repository.
func commitFile(t testing.TB, repository, name, content string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	script := "git init -q -b main && git add -A && git -c user.name=a -c user.email=a@localhost commit -qm seed && git push -q " + repository + " main"
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// Stopped after the index and before the page, the next run writes the page.
func TestAPublisherStoppedBeforeThePageWritesItTheNextTime(t *testing.T) {
	t.Parallel()
	dir, stopped := t.TempDir(), errors.New("stopped")
	f := folder{dir: dir, page: landingPage, write: func(file string, content ...[]byte) error {
		if filepath.Base(file) == pageFile {
			return stopped
		}
		return writeFile(file, content...)
	}}
	if _, err := f.publish(item(t, "1.0.0")); !errors.Is(err, stopped) {
		t.Fatalf("got %v", err)
	}
	everyArchiveMatches(t, dir, 1)
	if r, err := (folder{dir: dir, page: landingPage}).publish(item(t, "1.0.0")); err != nil || !r.Changed {
		t.Errorf("%+v %v", r, err)
	}
	pageMatches(t, dir)
	if r, err := (folder{dir: dir, page: landingPage}).publish(item(t, "1.0.0")); err != nil || r.Changed {
		t.Errorf("a third time: %+v %v", r, err)
	}
}

func TestKeepPageUpdatesAPage(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		cfg := config(t)
		target := open(t, cfg)
		publish(t, target, item(t, "1.0.0"))
		for _, versions := range []string{"a 1.0.0", "a 2.0.0"} {
			content := seal.Seal([]byte(versions))
			for time := range 2 {
				r, err := target.KeepPage(t.Context(), "status.html", func(context.Context) ([]byte, error) { return content, nil })
				if strings.HasPrefix(name, "oci") {
					if !errors.Is(err, ErrConfig) {
						t.Errorf("a registry: %v", err)
					}
				} else if err != nil || r.Changed != (time == 0) || tree(t, checkout(t, cfg))["status.html"] != string(content) {
					t.Errorf("%s: %+v %v", name, r, err)
				}
			}
		}
		broken := errors.New("broken")
		if _, err := target.KeepPage(t.Context(), "status.html", func(context.Context) ([]byte, error) { return nil, broken }); !strings.HasPrefix(name, "oci") && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

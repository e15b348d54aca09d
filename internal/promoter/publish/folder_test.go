package publish

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func gitIn(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return string(out)
}

func TestAFolderOfABranchIsAChartRepository(t *testing.T) {
	t.Parallel()
	cfg := Config{Git: bare(t), Branch: "main", Path: "docs", URL: "https://charts.example.com"}
	commitFile(t, cfg.Git, "index.yaml", "another file")
	r := publish(t, open(t, cfg), item(t, "1.0.0"))
	if want := "https://charts.example.com/operator-1.0.0.tgz"; r.Location != want {
		t.Errorf("at %s, want %s", r.Location, want)
	}
	want := "docs/index.yaml\ndocs/operator-1.0.0.intoto.jsonl\ndocs/operator-1.0.0.tgz\nindex.yaml\n"
	if diff := cmp.Diff(want, gitIn(t, cfg.Git, "ls-tree", "-r", "--name-only", "main")); diff != "" {
		t.Error(diff)
	}
	if got := gitIn(t, cfg.Git, "show", "main:index.yaml"); got != "another file" {
		t.Errorf("the file at the root is %q", got)
	}
}

func TestABranchThatDoesNotExistIsCreatedWithoutHistory(t *testing.T) {
	t.Parallel()
	cfg := Config{Git: bare(t), Branch: "gh-pages"}
	commitFile(t, cfg.Git, "main.go", "package main")
	target := open(t, cfg)
	dry := item(t, "1.0.0")
	dry.DryRun = true
	if r := publish(t, target, dry); r.NewBranch != "gh-pages" {
		t.Errorf("a dry run: %+v", r)
	}
	if got := heads(t, cfg.Git); strings.Contains(got, "gh-pages") {
		t.Errorf("a dry run leaves\n%s", got)
	}
	if r := publish(t, target, item(t, "1.0.0")); r.NewBranch != "gh-pages" || r.Commit == "" {
		t.Errorf("the first time: %+v", r)
	}
	if r := publish(t, target, item(t, "1.1.0")); r.NewBranch != "" {
		t.Errorf("the second time: %+v", r)
	}
	if got := gitIn(t, cfg.Git, "rev-list", "--count", "gh-pages"); got != "2\n" {
		t.Errorf("%s commits", got)
	}
	if got := gitIn(t, cfg.Git, "ls-tree", "-r", "--name-only", "gh-pages"); strings.Contains(got, "main.go") || !strings.Contains(got, "index.yaml") {
		t.Errorf("the branch has\n%s", got)
	}
}

// Whoever may push to the branch could have packages written to, and files read from, anywhere on the publishing machine.
func TestAFolderThatIsALinkOrAFileIsRejected(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(dir, outside string) error{
		"a link":            func(dir, outside string) error { return os.Symlink(outside, filepath.Join(dir, "docs")) },
		"a file":            func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, "docs"), nil, 0o644) },
		"a link on its way": func(dir, outside string) error { return os.Symlink(outside, filepath.Join(dir, "docs")) },
		"a link in a folder": func(dir, outside string) error {
			return errors.Join(os.Mkdir(dir+"/docs", 0o755), os.Symlink(outside, dir+"/docs/charts"))
		},
		"a link to a sibling": func(dir, _ string) error {
			return errors.Join(os.Mkdir(dir+"/site", 0o755), os.WriteFile(dir+"/site/a", nil, 0o644), os.Symlink("site", dir+"/docs"))
		},
	} {
		outside, cfg := t.TempDir(), Config{Git: bare(t), Branch: "main", Path: "docs"}
		if strings.Contains(what, " on ") || strings.Contains(what, " in ") {
			cfg.Path = "docs/charts"
		}
		_, _, err := gitrepo.Update(t.Context(), cfg.Git, cfg.Branch, func(dir string) (string, bool, error) { return what, true, spoil(dir, outside) }, gitrepo.UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		before := gitIn(t, cfg.Git, "rev-parse", "main")
		if _, err := open(t, cfg).Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "docs") {
			t.Errorf("%s: %v", what, err)
		}
		if _, _, err := open(t, cfg).Lookup(t.Context(), "operator", "1.0.0"); !errors.Is(err, ErrUnusable) {
			t.Errorf("%s is read: %v", what, err)
		}
		if after := gitIn(t, cfg.Git, "rev-parse", "main"); after != before {
			t.Errorf("%s: something was pushed", what)
		}
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Errorf("%s: something was written outside of the repository", what)
		}
	}
}

func TestOpenRejectsAFolderOutsideOfTheBranch(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"above":            {Git: "a", Path: "../docs"},
		"absolute":         {Git: "a", Path: "/docs"},
		"git's own":        {Git: "a", Path: "docs/.git"},
		"of a directory":   {Directory: "a", Path: "docs"},
		"of a registry":    {OCI: "registry.example.com/charts", Path: "docs"},
		"of several lines": {Git: "a", Path: "docs\n/secret"},
	} {
		if _, err := Open(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{"", ".", "docs/", "./docs"} {
		if _, err := Open(Config{Git: "a", Path: path}); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

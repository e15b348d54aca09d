package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// prodWith is a git target whose repository holds a file already.
func prodWith(t *testing.T, file, content string) Config {
	t.Helper()
	cfg := Config{Git: bare(t), Branch: "main"}
	_, _, err := gitrepo.Update(t.Context(), cfg.Git, cfg.Branch, func(dir string) (string, bool, error) {
		return "first", true, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644)
	}, gitrepo.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Many repositories have *.tgz in .gitignore. The index would then name a package that was never pushed.
func TestAPackageThatGitIgnoresIsPublished(t *testing.T) {
	for name, config := range map[string]func(t *testing.T) Config{
		"by the repository": func(t *testing.T) Config { return prodWith(t, ".gitignore", "*.tgz\n*.jsonl\n") },
		"by the user": func(t *testing.T) Config {
			home := t.TempDir()
			t.Setenv("XDG_CONFIG_HOME", home)
			if err := errors.Join(os.Mkdir(home+"/git", 0o755), os.WriteFile(home+"/git/ignore", []byte("*.tgz\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
			return Config{Git: bare(t), Branch: "main"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, i := config(t), item(t, "1.0.0")
			publish(t, open(t, cfg), i)
			everyArchiveMatches(t, checkout(t, cfg), 1)
			if attestations, err := open(t, cfg).Attestations(t.Context(), "operator", "1.0.0"); err != nil || len(attestations) != 1 {
				t.Errorf("%d attestations, %v", len(attestations), err)
			}
		})
	}
}

func TestAChangeThatGitDoesNotSeeIsNoSuccess(t *testing.T) {
	t.Parallel()
	g := &gitTarget{url: bare(t), branch: "main"}
	_, err := g.change(t.Context(), (&gitTarget{page: landingPage}).files(), "nothing", func(folder) (Result, error) { return Result{Changed: true}, nil })
	if !errors.Is(err, ErrUnusable) {
		t.Errorf("got %v", err)
	}
}

// Otherwise anyone who may push to a chart repository could have files of the publishing machine published.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	i := item(t, "1.0.0")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("{\"token\":\"s3cret\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(file string) error{
		"a link":      func(file string) error { return os.Symlink(secret, file) },
		"a pipe":      func(file string) error { return syscall.Mkfifo(file, 0o644) },
		"a directory": func(file string) error { return os.Mkdir(file, 0o755) },
	} {
		for _, name := range []string{attestationsFile("operator", "1.0.0"), indexFile, pageFile, i.Package.Filename(), i.Package.Filename() + ".prov"} {
			dir := t.TempDir()
			if err := spoil(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := open(t, Config{Directory: dir, Page: landingPage}).Publish(t.Context(), i)
				done <- err
			}()
			select {
			case err := <-done:
				if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s called %s: %v", what, name, err)
				}
			case <-time.After(5 * time.Second):
				t.Errorf("%s called %s blocks", what, name)
			}
		}
	}
}

func TestALinkInTheRepositoryIsNotPublished(t *testing.T) {
	t.Parallel()
	cfg := Config{Git: bare(t), Branch: "main"}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("TOKEN=s3cret\x00HOME=/root"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err := gitrepo.Update(t.Context(), cfg.Git, cfg.Branch, func(dir string) (string, bool, error) {
		return "a link", true, os.Symlink(secret, filepath.Join(dir, attestationsFile("operator", "1.0.0")))
	}, gitrepo.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, cfg).Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, ErrUnusable) {
		t.Errorf("got %v", err)
	}
	if _, found, err := open(t, cfg).Lookup(t.Context(), "operator", "1.0.0"); found || err != nil {
		t.Errorf("published all the same: %v", err)
	}
}

func TestAttestationsThatAreNotJSONAreNotAddedTo(t *testing.T) {
	t.Parallel()
	cfg := prodWith(t, attestationsFile("operator", "1.0.0"), "{\"attestation\":1}\n<<<<<<< HEAD\n")
	if _, err := open(t, cfg).Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "attestation 2") {
		t.Errorf("got %v", err)
	}
}

package publish

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

var day = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// pkg creates a package; the digest depends on the content.
func pkg(t testing.TB, version, content string) *chart.Package {
	t.Helper()
	p, err := packageIn(t.TempDir(), version, content)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func packageIn(dir, version, content string) (*chart.Package, error) {
	text := "apiVersion: v2\nname: operator\ndescription: d\nversion: " + version + "\nappVersion: \"" + version + "\"\n"
	err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(dir+"/Chart.yaml", []byte(text), 0o644), os.WriteFile(dir+"/values.yaml", []byte("content: "+content+"\n"), 0o644))
	if err != nil {
		return nil, err
	}
	return chart.Pack(dir)
}

func item(t testing.TB, version string) Item {
	t.Helper()
	return itemOf(pkg(t, version, "a"))
}

func itemOf(p *chart.Package) Item {
	return Item{Package: p, Attestations: [][]byte{[]byte(`{"attestation":"` + p.Version + `"}`)}, Created: day}
}

// kinds are the targets, each new and empty. A Config opens the same target
// again, as another process would.
func kinds() map[string]func(t testing.TB) Config {
	return map[string]func(t testing.TB) Config{
		"git": func(t testing.TB) Config {
			return Config{Git: bare(t), Branch: "main", Page: landingPage}
		},
		"folder": func(t testing.TB) Config { // of a branch that does not exist yet, beside others
			cfg := Config{Git: bare(t), Branch: "gh-pages", Path: "docs/helm charts", Page: landingPage}
			commitFile(t, cfg.Git, "README.md", "# A program")
			return cfg
		},
		"directory": func(t testing.TB) Config {
			return Config{Directory: filepath.Join(t.TempDir(), "charts"), Page: landingPage}
		},
		"oci":                       func(t testing.TB) Config { return registryTarget(t, true) },
		"oci without referrers API": func(t testing.TB) Config { return registryTarget(t, false) },
	}
}

func registryTarget(t testing.TB, referrersAPI bool) Config {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(quiet()), registry.WithReferrersSupport(referrersAPI)))
	t.Cleanup(s.Close)
	return Config{OCI: "oci://" + strings.TrimPrefix(s.URL, "http://") + "/some/charts"}
}

func bare(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "prod.git")
	if _, err := gitrepo.Init(context.Background(), dir, "main", true); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, cfg Config) Target {
	t.Helper()
	target, err := Open(cfg, Env(func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func publish(t testing.TB, target Target, i Item) Result {
	t.Helper()
	r, err := target.Publish(context.Background(), i)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAPublishedVersionIsNeverOverwritten(t *testing.T) {
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := open(t, config(t))
			publish(t, target, item(t, "1.0.0"))
			other := item(t, "1.0.0")
			other.Package = pkg(t, "1.0.0", "b")
			var conflict *index.DigestConflictError
			for _, other.DryRun = range []bool{true, false} {
				if _, err := target.Publish(t.Context(), other); !errors.As(err, &conflict) {
					t.Fatalf("got %v, dry run %t", err, other.DryRun)
				}
			}
			if _, archive, err := target.Latest(t.Context(), "operator"); chart.Digest(archive) != item(t, "1.0.0").Package.Digest {
				t.Errorf("the archive changed: %v", err)
			}
			if kept, err := target.Attestations(t.Context(), "operator", "1.0.0"); len(kept) != 1 || err != nil {
				t.Errorf("%d attestations, %v", len(kept), err)
			}
		})
	}
}

func TestPublishRejectsWhatWasChanged(t *testing.T) {
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			for fault, spoil := range map[string]func(i *Item){
				"a package with one bit changed": func(i *Item) {
					p := *i.Package
					p.Bytes = bytes.Clone(p.Bytes)
					p.Bytes[len(p.Bytes)/2] ^= 1
					i.Package = &p
				},
				"an attestation that is not JSON": func(i *Item) { i.Attestations = [][]byte{[]byte("hello\nthere")} },
			} {
				i := item(t, "1.0.0")
				spoil(&i)
				if _, err := open(t, cfg).Publish(t.Context(), i); !errors.Is(err, ErrChanged) {
					t.Errorf("%s: %v", fault, err)
				}
			}
			if _, found, err := open(t, cfg).Lookup(t.Context(), "operator", "1.0.0"); found || err != nil {
				t.Errorf("published all the same: %v", err)
			}
			if _, err := open(t, cfg).Attestations(t.Context(), "../../etc", "../x"); err == nil && cfg.OCI == "" {
				t.Error("a name that is a path passes")
			}
		})
	}
}

func TestOpenRejectsAnythingButOneTarget(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"nothing":                   {},
		"two targets":               {Git: "a", Directory: "b"},
		"three":                     {Git: "a", Directory: "b", OCI: "c"},
		"a registry of capitals":    {OCI: "oci://registry.example.com/UPPER"},
		"a registry without a host": {OCI: "oci://"},
	} {
		if _, err := Open(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATargetThatCannotBeUsedReportsIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(nil)
	s.Close()
	for name, c := range map[string]struct {
		cfg  Config
		want error
	}{
		"a directory that is a file":     {Config{Directory: file}, ErrUnusable},
		"a registry that is not running": {Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/x"}, ErrUnusable},
		"a git repository that is not":   {Config{Git: filepath.Join(t.TempDir(), "none.git")}, gitrepo.ErrUnreachable},
	} {
		if _, err := open(t, c.cfg).Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package publish

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Twenty publishers, each with connections and clones of its own.
func TestPublishKeepsEveryEntryOfParallelPublishers(t *testing.T) {
	t.Parallel()
	const publishers = 20
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			var items []Item
			for i := range publishers {
				items = append(items, item(t, fmt.Sprintf("1.%d.0", i)))
			}
			var all sync.WaitGroup
			for _, i := range items {
				all.Go(func() {
					if r, err := open(t, cfg).Publish(t.Context(), i); err != nil || !r.Changed {
						t.Errorf("%s: %+v %v", i.Package.Version, r, err)
					}
				})
			}
			all.Wait()
			entries, err := open(t, cfg).List(t.Context())
			if err != nil || len(entries) != publishers {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			for at, i := range items {
				if e := entries[publishers-1-at]; e.Version != i.Package.Version || e.Digest != i.Package.Digest {
					t.Errorf("entry %d is %s %s", at, e.Version, e.Digest)
				}
			}
			if version, archive, err := open(t, cfg).Latest(t.Context(), "operator"); version != "1.19.0" || chart.Digest(archive) != items[19].Package.Digest {
				t.Errorf("latest is %s, %v", version, err)
			}
			for _, i := range items {
				if archive, err := open(t, cfg).Package(t.Context(), "operator", i.Package.Version); err != nil || chart.Digest(archive) != i.Package.Digest {
					t.Errorf("the archive of %s: %v", i.Package.Version, err)
				}
			}
			if cfg.OCI == "" {
				everyArchiveMatches(t, checkout(t, cfg), publishers)
				pageMatches(t, checkout(t, cfg))
			}
		})
	}
}

// Several publishers of the same version: one writes it, the others find it.
func TestPublishersOfTheSameVersionAgree(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg, i := config(t), item(t, "1.0.0")
			var all sync.WaitGroup
			for range 6 {
				all.Go(func() {
					if _, err := open(t, cfg).Publish(t.Context(), i); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			entries, err := open(t, cfg).List(t.Context(), "operator")
			if err != nil || len(entries) != 1 || entries[0].Digest != i.Package.Digest {
				t.Errorf("%+v %v", entries, err)
			}
			if kept, err := open(t, cfg).Attestations(t.Context(), "operator", "1.0.0"); len(kept) != 1 || err != nil {
				t.Errorf("%d attestations, %v", len(kept), err)
			}
		})
	}
}

// checkout is a directory with what a git or directory target holds.
func checkout(t testing.TB, cfg Config) string {
	t.Helper()
	if cfg.Directory != "" {
		return cfg.Directory
	}
	dir := filepath.Join(t.TempDir(), "checkout")
	if _, err := gitrepo.Clone(context.Background(), cfg.Git, dir, gitrepo.CloneOptions{Branch: cfg.Branch}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, cfg.Path)
}

// everyArchiveMatches checks what must hold at every moment: an index that can
// be read, and beside it each package that it names, with its digest.
func everyArchiveMatches(t testing.TB, dir string, want int) {
	t.Helper()
	f := folder{dir: dir}
	entries, err := f.list(0, nil)
	if err != nil || want >= 0 && len(entries) != want {
		t.Fatalf("%d entries, want %d: %v", len(entries), want, err)
	}
	for _, e := range entries {
		if _, err := f.archive(&e); err != nil {
			t.Error(err)
		}
	}
}

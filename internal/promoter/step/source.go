package step

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// exportSource writes the files of a commit into the work directory, always at the same path: the compiler's cache knows packages by
// their path.
func (p *Project) exportSource(ctx context.Context, repo, commit string) (dir string, when time.Time, err error) {
	r, err := gitrepo.Open(ctx, repo, p.Git())
	if err != nil {
		return "", time.Time{}, err
	}
	if when, err = r.CommitTime(ctx, commit); err != nil {
		return "", time.Time{}, err
	}
	if dir, err = p.Work.Clear("source"); err != nil {
		return "", time.Time{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", time.Time{}, err
	}
	return dir, when, r.Export(ctx, commit, dir)
}

// untested is the error of unit tests that failed: an external one where modules of a program cannot be fetched, without which neither
// its tests nor its build can run. It costs nothing while tests succeed.
func untested(ctx context.Context, images []config.Image, dir string, failed error) error {
	for _, img := range images {
		if img.Package == "" {
			continue
		}
		if err := image.Fetch(ctx, image.Spec{SourceDir: dir, Package: img.Package, Programs: img.Programs}); errors.Is(err, image.ErrFetch) {
			return fmt.Errorf("unit tests: %w", err)
		}
	}
	return failed
}

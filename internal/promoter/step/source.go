package step

import (
	"context"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
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

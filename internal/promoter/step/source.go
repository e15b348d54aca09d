package step

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
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

// imageOf returns the image of a version: the one that was built in this work directory, or else the one that the registry has under
// the version's tag; nil if no stage builds. Error: image.ErrNoImage.
func (p *Project) imageOf(ctx context.Context, v version.Version) (*BuildResult, error) {
	stage := p.Config.Builder()
	if stage == nil {
		return nil, nil
	}
	var res BuildResult
	if p.Work.ReadJSON(buildFile, &res) && res.Version == v && res.Repository == stage.Build.Image.Repository {
		return &res, nil
	}
	res = BuildResult{Version: v, Repository: stage.Build.Image.Repository, Tag: v.ImageTag}
	var err error
	res.Digest, err = p.Access.Digest(ctx, res.Repository+":"+res.Tag)
	if errors.Is(err, image.ErrNoImage) {
		return nil, fmt.Errorf("%w; run build first", err)
	}
	return &res, err
}

package candidate

import (
	"context"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ErrNoSource is the error of a candidate whose commit does not name the commit of the source.
var ErrNoSource = failure.New(failure.BadInput, "the candidate does not name its source")

// findRecorded finds the source of a chart whose appVersion belongs to another program: bump recorded its commit in the message of the
// candidate. Errors: ErrNoSource, gitrepo.ErrNoRef.
func (r Repository) findRecorded(ctx context.Context, repository, dir string, c *Candidate) error {
	lines, last, err := r.linesOf(ctx, repository, dir)
	if err != nil {
		return err
	}
	if last == nil || SourceCommit(lines) == "" {
		return fmt.Errorf("%w: appVersion %s is set by hand, and the last commit of %s has no line %s; create the candidate with bump, and verify a clone of its repository", ErrNoSource, c.Package.AppVersion, r.settings().Path, sourceCommit)
	}
	if err := r.setRecorded(c, lines, last); err != nil {
		return err
	}
	return r.findCommit(ctx, c, SourceCommit(lines))
}

// setRecorded sets what the lines of a candidate and its last commit name. Error: ErrNoSource if its build has other files that they do
// not name: they would be missing in the release.
func (r Repository) setRecorded(c *Candidate, lines string, last *gitrepo.Entry) error {
	c.Since, c.Files = last.When, trailer(lines, filesTrailer)
	if b := r.Config.Builder(); b != nil && b.Build.Files != nil && c.Files == "" {
		return fmt.Errorf("%w: the last commit of %s has no line %s with the files of the build; create the candidate with bump, and do not change it by hand", ErrNoSource, r.settings().Path, filesTrailer)
	}
	return nil
}

// findCommit finds the source of a candidate that was created from a commit. Errors: ErrNoSource, gitrepo.ErrNoRef.
func (r Repository) findCommit(ctx context.Context, c *Candidate, recorded string) error {
	err := r.inSource(ctx, c, func(repo *gitrepo.Repo) (string, error) { return repo.Resolve(ctx, recorded) })
	if errors.Is(err, gitrepo.ErrNoRef) {
		return fmt.Errorf("commit %.7s, from which the candidate was created, is in no branch or tag of the source repository: %w", recorded, err)
	}
	if err != nil {
		return err
	}
	return r.checkReleased(ctx, c)
}

// checkReleased rejects a release that its source does not confirm: neither a tag of the commit nor its Chart.yaml has this version.
// Error: ErrNoSource.
func (r Repository) checkReleased(ctx context.Context, c *Candidate) error {
	pkg := c.Package
	if version.IsDevelopment(pkg.Version) {
		return nil
	}
	repo, err := gitrepo.Open(ctx, c.SourceDir, r.Git)
	if err != nil {
		return err
	}
	if own := r.Config.Chart.Version; own != nil && own.From == config.FromFile {
		data, err := repo.File(ctx, c.SourceCommit, r.Config.Chart.Path+"/Chart.yaml")
		if err != nil {
			return err
		}
		if m, err := chart.ReadMetadata(data); err != nil || m.Version != pkg.Version {
			return fmt.Errorf("%w: version %s is not that of Chart.yaml in commit %.7s; create the candidate with bump", ErrNoSource, pkg.Version, c.SourceCommit)
		}
		return nil
	}
	at, err := repo.TagsAt(ctx, c.SourceCommit)
	if err != nil {
		return err
	}
	for _, tag := range at {
		f := version.Facts{Commit: c.SourceCommit, Tag: tag, Tags: r.Config.ChartTags()}
		if v, err := version.Derive(f, r.Config.Version.Scheme); err == nil && v.Chart == pkg.Version && f.Tags.IsVersion(tag) {
			return nil
		}
	}
	return fmt.Errorf("%w: commit %.7s has no tag %s; release it with chart-promoter release, and create the candidate with bump", ErrNoSource, c.SourceCommit, r.Config.ChartTags().Tag(pkg.Version))
}

// inSource finds a commit of the source in the local repository or, if that lacks it, in a clone. Error: gitrepo.ErrNoRef.
func (r Repository) inSource(ctx context.Context, c *Candidate, find func(*gitrepo.Repo) (string, error)) error {
	if repo, err := gitrepo.Open(ctx, r.Source, r.Git); err == nil {
		if c.SourceCommit, err = find(repo); err == nil {
			c.SourceDir = repo.Dir
			return nil
		}
	}
	if r.Config.Source.Git == "" {
		return fmt.Errorf("it names no tag or commit of this repository, and source.git is not set: %w", gitrepo.ErrNoRef)
	}
	dir, err := r.Work.Clear("source.git")
	if err != nil {
		return err
	}
	repo, err := gitrepo.Clone(ctx, r.Config.Source.Git, dir, gitrepo.CloneOptions{Options: r.Git})
	if err != nil {
		return err
	}
	c.SourceDir = dir
	c.SourceCommit, err = find(repo)
	return err
}

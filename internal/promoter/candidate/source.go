package candidate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

var shortHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// findSource resolves appVersion to a commit: a tag of that name, or the beginning of a hash, and no branch that happens to have this
// name. The local source repository is used when it has the commit, otherwise a clone.
func (r Repository) findSource(ctx context.Context, c *Candidate) error {
	app := c.Package.AppVersion
	if app == "" {
		return fmt.Errorf("%w: the chart has no appVersion, so no commit can be tested; set it to a tag or a commit", failure.ErrInput)
	}
	err := r.inSource(ctx, c, func(repo *gitrepo.Repo) (string, error) { return r.resolve(ctx, repo, app) })
	if errors.Is(err, gitrepo.ErrNoRef) {
		return fmt.Errorf("appVersion %s is not in any branch or tag of the source repository: %w", app, err)
	}
	return err
}

func (r Repository) resolve(ctx context.Context, repo *gitrepo.Repo, app string) (string, error) {
	tagged, err := repo.Resolve(ctx, "refs/tags/"+r.Config.Version.Tags().Tag(app))
	if err == nil || !shortHash.MatchString(app) {
		return tagged, err
	}
	hash, err := repo.Resolve(ctx, app)
	if err == nil && !strings.HasPrefix(hash, app) {
		return "", errors.Join(gitrepo.ErrNoRef, fmt.Errorf("%s is a branch, not a commit", app))
	}
	return hash, err
}

// Package is a candidate that was packaged and tested before; commit is the one that was tested. It is linted and rendered with the values
// of the stage that tests it now. Errors: those of chart.ReadPackage, chart.Lint, gitrepo.ErrNoRef, gitrepo.ErrTagMoved.
func (r Repository) Package(ctx context.Context, data []byte, commit string) (*Candidate, error) {
	c, err := Read(data, r.Config)
	if err != nil {
		return nil, err
	}
	if !r.Config.AppVersionIsSource() {
		err = r.findCommit(ctx, c, commit)
	} else if err = r.findSource(ctx, c); err == nil {
		err = c.checkCommit(commit)
	}
	if err != nil {
		return nil, err
	}
	return c, r.valuesOf(ctx, c)
}

// valuesOf finds the values that a package is installed with: files with values are in the package or, where .helmignore keeps them out
// of it, in the chart of the source commit.
func (r Repository) valuesOf(ctx context.Context, c *Candidate) error {
	tmp, err := os.MkdirTemp("", "chart-promoter-values-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	dirs := []string{filepath.Join(tmp, "package")}
	if err := c.Package.Unpack(dirs[0]); err != nil {
		return err
	}
	if path := r.Config.Chart.Path; path != "" {
		repo, err := gitrepo.Open(ctx, c.SourceDir, r.Git)
		if err != nil {
			return err
		}
		tree, err := repo.Tree(ctx, c.SourceCommit, filepath.Join(tmp, "source"))
		if err != nil {
			return err
		}
		defer tree.Close()
		if err := tree.Need(ctx, path); err != nil {
			return err
		}
		dirs = append(dirs, tree.Path(path))
	}
	if c.ValueSets, err = r.checkValues(ctx, c.Package, dirs...); err != nil {
		return fmt.Errorf("%s %s: %w", c.Package.Name, c.Package.Version, err)
	}
	return nil
}

// checkCommit rejects a candidate whose appVersion names another commit now than the one that bump built it from: its chart and its
// image would be of one commit, and its tests of the other.
func (c *Candidate) checkCommit(from string) error {
	if from == "" || from == c.SourceCommit {
		return nil
	}
	return fmt.Errorf("the candidate was built from commit %.7s, but its appVersion %s now names %.7s; release that commit with a new tag: %w", from, c.Package.AppVersion, c.SourceCommit, gitrepo.ErrTagMoved)
}

// checkSource is checkCommit of the commit of the candidate, and finds its time. A chart that bump did not write has no such commit.
func (r Repository) checkSource(ctx context.Context, repository, dir string, c *Candidate) error {
	lines, last, err := r.linesOf(ctx, repository, dir)
	if err != nil || last == nil {
		return err
	}
	if err := r.setRecorded(c, lines, last); err != nil {
		return err
	}
	if set := r.Config.Chart.Fields; set != nil && set["Chart.yaml"]["appVersion"] == "" {
		return nil
	}
	return c.checkCommit(SourceCommit(lines))
}

// lastCommit is the last commit of the candidates' repository that changed the chart; nil if the directory is no repository. Of a merge
// it has the time, and the message of the commit that was merged, if that was cloned.
func (r Repository) lastCommit(ctx context.Context, repository string) (*gitrepo.Entry, error) {
	repo, err := gitrepo.Open(ctx, repository, r.Git)
	if err != nil || !repo.IsTop(repository) {
		return nil, nil
	}
	path := filepath.Join(repo.Dir, r.settings().Path)
	merged, err := repo.MergedLog(ctx, "HEAD", 1, path)
	if err != nil || len(merged) == 0 {
		return nil, err
	}
	log, err := repo.Log(ctx, "HEAD", 1, path)
	if err != nil || len(log) == 0 {
		return nil, err
	}
	last := log[0]
	last.When = merged[0].When
	return &last, nil
}

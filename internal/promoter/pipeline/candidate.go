package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// candidate is a packaged chart with what its values name.
type candidate struct {
	pkg *chart.Package
	// image and digest are what the chart's values name; empty when the configuration sets no image.
	image, digest, repository string
	// commit is the full hash that appVersion names, repo the directory of a repository that has it.
	commit, repo string
}

// openCandidate checks the candidate's repository out, unless dir is a checkout already, and packages its chart.
func (s *Session) openCandidate(ctx context.Context, dir, commit string) (*candidate, error) {
	stage := s.Config.Tester()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage holds candidates", config.ErrInvalid)
	}
	checkout := dir != ""
	if !checkout {
		var err error
		if dir, err = s.cloneCandidate(ctx, stage, commit); err != nil {
			return nil, err
		}
	}
	repository := dir
	chartDir, err := chartIn(dir, stage.Candidate.Path)
	if err != nil {
		return nil, err
	}
	if checkout {
		// Before the copy a link is looked at where it is: one that leads out may lead to something else from there.
		if dir, err = s.onlyTracked(ctx, dir); err != nil {
			return nil, err
		}
		chartDir, err = chartIn(dir, stage.Candidate.Path)
		if errors.Is(err, chart.ErrNoChart) {
			return nil, fmt.Errorf("%w: git does not track %s, and only what it tracks is packaged; git add the chart", chart.ErrNoChart, filepath.Join(stage.Candidate.Path, "Chart.yaml"))
		}
		if err != nil {
			return nil, err
		}
	}
	pkg, err := chart.Pack(chartDir)
	if err != nil {
		return nil, fmt.Errorf("packaging the chart in %s: %w", stage.Candidate.Path, err)
	}
	findings, err := chart.Lint(chartDir)
	for _, f := range findings {
		s.line("%s", f)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", pkg.Name, pkg.Version, err)
	}
	c := &candidate{pkg: pkg}
	if err := c.readImage(s.Config, true); err != nil {
		return nil, err
	}
	if err := s.findSource(ctx, c); err != nil {
		return nil, err
	}
	return c, s.sameSource(ctx, repository, stage.Candidate.Path, c)
}

func (s *Session) cloneCandidate(ctx context.Context, stage *config.Stage, commit string) (dir string, err error) {
	dir = filepath.Join(s.Work, "candidate")
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("clearing %s: %w: %w", dir, ErrInput, err)
	}
	r, err := gitrepo.Clone(ctx, stage.Candidate.Git, dir, gitrepo.CloneOptions{Branch: stage.Candidate.Branch, Options: s.gitOptions()})
	if err == nil && commit != "" {
		err = r.Checkout(ctx, commit)
	}
	return dir, err
}

// chartIn gives the directory of the chart in a checkout of the candidates' repository.
func chartIn(repository, path string) (string, error) {
	dir := filepath.Join(repository, path)
	if _, err := os.Stat(filepath.Join(dir, "Chart.yaml")); err != nil {
		return "", fmt.Errorf("%w: there is no %s in the candidates' repository; run bump first", chart.ErrNoChart, filepath.Join(path, "Chart.yaml"))
	}
	return dir, contained(repository, dir)
}

// contained refuses a chart that is a link to somewhere else on this machine: its files would be published.
func contained(repository, dir string) error {
	top, err := filepath.EvalSymlinks(repository)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	if rel, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("%w: the chart in the candidates' repository is a link that leads out of it; put the chart itself there", chart.ErrUnsafe)
	}
	return nil
}

// fieldsOf are the fields that a candidate sets in a chart with this values.yaml. Errors: config.ErrNoImageField, chart.ErrNotYAML.
func fieldsOf(cfg *config.Config, values []byte) (config.Fields, error) {
	return cfg.FieldsOf(func(path string) (bool, error) { return chart.IsSettable(values, path) })
}

// readImage finds the image where the configuration says that a candidate's image is written. A package that was published
// before the configuration became what it is may lack some of those values: what is strict takes a missing one for an error.
func (c *candidate) readImage(cfg *config.Config, strict bool) error {
	found := map[string]string{}
	raw, values, err := c.pkg.Values()
	if err != nil {
		return err
	}
	scalars, err := fieldsOf(cfg, raw)
	if err != nil && strict {
		return err
	}
	for path, field := range scalars["values.yaml"] {
		switch v := chart.Lookup(values, path); {
		case v != nil:
			found[field] = fmt.Sprint(v)
		case strict:
			return fmt.Errorf("%s in values.yaml: %w", path, chart.ErrPathNotFound)
		}
	}
	if found["imageRepository"] == "" || found["imageTag"] == "" && found["imageDigest"] == "" {
		return nil
	}
	c.digest, c.repository = found["imageDigest"], found["imageRepository"]
	c.image = image.Reference(found["imageRepository"], found["imageTag"], c.digest)
	return nil
}

var shortHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// findSource resolves appVersion to a commit: a tag of that name, or the beginning of a hash, and no branch that happens
// to be called so. The source repository at hand is used when it has the commit, otherwise a clone.
func (s *Session) findSource(ctx context.Context, c *candidate) error {
	app := c.pkg.AppVersion
	if app == "" {
		return fmt.Errorf("%w: the chart has no appVersion, so no commit can be tested", ErrInput)
	}
	if r, err := gitrepo.Open(ctx, s.Dir, s.gitOptions()); err == nil {
		if c.commit, err = resolveApp(ctx, r, app); err == nil {
			c.repo = r.Dir
			return nil
		}
	}
	if s.Config.Source.Git == "" {
		return fmt.Errorf("appVersion %s names no tag and no commit here, and source.git is not set: %w", app, gitrepo.ErrNoRef)
	}
	dir := filepath.Join(s.Work, "source.git")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing %s: %w: %w", dir, ErrInput, err)
	}
	r, err := gitrepo.Clone(ctx, s.Config.Source.Git, dir, gitrepo.CloneOptions{Options: s.gitOptions()})
	if err != nil {
		return err
	}
	c.repo = dir
	if c.commit, err = resolveApp(ctx, r, app); err != nil {
		return fmt.Errorf("appVersion %s is in no branch or tag of the source repository: %w", app, err)
	}
	return nil
}

// sameSource refuses a candidate whose appVersion names another commit by now than the one that bump made it from: its chart
// and its image would be of one commit, and its tests of the other. A chart that somebody else put there says nothing of it.
func (s *Session) sameSource(ctx context.Context, repository, path string, c *candidate) error {
	if set := s.Config.Chart.Fields; set != nil && set["Chart.yaml"]["appVersion"] == "" {
		return nil
	}
	r, err := gitrepo.Open(ctx, repository, s.gitOptions())
	if err != nil || !sameFile(repository, r.Dir) {
		return nil
	}
	log, err := r.Log(ctx, "HEAD", 1, filepath.Join(r.Dir, path))
	if err != nil || len(log) == 0 {
		return nil
	}
	if from := trailer(log[0].Body, sourceCommit); from != "" && from != c.commit {
		return fmt.Errorf("the candidate was made from %.7s, and its appVersion %s names %.7s now; release that commit under a new tag: %w", from, c.pkg.AppVersion, c.commit, gitrepo.ErrTagMoved)
	}
	return nil
}

func resolveApp(ctx context.Context, r *gitrepo.Repo, app string) (string, error) {
	tagged, err := r.Resolve(ctx, "refs/tags/"+app)
	if err == nil || !shortHash.MatchString(app) {
		return tagged, err
	}
	hash, err := r.Resolve(ctx, app)
	if err == nil && !strings.HasPrefix(hash, app) {
		return "", errors.Join(gitrepo.ErrNoRef, fmt.Errorf("%s is a branch, not a commit", app))
	}
	return hash, err
}

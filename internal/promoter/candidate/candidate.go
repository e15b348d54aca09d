// Package candidate writes candidates, commits of the candidates' repository that hold the chart of a source commit, and reads them: it
// packages the chart and finds its image and its source.
package candidate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Repository is the candidates' repository of a configuration, which has a stage with candidates.
type Repository struct {
	Config *config.Config
	// Source is a directory of the source repository.
	Source string
	Work   workdir.Dir
	Report report.Reporter
	Git    gitrepo.Options
	// Env is the environment of commands of the configuration, without credentials.
	Env []string
	// Dependencies builds what charts/ lacks.
	Dependencies dependency.Builder
	// KubeVersion is the version of Kubernetes that charts are linted and rendered for.
	KubeVersion string
	// Stage is the stage that tests, by default the one that has the candidates. It may install with other values.
	Stage *config.Stage
}

// Candidate is a packaged chart with what its values and its appVersion name.
type Candidate struct {
	Package *chart.Package
	// Images are those that the chart's values name, in the order of the configuration.
	Images []Image
	// SourceCommit is the full hash that appVersion names, SourceDir the directory of a repository that has it.
	SourceCommit, SourceDir string
	// Since is when the candidate was committed, zero for a directory that is no git repository.
	Since time.Time
	// Files is the reference by digest of the other files of the build, empty when there are none.
	Files string
	// ValueSets are the values that the package is installed with, one after the other; at least one.
	ValueSets []ValueSet
}

// Image is the whole name of the first image; empty when the chart's values name none.
func (c *Candidate) Image() string { return c.first().Ref() }

// ImageDigest is the digest of the first image.
func (c *Candidate) ImageDigest() string { return c.first().Digest }

func (c *Candidate) first() Image {
	if len(c.Images) == 0 {
		return Image{}
	}
	return c.Images[0]
}

// checkoutDir is the directory of the work directory with the files of the candidate.
const checkoutDir = "candidate"

// tester is the stage that tests, nil if there is none.
func (r Repository) tester() *config.Stage {
	if r.Stage != nil {
		return r.Stage
	}
	return r.Config.Tester()
}

func (r Repository) settings() *config.Candidate { return r.Config.Tester().Candidate }

// paths are what a clone of the candidates' repository needs, as patterns of .gitignore: the chart, its trailers, and what states how git
// writes files. It is all of it, nil, where the chart is all of it, or is edited there and may have links to other files.
func (r Repository) paths() []string {
	p := r.settings().Path
	if p == "." || r.Config.Chart.Path == "" {
		return nil
	}
	return []string{"/" + literal.Replace(filepath.ToSlash(p)), "/" + literal.Replace(r.trailersPath()), "/.gitattributes"}
}

// literal keeps characters from being special in a pattern of .gitignore.
var literal = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

// Open packages the chart of a checkout in dir, or of a clone when dir is empty: of the given commit, or of the last one.
// Errors: those of chart.Pack and chart.Lint, config.ErrNoImageField, gitrepo.ErrNoRef, gitrepo.ErrTagMoved.
func (r Repository) Open(ctx context.Context, dir, commit string) (*Candidate, error) {
	repository := dir
	var err error
	if dir == "" {
		if dir, err = r.clone(ctx, commit); err != nil {
			return nil, err
		}
		repository = dir
	} else if dir, err = r.copyTracked(ctx, dir); err != nil {
		return nil, err
	}
	chartDir, err := chartIn(dir, r.settings().Path)
	if errors.Is(err, chart.ErrNoChart) && dir != repository {
		return nil, fmt.Errorf("%w: git does not track %s, and only tracked files are packaged; add the chart with git add", chart.ErrNoChart, filepath.Join(r.settings().Path, "Chart.yaml"))
	}
	if err != nil {
		return nil, err
	}
	c, err := r.pack(ctx, dir, chartDir)
	if err != nil {
		return nil, err
	}
	if !r.Config.AppVersionIsSource() {
		return c, r.findRecorded(ctx, repository, dir, c)
	}
	if err := r.findSource(ctx, c); err != nil {
		return nil, err
	}
	return c, r.checkSource(ctx, repository, dir, c)
}

func (r Repository) pack(ctx context.Context, dir, chartDir string) (*Candidate, error) {
	pkg, err := r.packageOf(ctx, dir, chartDir)
	if err != nil {
		return nil, err
	}
	c := &Candidate{Package: pkg}
	if c.ValueSets, err = r.checkValues(ctx, pkg, chartDir); err != nil {
		return nil, fmt.Errorf("%s %s: %w", pkg.Name, pkg.Version, err)
	}
	return c, c.findImage(r.Config, true)
}

func (r Repository) clone(ctx context.Context, commit string) (dir string, err error) {
	if dir, err = r.Work.Clear(checkoutDir); err != nil {
		return "", err
	}
	c := r.settings()
	repo, err := gitrepo.Clone(ctx, c.Git, dir, gitrepo.CloneOptions{Branch: c.Branch, Sparse: r.paths(), Options: r.Git})
	if err == nil && commit != "" {
		err = repo.Checkout(ctx, commit)
	}
	return dir, err
}

// chartIn returns the directory of the chart in a checkout of the candidates' repository. Errors: chart.ErrNoChart, chart.ErrUnsafe.
func chartIn(repository, path string) (string, error) {
	dir := filepath.Join(repository, path)
	if _, err := os.Stat(filepath.Join(dir, "Chart.yaml")); err != nil {
		return "", fmt.Errorf("%w: %s is missing in the candidates' repository; run bump first", chart.ErrNoChart, filepath.Join(path, "Chart.yaml"))
	}
	return dir, checkContained(repository, dir)
}

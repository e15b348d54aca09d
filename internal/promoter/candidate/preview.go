package candidate

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ErrNotRaised is the error of a chart whose version is set in Chart.yaml, and that was changed without a higher one.
var ErrNotRaised = failure.New(failure.BadInput, "the chart was changed without a higher version")

// Preview lints and packages the chart that a candidate would have, in the work directory. Without an image, the fields of the image
// stay as they are. Errors: those of chart.Pack and chart.Lint.
func (r Repository) Preview(ctx context.Context, u Update) (*chart.Package, error) {
	dir, err := r.Work.Clear(checkoutDir)
	if err != nil {
		return nil, err
	}
	path := r.chartPath()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w: %w", dir, failure.ErrInput, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	built, err := r.Dependencies.Build(ctx, u.ChartDir, u.Source)
	if err != nil {
		return nil, err
	}
	if err := syncChart(u.ChartDir, u.Source.Top, root, path); err != nil {
		return nil, explainEscape(dir, err)
	}
	if err := writeBuilt(root, path, built); err != nil {
		return nil, err
	}
	fields, err := r.fieldsIn(root, path)
	if err != nil {
		return nil, err
	}
	if len(u.Images) == 0 {
		fields = withoutImage(fields)
	}
	set := r.values(u)
	if err := setFields(root, path, fields, set); err != nil {
		return nil, explainEscape(dir, err)
	}
	if len(r.Config.Chart.After) > 0 {
		if err := r.runAfter(ctx, root, path, func(copied *os.Root) error { return setFields(copied, ".", fields, set) }); err != nil {
			return nil, explainEscape(dir, err)
		}
	}
	chartDir, err := chartIn(dir, path)
	if err != nil {
		return nil, err
	}
	c, err := r.pack(ctx, dir, chartDir)
	if err != nil {
		return nil, err
	}
	return c.Package, nil
}

// chartPath is the path of the chart in the candidates' repository, the chart's name without such a repository.
func (r Repository) chartPath() string {
	if r.Config.Tester() != nil {
		return r.settings().Path
	}
	return r.Config.Label()
}

func withoutImage(fields config.Fields) config.Fields {
	out := config.Fields{}
	for file, paths := range fields {
		out[file] = maps.Clone(paths)
		maps.DeleteFunc(out[file], func(_, value string) bool {
			return config.OfImage(value[strings.LastIndex(value, "/")+1:]) || value == config.Images
		})
	}
	return out
}

// raised is what write compares to reject a change without a higher version.
type raised struct {
	before string // version of the chart before the change, "" if it is new
}

// beforeWrite reads the version that the candidates' repository has, where Chart.yaml sets it.
func (r Repository) beforeWrite(root *os.Root, path string) raised {
	own := r.Config.Chart.Version
	if own == nil || own.From != config.FromFile {
		return raised{}
	}
	return raised{versionIn(root, path)}
}

// LastVersions are the versions of the charts at paths of the candidates' repository, "" for a path without one.
func (r Repository) LastVersions(ctx context.Context, paths ...string) ([]string, error) {
	tmp, err := os.MkdirTemp("", "chart-promoter-candidates-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	c, dir := r.settings(), filepath.Join(tmp, "clone")
	var files []string
	for _, p := range paths {
		files = append(files, "/"+literal.Replace(filepath.ToSlash(p))+"/Chart.yaml")
	}
	if _, err := gitrepo.Clone(ctx, c.Git, dir, gitrepo.CloneOptions{Branch: c.Branch, Depth: 1, Sparse: files, Options: r.Git}); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	versions := make([]string, len(paths))
	for i, p := range paths {
		versions[i] = versionIn(root, p)
	}
	return versions, nil
}

func versionIn(root *os.Root, path string) string {
	data, err := root.ReadFile(path + "/Chart.yaml")
	if err != nil {
		return ""
	}
	return chart.VersionIn(data)
}

// check rejects a candidate that differs from the last one, and whose version is not higher. Error: ErrNotRaised.
func (b raised) check(ctx context.Context, dir string, root *os.Root, path string) error {
	if b.before == "" {
		return nil
	}
	now := versionIn(root, path)
	if version.Compare(now, b.before) > 0 {
		return nil
	}
	repo, err := gitrepo.Open(ctx, dir, gitrepo.Options{})
	if err != nil {
		return err
	}
	diff, err := repo.Diff(ctx)
	if err != nil || diff == "" {
		return err
	}
	return fmt.Errorf("%w: the last candidate in %s has version %s, and this one, with other content, %s; raise version in Chart.yaml", ErrNotRaised, path, b.before, now)
}

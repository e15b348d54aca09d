package step

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// RaiseResult is a higher version in Chart.yaml.
type RaiseResult struct {
	Chart   string `json:"chart"`
	Version string `json:"version"`
	After   string `json:"after"`
	File    string `json:"file"`
}

// VersionIsInFile reports whether the version of the chart is the one that Chart.yaml has.
func (p *Project) VersionIsInFile() bool {
	v := p.Config.Chart.Version
	return v != nil && v.From == config.FromFile
}

// ChartPaths are the paths whose commits are those of the chart; nil for all.
func (p *Project) ChartPaths(ctx context.Context) ([]string, error) {
	if len(p.Config.Whole().Charts) == 0 && p.Config.Chart.Version == nil {
		return nil, nil
	}
	charts, err := p.charts(ctx)
	if err != nil {
		return nil, err
	}
	return charts.Paths(p.Config), nil
}

// Raise writes a higher version into Chart.yaml of the work tree, where the version of the chart is in that file. It commits nothing:
// the version belongs to the commit of the change. Exact is the version, empty for the one that follows by a step, patch by default;
// it may have the v or the prefix of a tag, which the file does not get. Errors: failure.ErrInput, version.ErrNotAVersion, those of chart.Edit.
func (p *Project) Raise(ctx context.Context, kind version.Bump, exact string) (*RaiseResult, error) {
	r, err := p.source(ctx)
	if err != nil {
		return nil, err
	}
	res := &RaiseResult{Chart: p.Config.Label(), File: filepath.ToSlash(filepath.Join(p.Config.Chart.Path, "Chart.yaml"))}
	file := filepath.Join(r.Dir, filepath.FromSlash(res.File))
	old, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	m, err := chart.ReadMetadata(old)
	if err != nil {
		return nil, err
	}
	res.After = m.Version
	if kind == "" {
		kind = version.Patch
	}
	if exact != "" {
		tags := p.Config.ChartTags()
		if res.Version = tags.Number(tags.Complete(exact)); res.Version == "" {
			return nil, fmt.Errorf("%w: %q is no version for %s: use three numbers, such as 1.4.0", failure.ErrInput, exact, res.File)
		}
	} else {
		if res.Version, err = (version.Tags{}).Next(m.Version, kind); err != nil {
			return nil, err
		}
	}
	if version.Compare(res.Version, m.Version) <= 0 {
		return nil, fmt.Errorf("%w: %q is not higher than %s, the version of %s; choose a higher one", failure.ErrInput, res.Version, m.Version, res.File)
	}
	edited, err := chart.Edit(old, []chart.Change{{Path: "version", Value: res.Version}})
	if err != nil || p.DryRun {
		return res, err
	}
	return res, atomicfile.Write(file, edited, 0o644)
}

package candidate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
)

// writeBuilt writes dependencies into the chart in dir.
func writeBuilt(root *os.Root, dir string, built map[string][]byte) error {
	for name, content := range built {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// check packages the candidate in a clone of the repository: one that verify cannot package is not pushed.
func (r Repository) check(ctx context.Context, dir string) error {
	chartDir, err := chartIn(dir, r.settings().Path)
	if err != nil {
		return err
	}
	_, err = r.packageOf(ctx, dir, chartDir)
	return err
}

// packageOf packages a chart of a checkout of the repository in dir. A chart that lives with the candidates may have dependencies to
// build, too.
func (r Repository) packageOf(ctx context.Context, dir, chartDir string) (*chart.Package, error) {
	built, err := r.Dependencies.Build(ctx, chartDir, dependency.Source{Top: dir})
	if err != nil {
		return nil, fmt.Errorf("package the chart in %s: %w", r.chartPath(), err)
	}
	pkg, err := chart.PackWith(chartDir, chart.PackOptions{Extra: built})
	if err != nil {
		return nil, fmt.Errorf("package the chart in %s: %w", r.chartPath(), err)
	}
	if err := pkg.CheckDeclared(); err != nil {
		return nil, fmt.Errorf("package the chart in %s: %w", r.chartPath(), err)
	}
	return pkg, nil
}

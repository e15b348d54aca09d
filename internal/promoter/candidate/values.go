package candidate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// ValueSet is one set of values that a package is installed with.
type ValueSet struct {
	// Name is where the values come from, for messages.
	Name   string
	Values map[string]any
}

// InstallValues are the values of the first installation.
func (c *Candidate) InstallValues() map[string]any { return c.ValueSets[0].Values }

// Further are the sets of values of the installations after the first.
func (c *Candidate) Further() []ValueSet { return c.ValueSets[1:] }

// ErrValuesFile: a file of the chart with values cannot be read.
var ErrValuesFile = failure.New(failure.BadInput, "not a usable file of values")

// checkValues lints and renders a package with each set of values that it is installed with. Errors: chart.ErrLint, chart.ErrNoChart,
// ErrValuesFile.
//
// The files are those of the first directory, and those of the others that it lacks.
func (r Repository) checkValues(ctx context.Context, pkg *chart.Package, chartDirs ...string) ([]ValueSet, error) {
	in := config.Install{}
	if t := r.tester(); t != nil {
		in = t.Verify.Install
	}
	first := ValueSet{"verify.install.values", in.Values}
	if len(in.Values) == 0 {
		first.Name = "the chart's own values"
	}
	files, err := valuesFiles(chartDirs, in)
	if err != nil {
		return nil, err
	}
	if len(in.Values) == 0 && len(files) > 0 {
		// A chart that requires values has them in its files, as for chart-testing.
		if _, err := r.checkSet(ctx, pkg, first); err != nil {
			report.Linef(r.Report, "%s cannot be installed without values, those of %s take their place: %v", pkg.Name, files[0].Name, err)
			return files, r.checkSets(ctx, pkg, files)
		}
	}
	for _, pattern := range in.ValuesFiles {
		if !slices.ContainsFunc(files, func(f ValueSet) bool { ok, _ := path.Match(pattern, f.Name); return ok }) && pattern != config.DefaultValuesFiles {
			report.Linef(r.Report, "%s has no file of install.valuesFiles: %s", pkg.Name, pattern)
		}
	}
	sets := append([]ValueSet{first}, files...)
	if err = r.checkSets(ctx, pkg, sets); err != nil && len(in.Values) == 0 && len(files) == 0 {
		err = fmt.Errorf("%w; if the chart requires values, set them in verify.install.values, or in a file of the chart such as ci/test-values.yaml", err)
	}
	return sets, err
}

func (r Repository) checkSets(ctx context.Context, pkg *chart.Package, sets []ValueSet) error {
	printed := map[string]bool{}
	for _, s := range sets {
		findings, err := r.checkSet(ctx, pkg, s)
		for _, f := range findings {
			if !printed[f] {
				report.Linef(r.Report, "%s", f)
			}
			printed[f] = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSet lints and renders with one set of values, with each major of Helm that the candidate is tested with; a library has nothing to
// render.
func (r Repository) checkSet(ctx context.Context, pkg *chart.Package, s ValueSet) (findings []string, err error) {
	in := chart.Installation{Values: s.Values, KubeVersion: r.KubeVersion}
	if t := r.tester(); t != nil {
		v := t.Verify
		in.Release, in.Namespace, in.APIVersions, in.Majors = v.Install.Release, v.Install.Namespace, v.Kubernetes.APIVersions, helm.Majors(v.Helm)
	}
	if findings, err = pkg.Lint(in); err != nil {
		return findings, fmt.Errorf("with %s: %w", s.Name, err)
	}
	if pkg.Metadata.Type == "library" {
		return findings, nil
	}
	if _, err = pkg.Render(ctx, in); err != nil {
		err = fmt.Errorf("with %s: %w", s.Name, err)
	}
	return findings, err
}

// valuesFiles reads the files of values of a chart, each over the values of the configuration, sorted by name. A link out of the chart
// is not followed.
func valuesFiles(chartDirs []string, in config.Install) ([]ValueSet, error) {
	found := map[string]map[string]any{}
	for i, dir := range chartDirs {
		root, err := os.OpenRoot(dir)
		if errors.Is(err, fs.ErrNotExist) && i > 0 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrValuesFile, err)
		}
		err = readValues(root, in.ValuesFiles, found)
		root.Close()
		if err != nil {
			return nil, err
		}
	}
	var sets []ValueSet
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sets = append(sets, ValueSet{name, config.OverValues(in.Values, found[name])})
	}
	return sets, nil
}

// readValues adds the files of a chart that patterns match to those that were found.
func readValues(root *os.Root, patterns []string, found map[string]map[string]any) error {
	for _, pattern := range patterns {
		names, err := fs.Glob(root.FS(), pattern)
		if err != nil {
			return fmt.Errorf("%s: %w: %w", pattern, ErrValuesFile, err)
		}
		for _, name := range names {
			if _, known := found[name]; known {
				continue
			}
			data, err := fs.ReadFile(root.FS(), name)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrValuesFile, err)
			}
			var values map[string]any
			if err := yaml.Unmarshal(data, &values); err != nil {
				return fmt.Errorf("%s: %w: %w", name, ErrValuesFile, err)
			}
			found[name] = values
		}
	}
	return nil
}

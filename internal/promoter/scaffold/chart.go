package scaffold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// readChart rejects a chart that a later step would reject. root is the top of its repository. What the pipeline has to add for the
// chart to work is in notes. With versionInFile a candidate sets no field of Chart.yaml.
func readChart(ctx context.Context, root, dir string, versionInFile bool) (p *chart.Package, notes []string, err error) {
	built, err := dependency.Builder{}.Build(ctx, dir, dependency.Source{Top: root})
	unbuilt := errors.Is(err, dependency.ErrRepository) || errors.Is(err, dependency.ErrNoName)
	if err != nil && !unbuilt {
		return nil, nil, err
	}
	if unbuilt {
		notes = append(notes, fmt.Sprintf("the chart was not linted, since a dependency cannot be downloaded here (%v); add its repository with user and password, or with its name, to dependencies.repositories", err))
	}
	p, err = chart.PackWith(dir, chart.PackOptions{Within: root, Extra: built})
	if err != nil && !(unbuilt && errors.Is(err, chart.ErrMissingDependency)) {
		return nil, nil, err
	}
	if p != nil {
		if err := p.CheckDeclared(); err != nil {
			return nil, nil, err
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	fields := []string{"version", "appVersion"}
	switch {
	case versionInFile:
		fields = nil
	case p != nil && p.IsLibrary():
		fields = fields[:1]
	}
	for _, field := range fields {
		if err := chart.Settable(data, field); err != nil {
			return nil, nil, fmt.Errorf("%s in Chart.yaml of %s: %w; every candidate sets it, so add the line `%s: \"0.1.0\"`", field, filepath.Base(dir), err, field)
		}
	}
	if unbuilt {
		return p, notes, nil
	}
	note, err := lint(ctx, p, dir)
	if note != "" {
		notes = append(notes, note)
	}
	return p, notes, err
}

// lint lints and renders a chart as verify does. It rejects a chart that is wrong with any values; one that only requires some of its
// users, by its schema or its templates, gets a note.
func lint(ctx context.Context, p *chart.Package, dir string) (note string, err error) {
	wrong, requires, err := try(ctx, p, nil)
	if wrong == "" || err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(dir, "ci", "*-values.yaml"))
	if err != nil {
		return "", err
	}
	for _, file := range files { // verify takes them
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%w: %w", failure.ErrInput, err)
		}
		name := "ci/" + filepath.Base(file)
		var values map[string]any
		if err := yaml.Unmarshal(data, &values); err != nil {
			return "", fmt.Errorf("%w: %s: %w", failure.ErrInput, name, err)
		}
		if wrong, _, err := try(ctx, p, values); err != nil || wrong != "" {
			return "", errors.Join(err, fmt.Errorf("%w with the values of %s, which verify rejects: %s", chart.ErrLint, name, wrong))
		}
	}
	const remedy = "a file of the chart such as ci/test-values.yaml"
	switch {
	case len(files) > 0:
		return "", nil
	case requires:
		return fmt.Sprintf("the chart requires values; set them in verify.install.values, or in %s: %s", remedy, wrong), nil
	}
	return "", fmt.Errorf("%w, which verify rejects: %s; correct it or, if it requires values, set them in %s", chart.ErrLint, wrong, remedy)
}

// try is what is wrong with a chart with these values, in one line, and whether other values may be what it needs.
func try(ctx context.Context, p *chart.Package, values map[string]any) (wrong string, requires bool, err error) {
	findings, err := p.Lint(chart.Installation{Release: PipelineName(p.Name), Values: values})
	if err != nil && !errors.Is(err, chart.ErrLint) {
		return "", false, err
	}
	if err != nil {
		findings = slices.DeleteFunc(findings, func(f string) bool { return !strings.Contains(f, "[ERROR] ") })
		requires = !slices.ContainsFunc(findings, func(f string) bool { return !isSchemaFinding(f) })
		return strings.Join(strings.Fields(strings.Join(findings, "; ")), " "), requires, nil
	}
	if p.IsLibrary() {
		return "", false, nil
	}
	// Helm's linters let pass what a template requires.
	if _, err := p.Render(ctx, chart.Installation{Release: PipelineName(p.Name), Values: values}); err != nil {
		return err.Error(), true, ctx.Err()
	}
	return "", false, nil
}

// isSchemaFinding reports whether a finding of Helm's linters is that values.schema.json rejects the values.
func isSchemaFinding(f string) bool {
	return strings.Contains(f, "[ERROR] values.yaml: ") && !strings.Contains(f, "unable to parse") ||
		strings.Contains(f, "values don't meet the specifications of the schema(s)")
}

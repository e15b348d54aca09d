package scaffold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
)

// readChart rejects a chart that a later step would reject. root is the top of its repository. What the pipeline has to add for the
// chart to work is in notes.
func readChart(ctx context.Context, root, dir string) (p *chart.Package, notes []string, err error) {
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
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	fields := []string{"version", "appVersion"}
	if p != nil && p.IsLibrary() {
		fields = fields[:1]
	}
	for _, field := range fields {
		if err := chart.Settable(data, field); err != nil {
			return nil, nil, fmt.Errorf("%s in Chart.yaml of %s: %w; every candidate sets it, so add the line `%s: \"0.1.0\"`", field, p.Name, err, field)
		}
	}
	if unbuilt {
		return p, notes, nil
	}
	note, err := lint(p, dir)
	if note != "" {
		notes = append(notes, note)
	}
	return p, notes, err
}

// lint rejects a chart that is wrong with any values. A chart whose schema rejects only its own values requires some of its users.
func lint(p *chart.Package, dir string) (note string, err error) {
	findings, err := p.Lint(chart.Installation{})
	if err == nil {
		return "", nil
	}
	wrong := slices.DeleteFunc(findings, func(f string) bool { return !strings.HasPrefix(f, "[ERROR]") })
	text := strings.ReplaceAll(strings.Join(wrong, "; "), "\n", " ")
	if slices.ContainsFunc(wrong, func(f string) bool { return !isSchemaFinding(f) }) {
		return "", fmt.Errorf("%w, which verify rejects: %s", err, text)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "ci", "*-values.yaml")); len(files) > 0 {
		return "", nil // verify takes them
	}
	return fmt.Sprintf("the chart requires values; set them in verify.install.values, or in a file of the chart such as ci/test-values.yaml: %s", text), nil
}

// isSchemaFinding reports whether a finding of Helm's linters is that values.schema.json rejects the values.
func isSchemaFinding(f string) bool {
	return strings.HasPrefix(f, "[ERROR] values.yaml: ") && !strings.Contains(f, "unable to parse") ||
		strings.Contains(f, "values don't meet the specifications of the schema(s)")
}

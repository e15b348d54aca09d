package chart

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// Lint runs Helm's linters on the chart in dir with its own values. It returns the
// findings also with ErrLint, which means that one of them keeps the chart from working.
func Lint(dir string) (findings []string, err error) {
	all, err := reader.Lint(dir, helm.LintOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLint, err)
	}
	for _, f := range all {
		findings = append(findings, f.Text)
		if f.Error {
			err = ErrLint
		}
	}
	return findings, err
}

// Render returns the manifests that installing a package would apply, its CRDs
// included, as YAML documents. It needs no cluster. Error: ErrNoChart.
func (p *Package) Render(ctx context.Context, release, namespace string, values map[string]any) (string, error) {
	text, err := reader.Render(ctx, p.Bytes, helm.RenderOptions{Release: release, Namespace: namespace, Values: values})
	if err != nil {
		return "", fmt.Errorf("render the chart's templates: %w: %w", ErrNoChart, err)
	}
	return text, nil
}

package chart

import (
	"bytes"
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// Lint runs Helm's linters on the chart in dir with its own values. It returns the
// findings also with ErrLint, which means that one of them keeps the chart from working.
func Lint(dir string) (findings []string, err error) {
	result := lint.All(dir, map[string]any{}, "default", false)
	for _, m := range result.Messages {
		findings = append(findings, m.Error())
	}
	if result.HighestSeverity >= support.ErrorSev {
		return findings, ErrLint
	}
	return findings, nil
}

// Render returns the manifests that installing a package would apply, its CRDs
// included, as YAML documents. It needs no cluster. Error: ErrNoChart.
func (p *Package) Render(ctx context.Context, release, namespace string, values map[string]any) (string, error) {
	c, err := loader.LoadArchive(bytes.NewReader(p.Bytes))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.DryRun, install.ClientOnly, install.IncludeCRDs = true, true, true
	install.ReleaseName, install.Namespace = release, namespace
	rel, err := install.RunWithContext(ctx, c, values)
	if err != nil {
		return "", fmt.Errorf("render the chart's templates: %w: %w", ErrNoChart, err)
	}
	return rel.Manifest, nil
}

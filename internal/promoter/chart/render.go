package chart

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/majors"
)

// Installation is what a package is linted and rendered for.
type Installation struct {
	// Release and Namespace are names. Defaults: the chart's name, and default.
	Release, Namespace string
	// Values over the chart's own. Default: none.
	Values map[string]any
	// KubeVersion is the version of Kubernetes, such as 1.36.1. Default: that of Helm's library, which may be years old.
	KubeVersion string
	// APIVersions are APIs of the cluster beside Kubernetes' own. Default: none.
	APIVersions []string
	// Majors are the majors of Helm that the package is linted and rendered with. Default: all of them.
	Majors []helm.Major
}

func (in Installation) majors() []helm.Major {
	if len(in.Majors) == 0 {
		return majors.All()
	}
	return in.Majors
}

// Lint runs the linters of each major of Helm on a package. It returns the findings also with ErrLint, which means that one of them
// keeps the chart from working. A finding that not all of the majors have begins with the name of its major. findings do not have what
// Helm's own log would print.
func (p *Package) Lint(in Installation) (findings []string, err error) {
	tmp, err := os.MkdirTemp("", "chart-promoter-")
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p.Filename(), err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, p.Name)
	if err := p.Unpack(dir); err != nil {
		return nil, err
	}
	by := map[helm.Major][]helm.Finding{}
	for _, m := range in.majors() {
		by[m], err = majors.Of(m).Lint(dir, helm.LintOptions{Values: in.Values, Namespace: in.Namespace, KubeVersion: in.KubeVersion})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLint, err)
		}
	}
	found := merged(in.majors(), by)
	return texts(found), lintError(found)
}

// maxLintErrors is how many errors of the linters an error repeats.
const maxLintErrors = 3

// lintError is the error of a chart with these findings, nil if none of them is one. It names them, since findings are not printed
// everywhere.
func lintError(findings []helm.Finding) error {
	errs := texts(slices.DeleteFunc(slices.Clone(findings), func(f helm.Finding) bool { return !f.Error }))
	if len(errs) == 0 {
		return nil
	}
	if n := len(errs) - maxLintErrors; n > 0 {
		errs = append(errs[:maxLintErrors], fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("%w: %s", ErrLint, strings.Join(strings.Fields(strings.Join(errs, "; ")), " "))
}

func texts(findings []helm.Finding) (all []string) {
	for _, f := range findings {
		all = append(all, f.Text)
	}
	return all
}

// merged are what the majors of Helm have found. What not all of them have found begins with the name of its major. The majors word an
// error differently, so that the errors of one stand for those of the others.
func merged(list []helm.Major, by map[helm.Major][]helm.Finding) (all []helm.Finding) {
	failed := false
	for _, m := range list {
		for _, f := range by[m] {
			if f.Error && failed {
				continue
			}
			if slices.ContainsFunc(list, func(other helm.Major) bool {
				return !slices.ContainsFunc(by[other], func(o helm.Finding) bool { return o.Text == f.Text || o.Error && f.Error })
			}) {
				f.Text = m.String() + ": " + f.Text
			}
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
		failed = failed || slices.ContainsFunc(by[m], func(f helm.Finding) bool { return f.Error })
	}
	return all
}

// Render returns the manifests that installing a package would apply, its CRDs included, as YAML documents: those of the last major
// of Helm. Each of the majors must render it. It needs no cluster. Error: ErrNoChart.
func (p *Package) Render(ctx context.Context, in Installation) (text string, err error) {
	if in.Release == "" {
		in.Release = p.Name
	}
	if in.Namespace == "" {
		in.Namespace = "default"
	}
	failed := map[helm.Major][]helm.Finding{}
	for _, m := range in.majors() {
		text, err = majors.Of(m).Render(ctx, p.Bytes, helm.RenderOptions{
			Release: in.Release, Namespace: in.Namespace, Values: in.Values, KubeVersion: in.KubeVersion, APIVersions: in.APIVersions,
		})
		if err != nil {
			// Helm 4 writes several lines.
			failed[m] = []helm.Finding{{Text: strings.Join(strings.Fields(err.Error()), " "), Error: true}}
		}
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if len(failed) > 0 {
		return "", fmt.Errorf("render the chart's templates: %w: %s", ErrNoChart, strings.Join(texts(merged(in.majors(), failed)), "; "))
	}
	return text, nil
}

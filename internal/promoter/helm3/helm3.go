// Package helm3 implements package helm with Helm 3, as `helm` of that major works with its defaults: objects are applied by the
// client, and --wait covers Kubernetes' own kinds.
package helm3

import (
	"bytes"
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/release"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

func init() { kube.ManagedFieldsManager = helm.FieldManager }

// Helm is Helm 3.
type Helm struct{}

// Major is 3.
func (Helm) Major() helm.Major { return helm.V3 }

// Load implements helm.Helm.
func (Helm) Load(tgz []byte) (*helm.Chart, error) {
	c, err := load(tgz)
	if err != nil {
		return nil, err
	}
	out := &helm.Chart{Values: c.Values}
	if out.Metadata, err = metadata(c.Metadata); err != nil {
		return nil, err
	}
	for _, f := range c.Raw {
		if f.Name == "values.yaml" {
			out.ValuesYAML = f.Data
		}
	}
	for _, sub := range c.Dependencies() {
		m, err := metadata(sub.Metadata)
		if err != nil {
			return nil, err
		}
		out.Subcharts = append(out.Subcharts, m)
	}
	for _, crd := range c.CRDObjects() {
		out.CRDs = append(out.CRDs, helm.File{Name: crd.Filename, Data: crd.File.Data})
	}
	return out, nil
}

func load(tgz []byte) (*chart.Chart, error) { return loader.LoadArchive(bytes.NewReader(tgz)) }

func metadata(theirs *chart.Metadata) (*helm.Metadata, error) {
	m := new(helm.Metadata)
	return m, helm.Convert(theirs, m)
}

// Lint implements helm.Helm.
func (Helm) Lint(dir string, o helm.LintOptions) ([]helm.Finding, error) {
	kubeVersion, err := kubeVersion(o.KubeVersion)
	if err != nil {
		return nil, err
	}
	values := o.Values
	if values == nil {
		values = map[string]any{}
	}
	var findings []helm.Finding
	helm.Quiet(func() {
		for _, m := range lint.AllWithKubeVersion(dir, values, o.NamespaceOrDefault(), kubeVersion).Messages {
			findings = append(findings, helm.Finding{Text: m.Error(), Error: m.Severity >= support.ErrorSev})
		}
	})
	return findings, nil
}

// Render implements helm.Helm.
func (Helm) Render(ctx context.Context, tgz []byte, o helm.RenderOptions) (string, error) {
	c, err := load(tgz)
	if err != nil {
		return "", err
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.DryRun, install.ClientOnly, install.IncludeCRDs = true, true, true
	install.ReleaseName, install.Namespace, install.APIVersions = o.Release, o.Namespace, o.APIVersions
	if install.KubeVersion, err = kubeVersion(o.KubeVersion); err != nil {
		return "", err
	}
	var rel *release.Release
	helm.Quiet(func() { rel, err = install.RunWithContext(ctx, c, o.Values) })
	if err != nil {
		return "", err
	}
	return rel.Manifest, nil
}

func kubeVersion(text string) (*chartutil.KubeVersion, error) {
	if text == "" {
		text = helm.LibraryKubeVersion()
	}
	if text == "" {
		return nil, nil
	}
	v, err := chartutil.ParseKubeVersion(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a version of Kubernetes: %w", text, err)
	}
	return v, nil
}

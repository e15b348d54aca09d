// Package helm4 implements package helm with Helm 4, as `helm` of that major works with its defaults: the server applies the objects
// of a release that this major installed, one of Helm 3 stays with the client, and --wait goes by the status of every object, custom
// resources too.
package helm4

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

func init() { kube.ManagedFieldsManager = helm.FieldManager }

// Helm is Helm 4.
type Helm struct{}

// Major is 4.
func (Helm) Major() helm.Major { return helm.V4 }

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

func load(tgz []byte) (*v2.Chart, error) { return loader.LoadArchive(bytes.NewReader(tgz)) }

func metadata(theirs *v2.Metadata) (*helm.Metadata, error) {
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
		for _, m := range lint.RunAll(dir, values, o.NamespaceOrDefault(), lint.WithKubeVersion(kubeVersion)).Messages {
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
	install := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler)))
	install.DryRunStrategy, install.IncludeCRDs = action.DryRunClient, true
	install.ReleaseName, install.Namespace, install.APIVersions = o.Release, o.Namespace, o.APIVersions
	if install.KubeVersion, err = kubeVersion(o.KubeVersion); err != nil {
		return "", err
	}
	rel, err := install.RunWithContext(ctx, c, o.Values)
	if err != nil {
		return "", err
	}
	r, err := known(rel)
	if err != nil {
		return "", err
	}
	return r.Manifest, nil
}

func kubeVersion(text string) (*common.KubeVersion, error) {
	if text == "" {
		return nil, nil
	}
	v, err := common.ParseKubeVersion(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a version of Kubernetes: %w", text, err)
	}
	return v, nil
}

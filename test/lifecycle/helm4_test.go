//go:build e2e

package lifecycle

import (
	"maps"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart4 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
)

// helm4 is a release whose commands are those of Helm 4.
type helm4 struct{ *release }

func (r helm4) helm() *action.Configuration {
	r.Helper()
	config := action.NewConfiguration()
	ok(r.T, config.Init(r.flags(), r.namespace, "secrets"))
	return config
}

// load is a chart as Helm 4 reads its files.
func (r helm4) load(c *chart.Chart) *chart4.Chart {
	r.Helper()
	files := make([]*archive.BufferedFile, len(c.Raw))
	for i, file := range c.Raw {
		files[i] = &archive.BufferedFile{Name: file.Name, Data: file.Data}
	}
	loaded, err := loader.LoadFiles(files)
	ok(r.T, err)
	return loaded
}

// install is `helm install --create-namespace --wait`.
func (r helm4) install(c *chart.Chart, values map[string]any) {
	r.Helper()
	a := action.NewInstall(r.helm())
	a.ReleaseName, a.Namespace, a.CreateNamespace = releaseName, r.namespace, true
	a.WaitStrategy, a.Timeout = kube.StatusWatcherStrategy, helmTimeout
	_, err := a.RunWithContext(r.Context(), r.load(c), maps.Clone(values))
	ok(r.T, err)
}

func (r helm4) upgrade(c *chart.Chart, values map[string]any) {
	r.Helper()
	a := action.NewUpgrade(r.helm())
	a.Namespace, a.WaitStrategy, a.Timeout = r.namespace, kube.StatusWatcherStrategy, helmTimeout
	_, err := a.RunWithContext(r.Context(), releaseName, r.load(c), maps.Clone(values))
	ok(r.T, err)
}

func (r helm4) rollback(revision int) {
	r.Helper()
	a := action.NewRollback(r.helm())
	a.Version, a.WaitStrategy, a.Timeout = revision, kube.StatusWatcherStrategy, helmTimeout
	ok(r.T, a.Run(releaseName))
}

func (r helm4) test() error {
	r.Helper()
	a := action.NewReleaseTesting(r.helm())
	a.Namespace, a.Timeout = r.namespace, helmTimeout
	_, shutdown, err := a.Run(releaseName)
	if shutdown != nil {
		ok(r.T, shutdown())
	}
	return err
}

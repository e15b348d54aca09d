package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

const (
	// clusterFile names the cluster of a run: the next run deletes it if this one is killed.
	clusterFile = "cluster"
	// kubeconfigFile is the kubeconfig of that cluster.
	kubeconfigFile = "kubeconfig"
)

func (p Provider) openNew(ctx context.Context, release cluster.Release, o Options, logs string) (*Environment, error) {
	if err := p.deleteLeftover(ctx); err != nil {
		return nil, err
	}
	name := o.ClusterName
	if name == "" {
		name = cluster.UniqueName(p.Config.Name)
	}
	file := p.kubeconfig(name, o.Keep)
	kubeconfig, err := filepath.Abs(p.Work.File(file))
	if err != nil {
		return nil, err
	}
	if err := p.Work.Remove(file); err != nil {
		return nil, err
	}
	// The next run deletes the cluster of this name, so it must not be a foreign one.
	k, err := p.create(ctx, cluster.Options{Name: name, Kubeconfig: kubeconfig, Claimed: func() error {
		_, err := p.whole().Write(clusterFile, []byte(name))
		return err
	}, Deleted: func() error { return p.whole().Remove(clusterFile) }}, logs)
	if errors.Is(err, cluster.ErrExists) {
		return nil, errors.Join(err, p.whole().Remove(clusterFile))
	}
	if err != nil {
		return nil, err
	}
	e := &Environment{Kubeconfig: kubeconfig, provider: p, kind: k, owned: true, keep: o.Keep, release: release}
	if e.before, err = contents(ctx, kubeconfig); err != nil {
		return nil, errors.Join(err, e.deleteCluster(ctx))
	}
	return e, nil
}

func (p Provider) whole() workdir.Dir {
	if p.Whole != "" {
		return p.Whole
	}
	return p.Work
}

func contents(ctx context.Context, kubeconfig string) (*cluster.Contents, error) {
	c, err := cluster.Connect(kubeconfig)
	if err != nil {
		return nil, err
	}
	return c.Contents(ctx)
}

// kubeconfig is the name of the kubeconfig of a cluster in the work directory. A cluster that is kept keeps its file, too.
func (p Provider) kubeconfig(cluster string, keep bool) string {
	if keep {
		return kubeconfigFile + "-" + cluster
	}
	return kubeconfigFile
}

// deleteLeftover deletes the cluster of a run in this work directory that was killed.
func (p Provider) deleteLeftover(ctx context.Context) error {
	data, err := os.ReadFile(p.whole().File(clusterFile))
	if err != nil {
		return nil
	}
	k, err := cluster.Find(ctx, strings.TrimSpace(string(data)), "", nil)
	switch {
	case errors.Is(err, cluster.ErrNoCluster):
	case err != nil:
		return err
	default:
		report.Linef(p.Report, "deleting the cluster %s, which is left from an earlier run", k.Name)
		if err := k.Delete(ctx); err != nil {
			return err
		}
	}
	return p.whole().Remove(clusterFile)
}

func (e *Environment) deleteCluster(ctx context.Context) error {
	if err := e.kind.Delete(ctx); err != nil {
		return err
	}
	return e.provider.whole().Remove(clusterFile)
}

// keepCluster makes the cluster the user's: no later run deletes it.
func (e *Environment) keepCluster() error {
	report.Linef(e.provider.Report, "the cluster %s is kept; its kubeconfig is %s; delete it with chart-promoter cluster delete %[1]s --kubeconfig %[2]s", e.kind.Name, e.Kubeconfig)
	return e.provider.whole().Remove(clusterFile)
}

// settings are those of the cluster.
func (p Provider) settings() config.Cluster { return p.Stage.Verify.Cluster }

// create adds the settings to the options.
func (p Provider) create(ctx context.Context, o cluster.Options, logs string) (*cluster.Kind, error) {
	c := p.settings()
	if c.Config != "" {
		var err error
		if o.Config, err = os.ReadFile(p.Config.Path(c.Config)); err != nil {
			return nil, fmt.Errorf("%w: read kind's configuration: %w", config.ErrInvalid, err)
		}
	}
	start := time.Now()
	o.NodeImage, o.Wait, o.Log = c.NodeImage, c.Wait.Or(5*time.Minute), report.Lines(p.Report)
	k, err := cluster.Create(ctx, o, logs)
	if err == nil {
		report.Linef(p.Report, "cluster %s is ready after %s", o.Name, time.Since(start).Round(time.Second))
	}
	return k, err
}

// Create creates the cluster of the configuration under this name and loads the images to preload, and further ones, outside of any run; the
// caller deletes it. A dry run creates nothing.
func (p Provider) Create(ctx context.Context, name, kubeconfig string, dryRun bool, images ...string) (*cluster.Kind, error) {
	if p.Stage == nil {
		return nil, fmt.Errorf("%w: no stage has verify, which describes the cluster; add one with candidate and verify", config.ErrInvalid)
	}
	path, err := filepath.Abs(kubeconfig)
	if err != nil || dryRun {
		return &cluster.Kind{Name: name, Kubeconfig: path}, err
	}
	k, err := p.create(ctx, cluster.Options{Name: name, Kubeconfig: path}, p.Work.File(LogsDir))
	if err != nil {
		return nil, err
	}
	e := &Environment{Kubeconfig: path, provider: p, kind: k}
	if err := e.Load(ctx, slices.Concat(p.settings().Preload, images)...); err != nil {
		return nil, errors.Join(err, k.Delete(ctx))
	}
	return k, nil
}

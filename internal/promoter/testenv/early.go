package testenv

import (
	"context"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// Early is a new cluster that is created before a test environment is opened in it. One goroutine uses it.
type Early struct {
	provider Provider
	name     string
	stop     context.CancelFunc
	done     chan struct{}
	report   *report.Held
	opened   bool
	// Results, when done is closed.
	env *Environment
	err error
}

// Begin begins to create the cluster that Open would create. The caller opens it with Options.Early, and calls End in any case. What the
// creation reports, its errors included, comes from when it is opened on, so that it is not between the lines of other steps.
func (p Provider) Begin(ctx context.Context, o Options) *Early {
	if o.ClusterName == "" {
		o.ClusterName = cluster.UniqueName(p.Config.Name)
	}
	e := &Early{provider: p, name: o.ClusterName, done: make(chan struct{}), report: &report.Held{}}
	ctx, e.stop = context.WithCancel(ctx)
	p.Report = e.report
	go func() {
		defer close(e.done)
		var logs string
		if logs, e.err = p.Work.Clear(LogsDir); e.err == nil {
			e.env, e.err = p.openNew(ctx, cluster.Release{}, o, logs)
		}
	}()
	return e
}

// open waits for the cluster, and reports from now on to the reporter.
func (e *Early) open(r report.Reporter, release cluster.Release) (*Environment, error) {
	e.opened = true
	e.report.Pass(r)
	<-e.done
	if e.err != nil {
		return nil, e.err
	}
	e.env.release = release
	return e.env, nil
}

// End ends the creation of a cluster that was not opened, and deletes what exists of it. Errors: those of cluster.Kind.Delete. That the
// creation failed is none.
func (e *Early) End(ctx context.Context) error {
	if e == nil {
		return nil
	}
	defer e.stop()
	if e.opened {
		return nil
	}
	report.Linef(e.provider.Report, "the cluster %s is not needed, and is deleted", e.name)
	e.stop()
	<-e.done
	if e.env != nil {
		return e.env.deleteCluster(ctx)
	}
	// The creation has deleted its cluster, but with little time for it, as when a run is interrupted.
	noted, err := os.ReadFile(e.provider.whole().File(clusterFile))
	if err != nil || strings.TrimSpace(string(noted)) != e.name {
		return nil
	}
	left, err := cluster.Open(e.name, "", nil)
	if err != nil {
		return err
	}
	if err := left.Delete(ctx); err != nil {
		return err
	}
	return e.provider.whole().Remove(clusterFile)
}

package testenv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

func (p Provider) openExisting(ctx context.Context, release cluster.Release, o Options) (*Environment, error) {
	path, err := filepath.Abs(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := cluster.Connect(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	release.Run = hex.EncodeToString(id)
	e := &Environment{Kubeconfig: path, provider: p, keep: o.Keep, release: release}
	// Images can be loaded when it is one of kind's clusters on this machine.
	if o.ClusterName != "" {
		if e.kind, err = cluster.Find(ctx, o.ClusterName, "", report.Lines(p.Report)); err != nil {
			return nil, err
		}
	}
	return e, e.claim(ctx, client)
}

// holder is how this run calls itself in the cluster, for the people who wait for it.
func (p Provider) holder(run string) string {
	by := "chart-promoter"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		by += " " + info.Main.Version
	}
	if p.CIRun != "" {
		by += ", " + p.CIRun
	}
	return run + " (" + by + ")"
}

// claim makes sure that the name of the release is this run's to use, and uninstalls what an earlier run has left under it. The lease is
// held while another run lives, so that its release is no leftover.
func (e *Environment) claim(ctx context.Context, client *cluster.Client) error {
	// A release that is no run's is found before anything is written to the cluster.
	if _, err := e.leftover(); err != nil {
		return err
	}
	lease, err := client.Hold(ctx, e.release, e.provider.holder(e.release.Run), e.provider.Lease, report.Lines(e.provider.Report))
	if err != nil {
		return err
	}
	e.lease = lease
	left, err := e.leftover()
	if err != nil {
		return e.failed(ctx, err)
	}
	if left == nil {
		return nil
	}
	report.Linef(e.provider.Report, "uninstalling %s, which is left from an earlier run, %s", e.release.Name, left.Run)
	leftover := e.release
	leftover.Run = left.Run
	return e.uninstallOrAbandon(ctx, leftover)
}

// failed releases the lease of a run of which nothing is installed.
func (e *Environment) failed(ctx context.Context, err error) error {
	if rerr := e.lease.Release(ctx); rerr != nil {
		report.Linef(e.provider.Report, "%v", rerr)
	}
	return err
}

// leftover is the release that an earlier run has installed, nil if there is none. Error: failure.ErrInput for a release that no run has
// installed.
func (e *Environment) leftover() (*helm.Revision, error) {
	last, err := e.Helm(helm.V4).Installed(e.release)
	if err == nil && last != nil && last.Run == "" {
		err = cluster.CheckOwner(e.release, last)
	}
	return last, err
}

// Release is the release to install, as this environment identifies it.
func (e *Environment) Release() cluster.Release { return e.release }

// Context ends with ctx, and when another run may use the release.
func (e *Environment) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.lease == nil {
		return ctx, func() {}
	}
	return e.lease.Guard(ctx)
}

// Lost returns err, or in its place cluster.ErrLease if another run may use the release: what a test finds then is no result.
func (e *Environment) Lost(err error) error {
	if e.lease == nil {
		return err
	}
	if lost := e.lease.Lost(); lost != nil {
		return lost
	}
	return err
}

// uninstallLimit is how long an uninstallation may take, cancelledLimit how long after the run was cancelled.
const (
	uninstallLimit = 5 * time.Minute
	cancelledLimit = 15 * time.Second
)

// closeExisting uninstalls the release, if it still is this run's.
func (e *Environment) closeExisting(ctx context.Context) error {
	r := e.release
	switch {
	case e.lease.Lost() != nil:
		report.Linef(e.provider.Report, "%s in namespace %s is not uninstalled, since another run may use it now; the next run uninstalls what this one has installed", r.Name, r.Namespace)
		return nil
	case e.keep:
		report.Linef(e.provider.Report, "%s is kept in namespace %s; the next run uninstalls it", r.Name, r.Namespace)
	default:
		if err := e.uninstallOrAbandon(ctx, r); err != nil {
			return err
		}
	}
	return e.lease.Release(ctx)
}

// uninstallOrAbandon leaves the lease to expire when the uninstallation does not end in time: the next run continues then. It releases the
// lease when the release is another's, since nothing is uninstalled then.
func (e *Environment) uninstallOrAbandon(ctx context.Context, r cluster.Release) error {
	err := e.uninstall(ctx, r)
	if err == nil {
		return nil
	}
	if lost := e.lease.Lost(); lost != nil {
		return lost
	}
	if cluster.IsForeign(err) {
		report.Linef(e.provider.Report, "%s in namespace %s is not uninstalled, since this run has not installed it", r.Name, r.Namespace)
		return e.failed(ctx, err)
	}
	e.lease.Abandon()
	return err
}

func (e *Environment) uninstall(ctx context.Context, r cluster.Release) error {
	run := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), uninstallLimit)
	defer cancel()
	// Also when the run is cancelled meanwhile.
	defer context.AfterFunc(run, func() { time.AfterFunc(cancelledLimit, cancel) })()
	ctx, stop := e.Context(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- e.Helm(helm.V4).Uninstall(ctx, r) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done(): // parts of Helm know no context
		limit := uninstallLimit
		if run.Err() != nil {
			limit = cancelledLimit
		}
		return fmt.Errorf("uninstall %s: it takes longer than %s; the next run continues: %w", r.Name, limit, context.DeadlineExceeded)
	}
}

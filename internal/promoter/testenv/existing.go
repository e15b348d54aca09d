package testenv

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// installedFile names what runs installed in existing clusters: the next run uninstalls it if one is killed.
const installedFile = "installed.json"

// installed is a release in a cluster.
type installed struct{ Kubeconfig, Name, Namespace string }

func (p Provider) openExisting(ctx context.Context, release cluster.Release, o Options) (*Environment, error) {
	path, err := filepath.Abs(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if _, err := cluster.Connect(path); err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	e := &Environment{Kubeconfig: path, provider: p, keep: o.Keep, release: release}
	// Images can be loaded when it is one of kind's clusters on this machine.
	if o.ClusterName != "" {
		if e.kind, err = cluster.Find(ctx, o.ClusterName, "", report.Lines(p.Report)); err != nil {
			return nil, err
		}
	}
	return e, e.claim(ctx)
}

// claim makes sure that the release is this run's to install and to uninstall.
func (e *Environment) claim(ctx context.Context) error {
	r, work := e.release, e.provider.Work
	exists, err := e.Helm(helm.V4).Installed(r)
	if err != nil {
		return err
	}
	mine := installed{e.Kubeconfig, r.Name, r.Namespace}
	list := installedBefore(work)
	known := slices.Contains(list, mine)
	switch {
	case exists && !known:
		return fmt.Errorf("%w: the cluster already has a release %s in namespace %s, which verify would replace and uninstall; uninstall it, or set install.release to another name", failure.ErrInput, r.Name, r.Namespace)
	case exists:
		report.Linef(e.provider.Report, "uninstalling %s, which is left from an earlier run", r.Name)
		if err := e.Helm(helm.V4).Uninstall(ctx, r); err != nil {
			return err
		}
	}
	if known {
		return nil
	}
	return work.WriteJSON(installedFile, append(list, mine))
}

// installedBefore are the releases that runs in a work directory have installed and not uninstalled: one in the cluster of each stage.
func installedBefore(work workdir.Dir) (list []installed) {
	var one installed // as earlier versions wrote it
	if !work.ReadJSON(installedFile, &list) && work.ReadJSON(installedFile, &one) {
		list = []installed{one}
	}
	return list
}

// forget removes what was uninstalled from the file.
func (e *Environment) forget() error {
	work := e.provider.Work
	mine := installed{e.Kubeconfig, e.release.Name, e.release.Namespace}
	list := slices.DeleteFunc(installedBefore(work), func(i installed) bool { return i == mine })
	if len(list) == 0 {
		return work.Remove(installedFile)
	}
	return work.WriteJSON(installedFile, list)
}

// uninstallLimit is how long an uninstallation may take, cancelledLimit how long after the run was cancelled.
const (
	uninstallLimit = 5 * time.Minute
	cancelledLimit = 15 * time.Second
)

// uninstall leaves the release in installedFile when it does not end in time, so that the next run continues.
func (e *Environment) uninstall(ctx context.Context) error {
	limit := uninstallLimit
	if ctx.Err() != nil {
		limit = cancelledLimit
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- e.Helm(helm.V4).Uninstall(ctx, e.release) }()
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-ctx.Done(): // parts of Helm know no context
		return fmt.Errorf("uninstall %s: it takes longer than %s; the next run continues: %w", e.release.Name, limit, ctx.Err())
	}
	return e.forget()
}

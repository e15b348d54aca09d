// Package testenv is the cluster that a candidate is tested in: a kind cluster that is created for it, or an existing cluster.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Provider opens test environments.
type Provider struct {
	Config *config.Config
	Work   workdir.Dir
	// Whole is the work directory of all charts, whose runs exclude each other: it names the cluster of the last run, of whichever chart.
	// Default: Work.
	Whole  workdir.Dir
	Report report.Reporter
	// Access is how images are found that are loaded into a cluster.
	Access image.Access
	// Stage is the stage that tests, nil if there is none.
	Stage *config.Stage
	// CIRun is the address of the run of the CI engine, empty outside of one; other runs report it while they wait for this one.
	CIRun string
	// Lease limits how long runs wait for each other in an existing cluster.
	Lease cluster.LeaseTimes
}

// Options choose the cluster.
type Options struct {
	// Kubeconfig names an existing cluster to use; what was installed is uninstalled afterwards. Empty: a new cluster.
	Kubeconfig string
	// ClusterName is the name of the new cluster, empty for a unique one. With Kubeconfig it is the kind cluster to load images into.
	ClusterName string
	// Keep leaves the cluster, and what is installed.
	Keep bool
	// Early is a new cluster whose creation has begun; nil creates it now. See Begin.
	Early *Early
}

// LogsDir is the directory below the work directory for the logs of a cluster; Begin empties it.
const LogsDir = "logs"

// Environment is an open test environment.
type Environment struct {
	// Kubeconfig is the path of a file with access to the cluster.
	Kubeconfig string

	provider Provider
	kind     *cluster.Kind // nil for a cluster that is not kind's, or not ours to load into
	owned    bool
	keep     bool
	release  cluster.Release
	before   *cluster.Contents // of a new cluster
	lease    *cluster.Lease    // of the release in an existing cluster
}

// Helm installs into the environment with a major of Helm.
func (e *Environment) Helm(major helm.Major) cluster.Helm {
	return cluster.Helm{Major: major, Kubeconfig: e.Kubeconfig}
}

// leftLimit is the time that the cluster has to delete what an uninstalled release left.
const leftLimit = 2 * time.Minute

// StartOver uninstalls the release with a major of Helm. In a cluster of its own it also deletes what Helm leaves (the namespace with
// its volume claims, definitions of custom resources), so that the next installation begins with nothing. Errors: those of
// cluster.Helm, cluster.ErrInstall, cluster.ErrSilent.
func (e *Environment) StartOver(ctx context.Context, major helm.Major) error {
	if err := e.Helm(major).Uninstall(ctx, e.release); err != nil {
		return err
	}
	if !e.owned {
		report.Linef(e.provider.Report, "%s: uninstalled %s; what it leaves stays in this cluster", major, e.release.Name)
		return nil
	}
	c, err := cluster.Connect(e.Kubeconfig)
	if err != nil {
		return err
	}
	if err := c.DeleteBeyond(ctx, e.before, leftLimit); err != nil {
		return err
	}
	report.Linef(e.provider.Report, "%s: uninstalled %s, and deleted what it left", major, e.release.Name)
	return nil
}

// ClusterName is the name of the kind cluster, "" when it has none.
func (e *Environment) ClusterName() string {
	if e.kind == nil {
		return ""
	}
	return e.kind.Name
}

// Open opens the cluster that a release is to be installed into; logs of a cluster that is not created go to the directory logs.
// Errors: those of cluster.Create, cluster.Connect and cluster.Client.Hold, failure.ErrInput for a release that is not ours to replace.
func (p Provider) Open(ctx context.Context, release cluster.Release, o Options, logs string) (*Environment, error) {
	switch {
	case o.Kubeconfig != "":
		return p.openExisting(ctx, release, o)
	case o.Early != nil:
		return o.Early.open(p.Report, release)
	}
	return p.openNew(ctx, release, o, logs)
}

// Load loads images into the cluster's nodes; empty references do not count. A cluster that is not kind's pulls its images itself.
// Errors: image.ErrNoImage, cluster.ErrLoad.
func (e *Environment) Load(ctx context.Context, refs ...string) error {
	return e.LoadWith(ctx, nil, refs...)
}

// LoadWith is Load, and loads beside those images optional ones, where they exist.
func (e *Environment) LoadWith(ctx context.Context, optional []string, refs ...string) error {
	if e.kind == nil {
		return nil
	}
	named := func(refs []string) []string {
		return slices.DeleteFunc(slices.Clone(refs), func(ref string) bool { return ref == "" })
	}
	_, err := e.kind.LoadWith(ctx, e.provider.Access, named(optional), named(refs)...)
	return err
}

// statesLimit is the timeout of an export of the cluster's states and of its pods' logs.
const statesLimit = 2 * time.Minute

// Export writes logs, events and states into a directory. Errors are reported only: the failure before is more important.
func (e *Environment) Export(ctx context.Context, dir string) {
	if err := e.export(ctx, dir); err != nil {
		report.Linef(e.provider.Report, "some logs or states could not be exported: %v", err)
	}
	report.Linef(e.provider.Report, "logs, events and states of objects are in %s", dir)
}

func (e *Environment) export(ctx context.Context, dir string) error {
	c, err := cluster.Connect(e.Kubeconfig)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, statesLimit)
		defer cancel()
		err = c.Export(limited, dir)
	}
	if e.kind != nil {
		// With a limit of its own: neither export is to take the time of the other.
		err = errors.Join(err, e.kind.ExportLogs(ctx, filepath.Join(dir, "kind")))
	}
	return err
}

// Close removes what the test created: its cluster, or what it installed in an existing one. It works in a context that has ended,
// too, but does not wait for long then.
func (e *Environment) Close(ctx context.Context) error {
	switch {
	case e.owned && e.keep:
		return e.keepCluster()
	case e.owned:
		return e.deleteCluster(ctx)
	}
	return e.closeExisting(ctx)
}

// CheckImage makes sure that the pods of a namespace run the image with this digest: a node could have another image under its name. A
// candidate without a digest names no image to check. It is an error if no pod runs the image only if it is required.
func (e *Environment) CheckImage(ctx context.Context, namespace, repository, digest string, required bool) error {
	if digest == "" {
		return nil
	}
	client, err := cluster.Connect(e.Kubeconfig)
	if err != nil {
		return err
	}
	ids, err := client.ImageIDs(ctx, namespace, repository)
	if err != nil {
		return err
	}
	if len(ids) == 0 && !required {
		report.Linef(e.provider.Report, "no pod runs %s yet, so that its digest is not compared", repository)
		return nil
	}
	if len(ids) == 0 {
		return fmt.Errorf("%w: no pod in %s runs %s", cluster.ErrInstall, namespace, repository)
	}
	for pod, id := range ids {
		if id != digest {
			return fmt.Errorf("%w: %s runs %s, but the candidate names %s", cluster.ErrInstall, pod, id, digest)
		}
	}
	report.Linef(e.provider.Report, "the pods run %s", digest)
	return nil
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/majors"
)

// ErrInstall: the chart cannot be installed, or is not ready in time.
var ErrInstall = failure.New(failure.TestFailed, "the chart cannot be installed")

// ErrSilent: the cluster of a kubeconfig does not answer, or denies access.
var ErrSilent = failure.New(failure.External, "the cluster does not answer: check the kubeconfig, and that the cluster runs")

// Release is how a package is installed.
type Release = helm.Release

// Helm installs packages into the cluster that a kubeconfig names.
type Helm struct {
	// Major is the client's major, default Helm 3.
	Major      helm.Major
	Kubeconfig string
	// Log gets Helm's debug messages. Nil is silent.
	Log func(string)
	// RequestTimeout limits each request, 2 minutes by default.
	RequestTimeout time.Duration
}

func (h Helm) connect(namespace string) (helm.Client, error) {
	c, err := majors.Of(h.Major).Connect(helm.Access{Kubeconfig: h.Kubeconfig, Log: h.Log, RequestTimeout: h.RequestTimeout}, namespace)
	if err != nil {
		return nil, fmt.Errorf("prepare Helm for %s: %w", h.Kubeconfig, err)
	}
	return c, nil
}

// Apply installs the package, or upgrades an existing release, and waits until all of it is ready. A release
// that this run left incomplete is uninstalled first. Apply returns the previous chart version. Errors: ErrInstall, ErrSilent, and those
// of CheckOwner for a release that is not this run's.
func (h Helm) Apply(ctx context.Context, pkg []byte, r Release) (before string, err error) {
	chrt, err := majors.Of(h.Major).Load(pkg)
	if err != nil {
		return "", fmt.Errorf("%w: read the package: %w", ErrInstall, err)
	}
	c, err := h.connect(r.Namespace)
	if err != nil {
		return "", err
	}
	last, err := c.Last(r.Name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSilent, err)
	}
	if last != nil && last.Run != r.Run {
		return "", CheckOwner(r, last)
	}
	if last != nil && !last.Deployed {
		if err := h.Uninstall(ctx, r); err != nil {
			return "", err
		}
		last = nil
	}
	if last == nil {
		return "", h.explain(ctx, r, c.Install(ctx, pkg, r))
	}
	if err := h.applyCRDs(ctx, chrt); err != nil {
		return "", err
	}
	return last.ChartVersion, h.explain(ctx, r, c.Upgrade(ctx, pkg, r))
}

// Rollback returns the release to the revision before its latest, and waits until all of it is ready. Errors: ErrInstall, ErrSilent.
func (h Helm) Rollback(ctx context.Context, r Release) error {
	c, err := h.connect(r.Namespace)
	if err != nil {
		return err
	}
	return h.explain(ctx, r, c.Rollback(ctx, r, helm.PreviousRevision))
}

// Installed returns the latest revision of the release in any state, nil if the cluster has none. Errors: ErrSilent.
func (h Helm) Installed(r Release) (*helm.Revision, error) {
	c, err := h.connect(r.Namespace)
	if err != nil {
		return nil, err
	}
	last, err := c.Last(r.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return last, nil
}

// CheckOwner returns the error for a release that is not this run's: failure.ErrInput for one that no run installed, ErrLease for one of
// another run.
func CheckOwner(r Release, last *helm.Revision) error {
	switch {
	case last == nil, last.Run == r.Run:
		return nil
	case last.Run == "":
		return fmt.Errorf("%w: the cluster already has a release %s in namespace %s, which verify would replace and uninstall; uninstall it, or set install.release to another name", failure.ErrInput, r.Name, r.Namespace)
	}
	return fmt.Errorf("%w: the release %s in namespace %s is of another run, %s, which has installed it meanwhile", ErrLease, r.Name, r.Namespace, last.Run)
}

// explain adds what keeps the pods from running to Helm's error, which reports only a timeout. Errors: ErrInstall, ErrSilent.
func (h Helm) explain(ctx context.Context, r Release, err error) error {
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	kind := h.faultOf(ctx, r, err)
	if errors.Is(kind, ErrSilent) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	detail := ""
	if c, cerr := Connect(h.Kubeconfig); cerr == nil {
		if found := c.Troubles(ctx, r.Namespace); len(found) > 0 {
			detail = "; " + strings.Join(found, "; ")
		}
	}
	return fmt.Errorf("%w: %w%s", kind, err, detail)
}

// IsForeign reports whether an error is one of CheckOwner.
func IsForeign(err error) bool { return errors.Is(err, failure.ErrInput) || errors.Is(err, ErrLease) }

// Uninstall removes the release with the resources of its tests, and waits until it is gone. A release that does not exist is no
// error. Errors: ErrSilent, and those of CheckOwner for a release that is not this run's, which stays.
func (h Helm) Uninstall(ctx context.Context, r Release) error {
	c, err := h.connect(r.Namespace)
	if err != nil {
		return err
	}
	last, err := c.Last(r.Name)
	if err != nil {
		return fmt.Errorf("uninstall %s: %w: %w", r.Name, ErrSilent, err)
	}
	if err := CheckOwner(r, last); err != nil {
		return err
	}
	if err := c.Uninstall(ctx, r); err != nil {
		if ctx.Err() == nil && errors.Is(h.faultOf(ctx, r, err), ErrSilent) {
			return fmt.Errorf("uninstall %s: %w: %w", r.Name, ErrSilent, err)
		}
		return errors.Join(ctx.Err(), fmt.Errorf("uninstall %s: %w", r.Name, err))
	}
	return ctx.Err()
}

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrInstall: the chart cannot be installed, or is not ready in time.
var ErrInstall = failure.New(failure.TestFailed, "the chart cannot be installed")

// ErrSilent: the cluster of a kubeconfig does not answer, or denies access.
var ErrSilent = failure.New(failure.External, "the cluster does not answer: check the kubeconfig, and that the cluster runs")

// Release is how a package is installed.
type Release struct {
	Name, Namespace string
	Values          map[string]any
	// Timeout until everything is ready, default 5 minutes.
	Timeout time.Duration
}

// Helm installs packages into the cluster that a kubeconfig names.
type Helm struct {
	Kubeconfig string
	// Log gets Helm's debug messages. Nil is silent.
	Log func(string)
	// RequestTimeout limits each request, 2 minutes by default. Helm itself waits forever for a cluster that
	// accepts connections and never answers. Watches are restarted.
	RequestTimeout time.Duration
}

func (h Helm) configuration(namespace string) (*action.Configuration, error) {
	flags := genericclioptions.NewConfigFlags(false)
	limit := h.RequestTimeout
	if limit == 0 {
		limit = 2 * time.Minute
	}
	timeout := limit.String()
	flags.KubeConfig, flags.Namespace, flags.Timeout = &h.Kubeconfig, &namespace, &timeout
	cfg := new(action.Configuration)
	err := cfg.Init(flags, namespace, "secrets", func(format string, args ...any) {
		if h.Log != nil {
			h.Log(strings.TrimSpace(fmt.Sprintf(format, args...)))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("prepare Helm for %s: %w", h.Kubeconfig, err)
	}
	return cfg, nil
}

// Apply installs the package, or upgrades an existing release, and waits until all of it is ready. A release
// that an earlier run left incomplete is uninstalled first. Apply returns the previous chart version. Errors: ErrInstall, ErrSilent.
func (h Helm) Apply(ctx context.Context, pkg []byte, r Release) (before string, err error) {
	chrt, err := loader.LoadArchive(bytes.NewReader(pkg))
	if err != nil {
		return "", fmt.Errorf("%w: read the package: %w", ErrInstall, err)
	}
	if r.Timeout == 0 {
		r.Timeout = 5 * time.Minute
	}
	cfg, err := h.configuration(r.Namespace)
	if err != nil {
		return "", err
	}
	last, err := cfg.Releases.Last(r.Name)
	if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return "", fmt.Errorf("%w: %w", ErrSilent, err)
	}
	if err == nil && last.Info.Status != release.StatusDeployed {
		if err := h.Uninstall(ctx, r); err != nil {
			return "", err
		}
		last = nil
	}
	if last == nil || err != nil {
		return "", h.explain(ctx, r, install(ctx, cfg, chrt, r))
	}
	if err := h.applyCRDs(ctx, chrt); err != nil {
		return "", err
	}
	return last.Chart.Metadata.Version, h.explain(ctx, r, upgrade(ctx, cfg, chrt, r))
}

// Installed reports whether the cluster has the release, in any state. Errors: ErrSilent.
func (h Helm) Installed(r Release) (bool, error) {
	cfg, err := h.configuration(r.Namespace)
	if err != nil {
		return false, err
	}
	_, err = cfg.Releases.Last(r.Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return true, nil
}

func install(ctx context.Context, cfg *action.Configuration, chrt *chart.Chart, r Release) error {
	a := action.NewInstall(cfg)
	a.ReleaseName, a.Namespace, a.CreateNamespace, a.Wait, a.Timeout = r.Name, r.Namespace, true, true, r.Timeout
	_, err := a.RunWithContext(ctx, chrt, r.Values)
	return err
}

func upgrade(ctx context.Context, cfg *action.Configuration, chrt *chart.Chart, r Release) error {
	a := action.NewUpgrade(cfg)
	a.Namespace, a.Wait, a.Timeout, a.MaxHistory = r.Namespace, true, r.Timeout, 5
	_, err := a.RunWithContext(ctx, r.Name, chrt, r.Values)
	return err
}

// explain adds what keeps the pods from running to Helm's error, which reports only a timeout.
func (h Helm) explain(ctx context.Context, r Release, err error) error {
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	detail := ""
	if c, cerr := Connect(h.Kubeconfig); cerr == nil {
		if found := c.Troubles(ctx, r.Namespace); len(found) > 0 {
			detail = "; " + strings.Join(found, "; ")
		}
	}
	return fmt.Errorf("%w: %w%s", ErrInstall, err, detail)
}

// Uninstall removes the release with the resources of its tests, and waits until it is gone. A release that does not exist is no
// error.
func (h Helm) Uninstall(ctx context.Context, r Release) error {
	// Helm's IgnoreNotFound also ignores a cluster that does not answer, and the release would stay.
	installed, err := h.Installed(r)
	if err != nil {
		return fmt.Errorf("uninstall %s: %w", r.Name, err)
	}
	if !installed {
		return ctx.Err()
	}
	cfg, err := h.configuration(r.Namespace)
	if err != nil {
		return err
	}
	if err := deleteTests(cfg, r); err != nil {
		return fmt.Errorf("uninstall %s: %w", r.Name, err)
	}
	a := action.NewUninstall(cfg)
	a.Wait, a.Timeout = true, 2*time.Minute
	if _, err := a.Run(r.Name); err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return fmt.Errorf("uninstall %s: %w", r.Name, err)
	}
	return ctx.Err()
}

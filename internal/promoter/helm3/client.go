package helm3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

type client struct {
	cfg       *action.Configuration
	namespace string
}

// Connect implements helm.Helm.
func (Helm) Connect(a helm.Access, namespace string) (helm.Client, error) {
	cfg := new(action.Configuration)
	err := cfg.Init(a.Getter(namespace), namespace, "secrets", func(format string, args ...any) {
		if a.Log != nil {
			a.Log(strings.TrimSpace(fmt.Sprintf(format, args...)))
		}
	})
	return client{cfg, namespace}, err
}

func (c client) Last(name string) (*helm.Revision, error) {
	last, err := c.last(name)
	if last == nil || err != nil {
		return nil, err
	}
	return &helm.Revision{Number: last.Version, ChartVersion: last.Chart.Metadata.Version, Deployed: last.Info.Status == release.StatusDeployed, Run: helm.RunOf(last.Labels)}, nil
}

func (c client) last(name string) (*release.Release, error) {
	last, err := c.cfg.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	return last, err
}

func (c client) Install(ctx context.Context, tgz []byte, r helm.Release) error {
	chrt, err := load(tgz)
	if err != nil {
		return err
	}
	a := action.NewInstall(c.cfg)
	a.ReleaseName, a.Namespace, a.CreateNamespace, a.Wait, a.Timeout = r.Name, c.namespace, true, true, r.WaitLimit()
	a.Labels = r.Labels()
	_, err = a.RunWithContext(ctx, chrt, r.Values)
	return err
}

func (c client) Upgrade(ctx context.Context, tgz []byte, r helm.Release) error {
	chrt, err := load(tgz)
	if err != nil {
		return err
	}
	a := action.NewUpgrade(c.cfg)
	a.Namespace, a.Wait, a.Timeout, a.MaxHistory = c.namespace, true, r.WaitLimit(), helm.MaxHistory
	a.Labels = r.Labels()
	_, err = a.RunWithContext(ctx, r.Name, chrt, r.Values)
	return err
}

func (c client) Rollback(ctx context.Context, r helm.Release, revision int) error {
	a := action.NewRollback(c.cfg)
	a.Version, a.Wait, a.Timeout, a.MaxHistory = revision, true, r.WaitLimit(), helm.MaxHistory
	_, err := helm.Background(ctx, func() (any, error) { return nil, a.Run(r.Name) })
	return err
}

func (c client) Uninstall(ctx context.Context, r helm.Release) error {
	// Helm's IgnoreNotFound also ignores a cluster that does not answer, and the release would stay.
	last, err := c.last(r.Name)
	if last == nil || err != nil {
		return err
	}
	if err := c.deleteTests(last); err != nil {
		return err
	}
	a := action.NewUninstall(c.cfg)
	a.Wait, a.Timeout = true, helm.UninstallTimeout
	_, err = helm.Background(ctx, func() (any, error) { return a.Run(r.Name) })
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil
	}
	return err
}

// deleteTests deletes the resources of the release's tests, which Helm keeps even when it uninstalls.
func (c client) deleteTests(rel *release.Release) error {
	var errs []error
	for _, h := range rel.Hooks {
		if !isTest(h) || h.LastRun.StartedAt.IsZero() {
			continue
		}
		resources, err := c.cfg.KubeClient.Build(bytes.NewBufferString(h.Manifest), false)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		_, found := c.cfg.KubeClient.Delete(resources)
		errs = append(errs, found...)
	}
	return errors.Join(errs...)
}

// Test implements helm.Client. This major deletes what the policies name before it returns.
func (c client) Test(ctx context.Context, r helm.Release) ([]helm.Hook, func() error, error) {
	a := action.NewReleaseTesting(c.cfg)
	a.Namespace, a.Timeout = c.namespace, r.WaitLimit()
	rel, err := helm.Background(ctx, func() (*release.Release, error) { return a.Run(r.Name) })
	nothing := func() error { return nil }
	if rel == nil {
		return nil, nothing, errors.Join(helm.ErrTestsNotStarted, err)
	}
	return hooks(rel.Hooks), nothing, err
}

// hooks are those of a release's hooks that belong to its tests.
func hooks(theirs []*release.Hook) []helm.Hook {
	var list []helm.Hook
	for _, h := range theirs {
		if isTest(h) {
			list = append(list, helm.Hook{
				Name: h.Name, Kind: h.Kind, Weight: h.Weight,
				Started: h.LastRun.StartedAt.Time, Completed: h.LastRun.CompletedAt.Time, Phase: h.LastRun.Phase.String(),
			})
		}
	}
	return list
}

func isTest(h *release.Hook) bool { return slices.Contains(h.Events, release.HookTest) }

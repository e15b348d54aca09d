package helm4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	releaser "helm.sh/helm/v4/pkg/release"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// statusWorkers is what Helm's command uses; its library computes the status of one object after the other.
const statusWorkers = 8

type client struct {
	cfg       *action.Configuration
	namespace string
}

// Connect implements helm.Helm.
func (Helm) Connect(a helm.Access, namespace string) (helm.Client, error) {
	cfg := action.NewConfiguration(action.ConfigurationSetLogger(handler(a.Log)))
	return client{cfg, namespace}, cfg.Init(a.Getter(namespace), namespace, "secrets")
}

// waiting ends the waits of the library with the context.
func waiting(ctx context.Context) []kube.WaitOption {
	return []kube.WaitOption{kube.WithWaitContext(ctx), kube.WithStatusComputeWorkers(statusWorkers)}
}

// known is a release of the only kind that this major stores.
func known(r releaser.Releaser) (*release.Release, error) {
	rel, ok := r.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("the cluster has a release of the unknown type %T", r)
	}
	return rel, nil
}

func (c client) Last(name string) (*helm.Revision, error) {
	last, err := c.last(name)
	if last == nil || err != nil {
		return nil, err
	}
	return &helm.Revision{Number: last.Version, ChartVersion: last.Chart.Metadata.Version, Deployed: last.Info.Status == common.StatusDeployed, Run: helm.RunOf(last.Labels)}, nil
}

func (c client) last(name string) (*release.Release, error) {
	last, err := c.cfg.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return known(last)
}

func (c client) Install(ctx context.Context, tgz []byte, r helm.Release) error {
	chrt, err := load(tgz)
	if err != nil {
		return err
	}
	a := action.NewInstall(c.cfg)
	a.ReleaseName, a.Namespace, a.CreateNamespace, a.Timeout = r.Name, c.namespace, true, r.WaitLimit()
	a.WaitStrategy, a.WaitOptions = kube.StatusWatcherStrategy, waiting(ctx)
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
	a.Namespace, a.Timeout, a.MaxHistory = c.namespace, r.WaitLimit(), helm.MaxHistory
	a.WaitStrategy, a.WaitOptions = kube.StatusWatcherStrategy, waiting(ctx)
	a.Labels = r.Labels()
	_, err = a.RunWithContext(ctx, r.Name, chrt, r.Values)
	return err
}

func (c client) Rollback(ctx context.Context, r helm.Release, revision int) error {
	a := action.NewRollback(c.cfg)
	a.Version, a.Timeout, a.MaxHistory = revision, r.WaitLimit(), helm.MaxHistory
	a.WaitStrategy, a.WaitOptions = kube.StatusWatcherStrategy, waiting(ctx)
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
	a.Timeout, a.WaitStrategy, a.WaitOptions = helm.UninstallTimeout, kube.StatusWatcherStrategy, waiting(ctx)
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
		_, found := c.cfg.KubeClient.Delete(resources, metav1.DeletePropagationBackground)
		errs = append(errs, found...)
	}
	return errors.Join(errs...)
}

func (c client) Test(ctx context.Context, r helm.Release) ([]helm.Hook, func() error, error) {
	a := action.NewReleaseTesting(c.cfg)
	a.Namespace, a.Timeout, a.WaitOptions = c.namespace, r.WaitLimit(), waiting(ctx)
	type outcome struct {
		release releaser.Releaser
		cleanup func() error
	}
	o, err := helm.Background(ctx, func() (outcome, error) {
		rel, cleanup, err := a.Run(r.Name)
		return outcome{rel, cleanup}, err
	})
	rel, kerr := known(o.release)
	if kerr != nil {
		return nil, func() error { return nil }, errors.Join(helm.ErrTestsNotStarted, err)
	}
	return hooks(rel.Hooks), withoutError(o.cleanup, err), err
}

// withoutError is a cleanup that does not return the error of the tests: Helm's does, and one failed test would be reported as two.
func withoutError(cleanup func() error, tests error) func() error {
	return func() error {
		if err := cleanup(); err != nil && (tests == nil || !errors.Is(err, tests)) {
			return err
		}
		return nil
	}
}

// hooks are those of a release's hooks that belong to its tests.
func hooks(theirs []*release.Hook) []helm.Hook {
	var list []helm.Hook
	for _, h := range theirs {
		if isTest(h) {
			list = append(list, helm.Hook{
				Name: h.Name, Kind: h.Kind, Weight: h.Weight,
				Started: h.LastRun.StartedAt, Completed: h.LastRun.CompletedAt, Phase: h.LastRun.Phase.String(),
			})
		}
	}
	return list
}

func isTest(h *release.Hook) bool { return slices.Contains(h.Events, release.HookTest) }

// handler passes Helm's structured messages on as lines.
func handler(log func(string)) slog.Handler {
	if log == nil {
		return slog.DiscardHandler
	}
	return slog.NewTextHandler(lineWriter(log), &slog.HandlerOptions{Level: slog.LevelDebug})
}

type lineWriter func(string)

func (w lineWriter) Write(p []byte) (int, error) {
	w(string(bytes.TrimSpace(p)))
	return len(p), nil
}

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
)

// HookTest is one of a chart's own tests: a pod or a job that `helm test` runs.
type HookTest struct {
	Name string
	// Ran is false for a test after the first failed one.
	Ran bool
	// Err is the reason of a failure, and Output the end of the failed test's log.
	Err     error
	Output  string
	Elapsed time.Duration
}

// Test runs the tests of an installed release as `helm test` does: in their order, until one fails. A release without tests is no
// error. Hooks that only create what a test needs (a ConfigMap, an account) count only if they fail. Errors: ErrSilent,
// and any error that keeps Helm from starting.
func (h Helm) Test(ctx context.Context, r Release) ([]HookTest, error) {
	cfg, err := h.configuration(r.Namespace)
	if err != nil {
		return nil, err
	}
	a := action.NewReleaseTesting(cfg)
	a.Namespace, a.Timeout = r.Namespace, r.Timeout
	type outcome struct {
		rel *release.Release
		err error
	}
	ended := make(chan outcome, 1)
	go func() { // Run has no context
		rel, err := a.Run(r.Name)
		ended <- outcome{rel, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-ended:
		if o.rel == nil {
			return nil, fmt.Errorf("%w: %w", ErrSilent, o.err)
		}
		tests := hookTests(o.rel.Hooks, o.err)
		for i, t := range tests {
			if t.Err != nil {
				tests[i].Output = h.printed(ctx, r.Namespace, t.Name)
			}
		}
		return tests, nil
	}
}

// hookTests reads the result of each test. An error that belongs to no hook becomes a failed test of its own, so that it
// is never taken for success.
func hookTests(hooks []*release.Hook, err error) []HookTest {
	hooks = slices.DeleteFunc(slices.Clone(hooks), func(h *release.Hook) bool { return !isTest(h) })
	slices.SortStableFunc(hooks, func(a, b *release.Hook) int { return a.Weight - b.Weight })
	var tests []HookTest
	assigned := err == nil // the error belongs to a hook
	for _, h := range hooks {
		t := HookTest{Name: h.Name, Ran: !h.LastRun.StartedAt.IsZero()}
		if t.Ran {
			t.Elapsed = max(0, h.LastRun.CompletedAt.Sub(h.LastRun.StartedAt))
		}
		if t.Ran && h.LastRun.Phase != release.HookPhaseSucceeded {
			t.Err, assigned = err, true
			if err == nil {
				t.Err = errors.New("the test ended in phase " + h.LastRun.Phase.String())
			}
		}
		if t.Err != nil || h.Kind == "Pod" || h.Kind == "Job" {
			tests = append(tests, t)
		}
	}
	if !assigned {
		tests = append(tests, HookTest{Name: "helm test", Ran: true, Err: err})
	}
	return tests
}

func isTest(h *release.Hook) bool { return slices.Contains(h.Events, release.HookTest) }

// printed returns what keeps pods from running, and the end of the log of a test's pod, if the pod still
// exists. The pods of a job have other names, and their logs are exported.
func (h Helm) printed(ctx context.Context, namespace, pod string) string {
	c, err := Connect(h.Kubeconfig)
	if err != nil {
		return ""
	}
	text := ""
	for _, trouble := range c.Troubles(ctx, namespace) {
		text += trouble + "\n"
	}
	lines, limit := int64(200), int64(1<<20)
	in, err := c.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{TailLines: &lines, LimitBytes: &limit}).Stream(ctx)
	if err != nil {
		return text
	}
	defer in.Close()
	log, _ := io.ReadAll(in)
	return text + string(log)
}

// deleteTests deletes the resources of the release's tests, which Helm keeps even when it uninstalls.
func deleteTests(cfg *action.Configuration, r Release) error {
	rel, err := cfg.Releases.Last(r.Name)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range rel.Hooks {
		if !isTest(h) || h.LastRun.StartedAt.IsZero() {
			continue
		}
		resources, err := cfg.KubeClient.Build(bytes.NewBufferString(h.Manifest), false)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		_, found := cfg.KubeClient.Delete(resources)
		errs = append(errs, found...)
	}
	return errors.Join(errs...)
}

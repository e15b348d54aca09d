package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// Test runs the tests of an installed release as `helm test` does: in their order, until one fails. A release without tests is no
// error. Errors: ErrSilent, and any error that keeps Helm from starting.
func (h Helm) Test(ctx context.Context, r Release) ([]helm.HookTest, error) {
	c, err := h.connect(r.Namespace)
	if err != nil {
		return nil, err
	}
	hooks, cleanup, err := c.Test(ctx, r)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, helm.ErrTestsNotStarted) {
		return nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	tests := helm.HookTests(hooks, err)
	for i, t := range tests {
		if t.Err != nil {
			tests[i].Output = h.printed(ctx, r.Namespace, t.Name)
		}
	}
	if err := cleanup(); err != nil {
		tests = append(tests, helm.HookTest{Name: "helm test", Ran: true, Err: err})
	}
	return tests, nil
}

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

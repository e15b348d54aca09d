package testrun

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

const (
	// HelmTest is Report.By of a chart's own tests.
	HelmTest = "helm test"
	// Installation is Report.By of a chart without tests: attestation and report must not claim more.
	Installation = "installation and readiness, the chart has no test of its own"
)

// Helm runs the tests of an installed chart, those of `helm test`. Errors: ErrFailed, and those of cluster.Helm.
func (r Runner) Helm(ctx context.Context, client cluster.Helm, release cluster.Release) (*Report, error) {
	report.Linef(r.Report, "%s: run helm test %s with a limit of %s for each test", client.Major, release.Name, release.Timeout)
	start := time.Now()
	tests, err := client.Test(ctx, release)
	if err != nil {
		return nil, err
	}
	result := helmReport(tests, time.Since(start))
	for _, c := range result.cases {
		report.Linef(r.Report, "--- %s: %s (%.2fs)", map[string]string{pass: "PASS", fail: "FAIL", skip: "SKIP"}[c.result], c.name, c.elapsed.Seconds())
		for _, text := range c.output {
			report.Linef(r.Report, "%s", text)
		}
	}
	if result.Failed > 0 {
		return result, fmt.Errorf("%w: %s", ErrFailed, result.Summary())
	}
	return result, nil
}

// helmReport counts the tests of a chart that is installed and ready.
func helmReport(tests []helm.HookTest, elapsed time.Duration) *Report {
	r := &Report{By: HelmTest, Elapsed: elapsed, named: true}
	if len(tests) == 0 {
		r.By = Installation
		r.cases = []*testCase{{pkg: r.By, name: "installed and ready", result: pass}}
	}
	for _, t := range tests {
		c := &testCase{pkg: r.By, name: t.Name, result: pass, elapsed: t.Elapsed}
		switch {
		case t.Err != nil:
			c.result, c.output = fail, []string{t.Err.Error() + "\n", t.Output}
		case !t.Ran:
			c.result, c.output = skip, []string{"not run, because an earlier test failed\n"}
		}
		r.cases = append(r.cases, c)
	}
	r.count()
	return r
}

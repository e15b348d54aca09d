package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

const (
	byHooks = "helm test"
	// TestedByInstallation is what a chart without tests is tested by. Record and report call it so: nobody is to take it for more.
	TestedByInstallation = "installation and readiness, the chart has no test of its own"
)

// runHookTests runs the chart's own tests. Errors as those of runTests.
func (s *Session) runHookTests(ctx context.Context, helm cluster.Helm, r cluster.Release) (*TestReport, error) {
	s.line("helm test %s, which has %s for each", r.Name, r.Timeout)
	start := time.Now()
	quiet := s.heartbeat(ctx, start)
	tests, err := helm.Test(ctx, r)
	quiet()
	if err != nil {
		return nil, err
	}
	report := hookReport(tests, time.Since(start))
	for _, key := range report.order {
		c := report.cases[key]
		s.line("--- %s: %s (%.2fs)", map[string]string{"pass": "PASS", "fail": "FAIL", "skip": "SKIP"}[c.result], c.name, c.elapsed)
		for _, text := range c.output {
			s.line("%s", text)
		}
	}
	if report.Failed > 0 {
		return report, fmt.Errorf("%w: %s", ErrTest, report.Summary())
	}
	return report, nil
}

// hookReport counts the tests of a chart that is installed and ready.
func hookReport(tests []cluster.HookTest, elapsed time.Duration) *TestReport {
	r := &TestReport{By: byHooks, Elapsed: elapsed, cases: map[string]*testCase{}}
	add := func(c *testCase) {
		c.pkg = r.By
		key := fmt.Sprint(len(r.order), " ", c.name)
		r.cases[key], r.order = c, append(r.order, key)
	}
	if len(tests) == 0 {
		r.By = TestedByInstallation
		add(&testCase{name: "installed and ready", result: "pass"})
	}
	for _, t := range tests {
		c := &testCase{name: t.Name, result: "pass", elapsed: t.Elapsed.Seconds()}
		switch {
		case t.Err != nil:
			c.result, c.output = "fail", []string{t.Err.Error() + "\n", t.Output}
		case !t.Ran:
			c.result, c.output = "skip", []string{"one before it failed\n"}
		}
		add(c)
	}
	r.count()
	return r
}

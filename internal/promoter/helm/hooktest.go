package helm

import (
	"errors"
	"slices"
	"time"
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

// HookTests reads the result of each test from the hooks and from the error of Client.Test. Hooks that only create what a test needs
// (a ConfigMap, an account) count only if they fail. An error that belongs to no hook becomes a failed test of its own, so that it
// is never taken for success.
func HookTests(hooks []Hook, err error) []HookTest {
	hooks = slices.Clone(hooks)
	slices.SortStableFunc(hooks, func(a, b Hook) int { return a.Weight - b.Weight })
	var tests []HookTest
	assigned := err == nil // the error belongs to a hook
	for _, h := range hooks {
		t := HookTest{Name: h.Name, Ran: !h.Started.IsZero()}
		if t.Ran {
			t.Elapsed = max(0, h.Completed.Sub(h.Started))
		}
		if t.Ran && h.Phase != Succeeded {
			t.Err, assigned = err, true
			if err == nil {
				t.Err = errors.New("the test ended in phase " + h.Phase)
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

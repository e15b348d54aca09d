package helm

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestResultsOfHelmTestsAreReadFromTheHooks(t *testing.T) {
	began := time.Now()
	hook := func(kind, name string, weight int, phase string) Hook {
		h := Hook{Kind: kind, Name: name, Weight: weight, Phase: phase}
		if phase != "" {
			h.Started, h.Completed = began, began.Add(time.Second)
		}
		return h
	}
	broken := errors.New("pod failed")
	ok, bad := Succeeded, "Failed"
	for name, c := range map[string]struct {
		hooks []Hook
		err   error
		want  string
	}{
		"no hook":                      {nil, nil, ""},
		"a pod and a job, by weight":   {[]Hook{hook("Job", "b", 2, ok), hook("Pod", "a", -1, ok)}, nil, "a ok, b ok"},
		"what a test needs is no test": {[]Hook{hook("ConfigMap", "c", -1, ok), hook("ServiceAccount", "a", -1, ok), hook("Pod", "a", 0, ok)}, nil, "a ok"},
		"the first fails":              {[]Hook{hook("Pod", "a", 0, bad), hook("Pod", "b", 1, "")}, broken, "a pod failed, b not run"},
		"what a test needs fails":      {[]Hook{hook("ConfigMap", "c", -1, bad), hook("Pod", "a", 0, "")}, broken, "c pod failed, a not run"},
		"an unknown end":               {[]Hook{hook("Pod", "a", 0, "Unknown")}, nil, "a the test ended in phase Unknown"},
		"an error before any hook ran": {[]Hook{hook("Pod", "a", 0, "")}, broken, "a not run, helm test pod failed"},
		"an error after all succeeded": {[]Hook{hook("Pod", "a", 0, ok)}, broken, "a ok, helm test pod failed"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, test := range HookTests(c.hooks, c.err) {
				state := "ok"
				switch {
				case test.Err != nil:
					state = test.Err.Error()
				case !test.Ran:
					state = "not run"
				case test.Elapsed != time.Second:
					state = fmt.Sprint("took ", test.Elapsed)
				}
				got = append(got, test.Name+" "+state)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, ", "), c.want)
			}
		})
	}
}

package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
)

func TestResultsOfHelmTestsAreReadFromTheHooks(t *testing.T) {
	began := helmtime.Now()
	hook := func(kind, name string, weight int, phase release.HookPhase, on ...release.HookEvent) *release.Hook {
		h := &release.Hook{Kind: kind, Name: name, Weight: weight, Events: append(on, release.HookTest)}
		if phase != "" {
			h.LastRun = release.HookExecution{StartedAt: began, CompletedAt: began.Add(time.Second), Phase: phase}
		}
		return h
	}
	broken := errors.New("pod failed")
	ok, bad := release.HookPhaseSucceeded, release.HookPhaseFailed
	for name, c := range map[string]struct {
		hooks []*release.Hook
		err   error
		want  string
	}{
		"no hook":                      {nil, nil, ""},
		"hooks of other events only":   {[]*release.Hook{{Kind: "Job", Name: "migrate", Events: []release.HookEvent{release.HookPreInstall}}}, nil, ""},
		"a pod and a job, by weight":   {[]*release.Hook{hook("Job", "b", 2, ok), hook("Pod", "a", -1, ok)}, nil, "a ok, b ok"},
		"what a test needs is no test": {[]*release.Hook{hook("ConfigMap", "c", -1, ok), hook("ServiceAccount", "a", -1, ok), hook("Pod", "a", 0, ok)}, nil, "a ok"},
		"the first fails":              {[]*release.Hook{hook("Pod", "a", 0, bad), hook("Pod", "b", 1, "")}, broken, "a pod failed, b not run"},
		"what a test needs fails":      {[]*release.Hook{hook("ConfigMap", "c", -1, bad), hook("Pod", "a", 0, "")}, broken, "c pod failed, a not run"},
		"an unknown end":               {[]*release.Hook{hook("Pod", "a", 0, release.HookPhaseUnknown)}, nil, "a the test ended in phase Unknown"},
		"an error before any hook ran": {[]*release.Hook{hook("Pod", "a", 0, "")}, broken, "a not run, helm test pod failed"},
		"an error after all succeeded": {[]*release.Hook{hook("Pod", "a", 0, ok)}, broken, "a ok, helm test pod failed"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, test := range hookTests(c.hooks, c.err) {
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

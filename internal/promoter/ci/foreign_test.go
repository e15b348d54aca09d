package ci

import "testing"

// Nothing pushes in an engine of which only some signs are known, until its job declares that it may.
func TestAnEngineWithoutFilesHereMayNotPushUntilItIsAllowed(t *testing.T) {
	t.Parallel()
	for engine, c := range map[string]struct{ branch, pullRequest map[string]string }{
		"circleci":   {map[string]string{"CIRCLECI": "true", "CI": "true"}, map[string]string{"CIRCLE_PULL_REQUEST": "https://example.org/pull/7"}},
		"jenkins":    {map[string]string{"JENKINS_URL": "http://j/"}, map[string]string{"CHANGE_ID": "7"}},
		"azure":      {map[string]string{"TF_BUILD": "True", "BUILD_REASON": "IndividualCI"}, map[string]string{"BUILD_REASON": "PullRequest"}},
		"bitbucket":  {map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "CI": "true"}, map[string]string{"BITBUCKET_PR_ID": "7"}},
		"woodpecker": {map[string]string{"CI": "woodpecker", "CI_PIPELINE_EVENT": "push"}, map[string]string{"CI_PIPELINE_EVENT": "pull_request"}},
		"drone":      {map[string]string{"DRONE": "true", "CI": "true", "DRONE_BUILD_EVENT": "push"}, map[string]string{"DRONE_BUILD_EVENT": "pull_request"}},
		"buildkite":  {map[string]string{"BUILDKITE": "true", "CI": "true", "BUILDKITE_PULL_REQUEST": "false"}, map[string]string{"BUILDKITE_PULL_REQUEST": "7"}},
		"unknown":    {map[string]string{"CI": "true"}, nil},
	} {
		t.Run(engine, func(t *testing.T) {
			detect := func(more ...map[string]string) Build {
				all := map[string]string{}
				for _, m := range append([]map[string]string{c.branch}, more...) {
					for k, v := range m {
						all[k] = v
					}
				}
				return Detect(func(k string) string { return all[k] })
			}
			b := detect()
			if b.Engine != engine || b.MayPush() || !b.Undecided() {
				t.Errorf("a branch: %+v, may push %v", b, b.MayPush())
			}
			for value, want := range map[string]bool{"true": true, "false": false, "perhaps": false} {
				if b := detect(map[string]string{Push: value}); b.MayPush() != want || b.Undecided() {
					t.Errorf("a branch with %s=%s: may push %v, undecided %v", Push, value, b.MayPush(), b.Undecided())
				}
			}
			if c.pullRequest == nil {
				return
			}
			if b := detect(c.pullRequest, map[string]string{Push: "true"}); b.MayPush() || !b.PullRequest || b.Undecided() {
				t.Errorf("a pull request whose job is allowed to push: %+v", b)
			}
		})
	}
}

func TestAMergeQueueMayNotPushUntilItIsAllowed(t *testing.T) {
	t.Parallel()
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "merge_group", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "gh-readonly-queue/release/1.2/pr-7-abc"}
	get := func(k string) string { return env[k] }
	if b := Detect(get); b.MayPush() || b.Undecided() || b.Withheld() == "" || b.Branch != "release/1.2" {
		t.Errorf("%+v may push, or is not for release/1.2", b)
	}
	if env[Push] = "true"; !Detect(get).MayPush() {
		t.Error("it may not push although it is allowed")
	}
	env["GITHUB_EVENT_NAME"] = "push"
	if env[Push] = "false"; Detect(get).MayPush() {
		t.Error("a branch may push although that is denied")
	}
}

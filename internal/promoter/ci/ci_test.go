package ci

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// eventFile is GitHub's file with the event that started a run.
func eventFile(t *testing.T, content string) string {
	t.Helper()
	path := t.TempDir() + "/event.json"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// detection is the environment of a job, and what is to be found in it.
type detection struct {
	env  map[string]string
	want Build
}

func (c detection) check(t *testing.T) {
	got := Detect(func(k string) string { return c.env[k] })
	if d := cmp.Diff(c.want, got); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
	if got.MayPush() == (c.want.PullRequest || c.want.Fork) {
		t.Errorf("MayPush is %v", got.MayPush())
	}
}

func TestDetectFindsTheEngineAndItsBuild(t *testing.T) {
	sha := strings.Repeat("a", 40)
	event := eventFile(t, `{"pull_request":{"head":{"repo":{"full_name":"another/fork"}}}}`)
	own := eventFile(t, `{"pull_request":{"head":{"repo":{"full_name":"o/r"}}}}`)
	pushed := eventFile(t, `{"repository":{"full_name":"another/fork","fork":true}}`)
	for name, c := range map[string]detection{
		"nothing": {nil, Build{}},
		"a Travis build of a tag": {
			map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": sha, "TRAVIS_TAG": "v1.0", "TRAVIS_BRANCH": "v1.0", "TRAVIS_PULL_REQUEST": "false", "TRAVIS_SECURE_ENV_VARS": "true"},
			Build{Engine: "travis", Commit: sha, Tag: "v1.0"},
		},
		"a Travis build of a fork's pull request": {
			map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": sha, "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "7", "TRAVIS_SECURE_ENV_VARS": "false"},
			Build{Engine: "travis", Commit: sha, Branch: "main", PullRequest: true, Fork: true},
		},
		"a GitHub build of a branch": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ID": "5", "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "o/r"},
			Build{Engine: "github", Commit: sha, Branch: "main", Run: "https://github.example/o/r/actions/runs/5"},
		},
		"a GitHub build that is dispatched on a tag": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0", "GITHUB_EVENT_NAME": "workflow_dispatch"},
			Build{Engine: "github", Commit: sha, Tag: "v1.0"},
		},
		"a GitHub pull request": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "7/merge", "GITHUB_BASE_REF": "release-1.2", "GITHUB_HEAD_REF": "fix", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": own, "GITHUB_REPOSITORY": "o/r"},
			Build{Engine: "github", Commit: sha, Branch: "release-1.2", PullRequest: true},
		},
		"a GitHub build of a fork's pull request": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": event, "GITHUB_REPOSITORY": "o/r"},
			Build{Engine: "github", Commit: sha, PullRequest: true, Fork: true},
		},
		"a GitHub build of a branch of a fork": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_REF_NAME": "main", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": pushed, "GITHUB_REPOSITORY": "another/fork"},
			Build{Engine: "github", Commit: sha, Branch: "main", Fork: true},
		},
		"a GitHub pull request whose event cannot be read counts as a fork's": {
			map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": sha, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": "o/r"},
			Build{Engine: "github", Commit: sha, PullRequest: true, Fork: true},
		},
	} {
		t.Run(name, c.check)
	}
}

func TestDetectFindsTheBuildsOfGitLab(t *testing.T) {
	sha := strings.Repeat("a", 40)
	for name, c := range map[string]detection{
		"a GitLab build of a tag": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_COMMIT_TAG": "1.0.0-rc.1", "CI_JOB_URL": "https://gitlab.example/j/1"},
			Build{Engine: "gitlab", Commit: sha, Tag: "1.0.0-rc.1", Run: "https://gitlab.example/j/1"},
		},
		"a GitLab build of a branch of a fork": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_COMMIT_BRANCH": "main", "CHART_PROMOTER_FORK": "true"},
			Build{Engine: "gitlab", Commit: sha, Branch: "main", Fork: true},
		},
		"a GitLab merge request": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_COMMIT_REF_NAME": "fix", "CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release-1.2", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "1"},
			Build{Engine: "gitlab", Commit: sha, Branch: "release-1.2", PullRequest: true},
		},
		"a GitLab build of a pull request of a GitHub repository": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_COMMIT_BRANCH": "fix", "CI_EXTERNAL_PULL_REQUEST_IID": "3", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "release-1.2", "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "o/r", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "o/r"},
			Build{Engine: "gitlab", Commit: sha, Branch: "release-1.2", PullRequest: true},
		},
		"a GitLab build of such a pull request from another repository": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_EXTERNAL_PULL_REQUEST_IID": "3", "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "another/fork", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "o/r"},
			Build{Engine: "gitlab", Commit: sha, PullRequest: true, Fork: true},
		},
		"a GitLab merge request from another project": {
			map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "9", "CI_MERGE_REQUEST_PROJECT_ID": "1"},
			Build{Engine: "gitlab", Commit: sha, PullRequest: true, Fork: true},
		},
	} {
		t.Run(name, c.check)
	}
}

func TestEveryEngineHasWhatTheToolNeedsOfIt(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Engines {
		for _, f := range []File{e.Dev, e.QA} {
			if _, err := Templates.ReadFile("templates/" + f.Template); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
			if f.Path == "" || seen[f.Path] {
				t.Errorf("%s: the path %q is empty or another engine's", e.Name, f.Path)
			}
			seen[f.Path] = true
		}
		if e.Dev.AsTemplate == "" || e.Reads(e.Dev.AsTemplate) || e.Reads(e.QA.Path) {
			t.Errorf("%s: the engine reads its own templates", e.Name)
		}
		if !e.Reads(e.Dev.Path) {
			t.Errorf("%s: the engine does not read %s", e.Name, e.Dev.Path)
		}
		if _, found := e.Detect(func(string) string { return "" }); found {
			t.Errorf("%s: found without any variable", e.Name)
		}
		if got, ok := Find(e.Name); !ok || got.Name != e.Name {
			t.Errorf("Find does not know %s", e.Name)
		}
	}
	if _, ok := Find(Default); !ok {
		t.Errorf("the default engine %s does not exist", Default)
	}
}

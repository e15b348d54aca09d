package ci

import (
	"encoding/json"
	"os"
	"strings"
)

var github = Engine{
	Name:   "github",
	Detect: detectGitHub,
	Dev:    File{Path: ".github/workflows/dev.yaml", AsTemplate: "ci/github/dev.yaml", Template: "github-dev.yaml"},
	QA:     File{Path: "ci/github/qa.yaml", Template: "github-qa.yaml"},
	Reads:  func(file string) bool { return strings.HasPrefix(file, ".github/workflows/") },
}

func detectGitHub(env func(string) string) (Build, bool) {
	if env("GITHUB_ACTIONS") != "true" {
		return Build{}, false
	}
	event := env("GITHUB_EVENT_NAME")
	b := Build{Commit: env("GITHUB_SHA"), PullRequest: strings.HasPrefix(event, "pull_request"), Queue: event == "merge_group"}
	b.Fork = githubFork(env, b.PullRequest)
	switch name := env("GITHUB_REF_NAME"); {
	case env("GITHUB_REF_TYPE") == "tag":
		b.Tag = name
	case b.PullRequest: // the reference is that of the merge, such as 7/merge
		b.Branch = env("GITHUB_BASE_REF")
	case b.Queue:
		b.Branch = queuedFor(name)
	default:
		b.Branch = name
	}
	if id := env("GITHUB_RUN_ID"); id != "" {
		b.Run = env("GITHUB_SERVER_URL") + "/" + env("GITHUB_REPOSITORY") + "/actions/runs/" + id
	}
	return b, true
}

// queuedFor is the branch that a reference of a merge queue is for: main for gh-readonly-queue/main/pr-7-HASH.
func queuedFor(name string) string {
	name = strings.TrimPrefix(name, "gh-readonly-queue/")
	if i := strings.LastIndex(name, "/pr-"); i >= 0 {
		return name[:i]
	}
	return name
}

// githubFork reads the event that started the run; only the event has the commit's origin, and whether the repository itself
// is a fork, which has none of the secrets. A pull request whose event cannot be read counts as one of a fork: not pushing
// is the safe side.
func githubFork(env func(string) string, pullRequest bool) bool {
	data, err := os.ReadFile(env("GITHUB_EVENT_PATH"))
	if err != nil {
		return pullRequest
	}
	var event struct {
		Repository struct {
			Fork bool `json:"fork"`
		} `json:"repository"`
		PullRequest struct {
			Head struct {
				Repo struct {
					FullName string `json:"full_name"`
				} `json:"repo"`
			} `json:"head"`
		} `json:"pull_request"`
	}
	if json.Unmarshal(data, &event) != nil {
		return pullRequest
	}
	return event.Repository.Fork || pullRequest && event.PullRequest.Head.Repo.FullName != env("GITHUB_REPOSITORY")
}

package gitrepo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// CI is what the CI engine says about a build, in one form for all engines.
type CI struct {
	// Engine is "travis", "github", "gitlab", or empty outside CI.
	Engine string `json:"engine,omitempty"`
	Commit string `json:"commit,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Branch string `json:"branch,omitempty"`
	// PullRequest is true for builds of pull and merge requests; Fork for those of another repository, which get no secrets.
	PullRequest bool `json:"pullRequest,omitempty"`
	Fork        bool `json:"fork,omitempty"`
	// Run is the address of the run, for records.
	Run string `json:"run,omitempty"`
}

// MayPush is false for builds whose commit nobody with write access has accepted yet.
func (c CI) MayPush() bool { return !c.PullRequest && !c.Fork }

// DetectCI reads the variables of Travis, GitHub Actions and GitLab CI.
func DetectCI(env func(string) string) CI {
	switch {
	case env("TRAVIS") == "true":
		pr := env("TRAVIS_PULL_REQUEST")
		return CI{
			Engine: "travis", Commit: env("TRAVIS_COMMIT"), Tag: env("TRAVIS_TAG"), Branch: env("TRAVIS_BRANCH"),
			PullRequest: pr != "" && pr != "false", Fork: env("TRAVIS_SECURE_ENV_VARS") == "false", Run: env("TRAVIS_BUILD_WEB_URL"),
		}
	case env("GITHUB_ACTIONS") == "true":
		c := CI{Engine: "github", Commit: env("GITHUB_SHA"), PullRequest: strings.HasPrefix(env("GITHUB_EVENT_NAME"), "pull_request")}
		c.Fork = githubFork(env, c.PullRequest)
		if env("GITHUB_REF_TYPE") == "tag" {
			c.Tag = env("GITHUB_REF_NAME")
		} else {
			c.Branch = env("GITHUB_REF_NAME")
		}
		if id := env("GITHUB_RUN_ID"); id != "" {
			c.Run = env("GITHUB_SERVER_URL") + "/" + env("GITHUB_REPOSITORY") + "/actions/runs/" + id
		}
		return c
	case env("GITLAB_CI") == "true":
		// GitLab tells a merge request where it comes from, but no job that its whole project is a fork; our own file does.
		from, to := env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env("CI_MERGE_REQUEST_PROJECT_ID")
		return CI{
			Engine: "gitlab", Commit: env("CI_COMMIT_SHA"), Tag: env("CI_COMMIT_TAG"), Branch: env("CI_COMMIT_BRANCH"),
			PullRequest: env("CI_MERGE_REQUEST_IID") != "", Fork: from != to || env("CHART_PROMOTER_FORK") == "true", Run: env("CI_JOB_URL"),
		}
	}
	return CI{}
}

// githubFork reads the event that started the run; only it says where the commit comes from, and whether the repository
// itself is a fork, which has none of the secrets. A pull request whose event cannot be read counts as one of a fork: not
// pushing is the safe side.
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

// Facts gathers what the version of the commit checked out in dir is derived from. What the CI engine says counts
// only when it speaks of this very commit: the QA repository's build also looks at a checkout of the source. Without
// it, a version tag at HEAD makes the build one of that tag; the highest wins when there are several.
func Facts(ctx context.Context, dir string, env func(string) string) (version.Facts, CI, error) {
	ci := DetectCI(env)
	r, err := Open(ctx, dir, Options{})
	if err != nil {
		return version.Facts{}, ci, err
	}
	var f version.Facts
	if f.Commit, err = r.Head(ctx); err != nil {
		return f, ci, fmt.Errorf("this repository has no commit yet; make one first: %w", err)
	}
	if f.Dirty, err = r.IsDirty(ctx); err != nil {
		return f, ci, err
	}
	if f.Shallow, err = r.IsShallow(ctx); err != nil {
		return f, ci, err
	}
	if f.Tag, err = r.buildTag(ctx, f.Commit, ci); err != nil {
		return f, ci, err
	}
	reachable, err := r.TagsReachable(ctx, "HEAD")
	if err != nil {
		return f, ci, err
	}
	f.BaseTag = version.Highest(reachable)
	base := ""
	if f.BaseTag != "" {
		base = "refs/tags/" + f.BaseTag
	}
	f.Distance, err = r.Count(ctx, base, "HEAD")
	return f, ci, err
}

// ErrTagMoved: the tag that is built names another commit by now.
var ErrTagMoved = failure.New(failure.BadInput, "the tag was moved")

func (r *Repo) buildTag(ctx context.Context, head string, ci CI) (string, error) {
	if ci.Commit == head {
		if ci.Tag == "" {
			return "", nil
		}
		// A tag that was moved after the build began would give a version to a commit that does not carry it.
		if at, err := r.Resolve(ctx, "refs/tags/"+ci.Tag); err == nil && at != head {
			return "", fmt.Errorf("tag %s names commit %.7s, but %.7s is checked out; build the tag anew: %w", ci.Tag, at, head, ErrTagMoved)
		}
		return ci.Tag, nil
	}
	tags, err := r.TagsAt(ctx, "HEAD")
	return version.Highest(tags), err
}

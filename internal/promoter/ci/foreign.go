package ci

import "strings"

// foreign is an engine without files of its own here. Of its builds only the signs of a pull request are known.
type foreign struct {
	name string
	// is has variables of which one with one of its values is a sign of the engine; no values: any value.
	is []sign
	// pullRequest has variables of which one is a sign of a pull request.
	pullRequest []sign
}

// sign is a variable with values: without any, each value counts but "" and "false".
type sign struct {
	variable string
	values   []string
}

func (s sign) matches(env func(string) string) bool {
	v := env(s.variable)
	if len(s.values) == 0 {
		return v != "" && !strings.EqualFold(v, "false")
	}
	for _, want := range s.values {
		if strings.EqualFold(v, want) {
			return true
		}
	}
	return false
}

// foreignEngines are in the order of detection: an engine comes before those whose variables it sets, too.
var foreignEngines = []foreign{
	{"woodpecker", []sign{{"CI", []string{"woodpecker"}}, {"CI_SYSTEM_NAME", []string{"woodpecker"}}},
		[]sign{{variable: "CI_COMMIT_PULL_REQUEST"}, {"CI_PIPELINE_EVENT", []string{"pull_request", "pull_request_closed", "pull_request_metadata"}}, {"CI_BUILD_EVENT", []string{"pull_request"}}}},
	{"drone", []sign{{variable: "DRONE"}}, []sign{{variable: "DRONE_PULL_REQUEST"}, {"DRONE_BUILD_EVENT", []string{"pull_request"}}}},
	{"circleci", []sign{{variable: "CIRCLECI"}}, []sign{{variable: "CIRCLE_PULL_REQUEST"}, {variable: "CIRCLE_PULL_REQUESTS"}, {variable: "CIRCLE_PR_NUMBER"}, {variable: "CIRCLE_PR_USERNAME"}}},
	{"azure", []sign{{variable: "TF_BUILD"}}, []sign{{"BUILD_REASON", []string{"PullRequest"}}, {variable: "SYSTEM_PULLREQUEST_PULLREQUESTID"}}},
	{"bitbucket", []sign{{variable: "BITBUCKET_BUILD_NUMBER"}}, []sign{{variable: "BITBUCKET_PR_ID"}}},
	{"buildkite", []sign{{variable: "BUILDKITE"}}, []sign{{variable: "BUILDKITE_PULL_REQUEST"}}},
	{"jenkins", []sign{{variable: "JENKINS_URL"}}, []sign{{variable: "CHANGE_ID"}, {variable: "ghprbPullId"}, {variable: "gitlabMergeRequestIid"}}},
	{"teamcity", []sign{{variable: "TEAMCITY_VERSION"}}, nil},
	{"appveyor", []sign{{variable: "APPVEYOR"}}, []sign{{variable: "APPVEYOR_PULL_REQUEST_NUMBER"}}},
	{"codebuild", []sign{{variable: "CODEBUILD_BUILD_ID"}}, []sign{{"CODEBUILD_WEBHOOK_EVENT", []string{"PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED", "PULL_REQUEST_REOPENED", "PULL_REQUEST_MERGED", "PULL_REQUEST_CLOSED"}}}},
	{"semaphore", []sign{{variable: "SEMAPHORE"}}, []sign{{variable: "SEMAPHORE_GIT_PR_NUMBER"}}},
	{"cirrus", []sign{{variable: "CIRRUS_CI"}}, []sign{{variable: "CIRRUS_PR"}}},
	{"prow", []sign{{variable: "PROW_JOB_ID"}}, []sign{{variable: "PULL_NUMBER"}}},
	// The variable that nearly all engines set.
	{"unknown", []sign{{variable: "CI"}}, nil},
}

// detectForeign finds an engine that is not in Engines; the zero Build outside CI. Commit and tag stay empty: they are those of the
// work tree, as in plain git.
func detectForeign(env func(string) string) Build {
	for _, e := range foreignEngines {
		if anyMatches(e.is, env) {
			return Build{Engine: e.name, Foreign: true, PullRequest: anyMatches(e.pullRequest, env)}
		}
	}
	return Build{}
}

func anyMatches(signs []sign, env func(string) string) bool {
	for _, s := range signs {
		if s.matches(env) {
			return true
		}
	}
	return false
}

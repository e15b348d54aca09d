package ci

var gitlab = Engine{
	Name:   "gitlab",
	Detect: detectGitLab,
	Dev:    File{Path: ".gitlab-ci.yml", AsTemplate: "ci/gitlab/dev.gitlab-ci.yml", Template: "gitlab-dev.yml"},
	QA:     File{Path: "ci/gitlab/qa.gitlab-ci.yml", Template: "gitlab-qa.yml"},
	Reads:  func(file string) bool { return file == ".gitlab-ci.yml" },
	Host:   "gitlab",
}

// detectGitLab takes the origin of a merge request from GitLab's variables. GitLab has no variable for a job whose project is
// a fork, so the DEV template sets Fork.
func detectGitLab(env func(string) string) (Build, bool) {
	from, to := env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env("CI_MERGE_REQUEST_PROJECT_ID")
	return Build{
		Commit: env("CI_COMMIT_SHA"), Tag: env("CI_COMMIT_TAG"), Branch: env("CI_COMMIT_BRANCH"),
		PullRequest: env("CI_MERGE_REQUEST_IID") != "", Fork: from != to || env(Fork) == "true", Run: env("CI_JOB_URL"),
	}, env("GITLAB_CI") == "true"
}

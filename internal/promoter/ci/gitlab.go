package ci

var gitlab = Engine{
	Name:   "gitlab",
	Detect: detectGitLab,
	Dev:    File{Path: ".gitlab-ci.yml", AsTemplate: "ci/gitlab/dev.gitlab-ci.yml", Template: "gitlab-dev.yml"},
	QA:     File{Path: "ci/gitlab/qa.gitlab-ci.yml", Template: "gitlab-qa.yml"},
	Reads:  func(file string) bool { return file == ".gitlab-ci.yml" },
	Host:   "gitlab",
}

// detectGitLab takes the origin of a merge request from GitLab's variables, and that of a pull request of a GitHub repository that GitLab
// builds. CI_COMMIT_BRANCH is empty for a merge request, and the branch with the change for such a pull request. GitLab has no variable
// for a job whose project is a fork, so the DEV template sets Fork.
func detectGitLab(env func(string) string) (Build, bool) {
	b := Build{
		Commit: env("CI_COMMIT_SHA"), Tag: env("CI_COMMIT_TAG"), Branch: env("CI_COMMIT_BRANCH"), Fork: env(Fork) == "true", Run: env("CI_JOB_URL"),
	}
	for _, request := range []struct{ prefix, from, to string }{
		{"CI_MERGE_REQUEST_", "SOURCE_PROJECT_ID", "PROJECT_ID"}, {"CI_EXTERNAL_PULL_REQUEST_", "SOURCE_REPOSITORY", "TARGET_REPOSITORY"},
	} {
		b.Fork = b.Fork || env(request.prefix+request.from) != env(request.prefix+request.to)
		if env(request.prefix+"IID") != "" {
			b.PullRequest, b.Branch = true, env(request.prefix+"TARGET_BRANCH_NAME")
		}
	}
	return b, env("GITLAB_CI") == "true"
}

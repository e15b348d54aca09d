package ci

var travis = Engine{
	Name:   "travis",
	Detect: detectTravis,
	Dev:    File{Path: ".travis.yml", AsTemplate: "ci/travis/dev.travis.yml", Template: "travis-dev.yml"},
	QA:     File{Path: "ci/travis/qa.travis.yml", Template: "travis-qa.yml"},
	Reads:  func(file string) bool { return file == ".travis.yml" },
}

func detectTravis(env func(string) string) (Build, bool) {
	pr := env("TRAVIS_PULL_REQUEST")
	b := Build{
		Commit: env("TRAVIS_COMMIT"), Tag: env("TRAVIS_TAG"), Branch: env("TRAVIS_BRANCH"),
		PullRequest: pr != "" && pr != "false", Fork: env("TRAVIS_SECURE_ENV_VARS") == "false", Run: env("TRAVIS_BUILD_WEB_URL"),
	}
	if b.Tag != "" { // TRAVIS_BRANCH is then the tag's name, too, which v1.2.3 would make the branch of line 1.2
		b.Branch = ""
	}
	return b, env("TRAVIS") == "true"
}

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
	return Build{
		Commit: env("TRAVIS_COMMIT"), Tag: env("TRAVIS_TAG"), Branch: env("TRAVIS_BRANCH"),
		PullRequest: pr != "" && pr != "false", Fork: env("TRAVIS_SECURE_ENV_VARS") == "false", Run: env("TRAVIS_BUILD_WEB_URL"),
	}, env("TRAVIS") == "true"
}

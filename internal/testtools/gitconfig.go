package testtools

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gitSettings are global settings that people have, each of which changes what some command of git prints or writes. PROGRAM is a program
// that fails, MARKER appends to a file and fails.
const gitSettings = `[core]
	autocrlf = true
	eol = crlf
	safecrlf = true
	quotepath = true
	hooksPath = HOOKS
	fsmonitor = MARKER
	untrackedCache = true
	pager = MARKER
	editor = MARKER
	commentChar = v
	abbrev = 4
	attributesFile = ATTRIBUTES
	excludesFile = EXCLUDES
[color]
	ui = always
	diff = always
	status = always
	branch = always
	push = always
	transport = always
	remote = always
	advice = always
[column]
	ui = always
	tag = always
	status = always
[status]
	short = true
	branch = true
	showStash = true
	relativePaths = true
	showUntrackedFiles = all
	submoduleSummary = true
[diff]
	noprefix = true
	mnemonicPrefix = true
	external = MARKER
	renames = copies
	context = 0
	interHunkContext = 9
	algorithm = histogram
	relative = true
	submodule = log
	wordRegex = .
[log]
	showSignature = true
	date = relative
	follow = true
	decorate = full
	abbrevCommit = true
	mailmap = true
[format]
	pretty = oneline
[commit]
	gpgSign = true
	cleanup = strip
	verbose = true
	status = false
[tag]
	gpgSign = true
	forceSignAnnotated = true
	sort = -version:refname
[gpg]
	program = MARKER
[user]
	useConfigOnly = true
[init]
	defaultBranch = trunk
[push]
	default = nothing
	followTags = true
	gpgSign = if-asked
	autoSetupRemote = true
	recurseSubmodules = check
	useForceIfIncludes = true
[fetch]
	prune = true
	pruneTags = true
	parallel = 0
	fsckObjects = true
	recurseSubmodules = true
	writeCommitGraph = true
	output = compact
[pull]
	rebase = merges
	ff = only
[rebase]
	autoStash = true
	autoSquash = true
	updateRefs = true
[merge]
	conflictStyle = zdiff3
	ff = false
[branch]
	sort = -committerdate
	autoSetupRebase = always
[versionsort]
	suffix = -rc
[submodule]
	recurse = true
	fetchJobs = 4
[transfer]
	fsckObjects = true
	hideRefs = refs/hidden
[receive]
	fsckObjects = true
	denyNonFastForwards = true
	denyDeletes = true
[protocol]
	version = 0
[feature]
	manyFiles = true
[index]
	version = 4
[i18n]
	commitEncoding = ISO-8859-1
	logOutputEncoding = ISO-8859-1
[safe]
	bareRepository = explicit
[advice]
	pushNonFastForward = false
	detachedHead = true
	addEmbeddedRepo = false
[blame]
	markUnblamableLines = true
	showEmail = true
[alias]
	commit = !PROGRAM
	tag = tag -s
	lg = log --graph
[pager]
	log = MARKER
	tag = MARKER
	diff = MARKER
[help]
	autoCorrect = 1
[credential]
	helper = !true
[http]
	extraHeader = X-Nothing: none
[url "https://mirror.invalid/"]
	insteadOf = https://nowhere.invalid/
`

// UseGitSettings sets GIT_CONFIG_GLOBAL to a file of settings that people have, for the rest of the test. No setting of them may matter to a
// program that reads the output of git. The function that it returns lists which programs of the settings ran.
func UseGitSettings(t *testing.T) (ran func() string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	list := filepath.Join(dir, "ran")
	marker := write("marker", "#!/bin/sh\necho \"$0 $*\" >>"+list+"\necho noise\necho noise >&2\nexit 1\n", 0o755)
	program := write("program", "#!/bin/sh\nexit 1\n", 0o755)
	for _, hook := range []string{"pre-commit", "commit-msg", "post-commit", "pre-push", "post-checkout"} {
		write("hooks/"+hook, "#!/bin/sh\nexec "+marker+" "+hook+"\n", 0o755)
	}
	text := strings.NewReplacer(
		"PROGRAM", program, "MARKER", marker, "HOOKS", filepath.Join(dir, "hooks"),
		"ATTRIBUTES", write("attributes", "* text=auto eol=crlf\n", 0o644), "EXCLUDES", write("excludes", "*.tgz\nvalues.yaml\n", 0o644),
	).Replace(gitSettings)
	t.Setenv("GIT_CONFIG_GLOBAL", write("config", text, 0o644))
	return func() string {
		text, err := os.ReadFile(list)
		if err != nil {
			return ""
		}
		return string(text)
	}
}

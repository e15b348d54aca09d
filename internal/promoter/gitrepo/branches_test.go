package gitrepo

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// must runs git in the work tree of a test.
func (r *Repo) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.git(t.Context(), append([]string{"-c", "user.name=A", "-c", "user.email=a@localhost"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// branches is a repository with v0.1.0 on main, v0.2.0 and v0.2.1 on release-0.2, v0.1.1 on release-0.1, and a commit on main and on
// each of these branches after their tags.
func branches(t *testing.T) *Repo {
	t.Helper()
	r, err := Init(t.Context(), t.TempDir(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	script := func(steps ...string) {
		for _, s := range steps {
			switch verb, arg, _ := strings.Cut(s, " "); verb {
			case "commit":
				r.must(t, "commit", "-q", "--allow-empty", "-m", arg)
			case "tag":
				r.must(t, "tag", arg)
			case "on":
				r.must(t, append([]string{"checkout", "-q"}, strings.Fields(arg)...)...)
			}
		}
	}
	script("commit first", "tag v0.1.0", "on -b release-0.1", "commit fix: 0.1", "tag v0.1.1", "commit fix: 0.1 again", "on main", "commit feat: a",
		"on -b release-0.2", "commit Release 0.2", "tag v0.2.0", "commit Release 0.2.1", "tag v0.2.1", "commit fix: 0.2", "on main", "commit fix: on main", "commit fix: more")
	return r
}

func TestTheBaseOfADevelopmentBuildWithReleaseBranches(t *testing.T) {
	t.Parallel()
	r := branches(t)
	hash := r.must(t, "rev-parse", "main~1")
	for name, c := range map[string]struct {
		checkout []string
		env      map[string]string
		line     string
		base     string
		distance int
	}{
		"main":                                 {[]string{"main"}, nil, "", "v0.2.1", 2},
		"main, a commit before":                {[]string{"--detach", "main~1"}, nil, "", "v0.2.1", 1},
		"main, where the branch begins":        {[]string{"--detach", "main~2"}, nil, "", "v0.1.1", 1},
		"a release branch":                     {[]string{"release-0.2"}, nil, "", "v0.2.1", 1},
		"an older release branch":              {[]string{"release-0.1"}, nil, "", "v0.1.1", 1},
		"its commit, detached":                 {[]string{"--detach", "release-0.1"}, nil, "", "v0.1.1", 1},
		"a branch that the CI engine names":    {[]string{"--detach", "main~1"}, map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": hash, "TRAVIS_BRANCH": "release-0.1"}, "", "v0.1.1", 2},
		"the branch of a GitHub pull request":  {[]string{"--detach", "main~1"}, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF_NAME": "7/merge", "GITHUB_BASE_REF": "release-0.1"}, "", "v0.1.1", 2},
		"the branch of a GitHub merge queue":   {[]string{"--detach", "main~1"}, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_EVENT_NAME": "merge_group", "GITHUB_REF_NAME": "gh-readonly-queue/release-0.1/pr-7-" + hash}, "", "v0.1.1", 2},
		"the branch of a GitLab merge request": {[]string{"--detach", "main~1"}, map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": hash, "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release-0.1"}, "", "v0.1.1", 2},
		"a branch that the configuration puts": {[]string{"-B", "lts", "release-0.1"}, nil, "0.1", "v0.1.1", 1},
		"a branch of any other name":           {[]string{"-B", "lts", "release-0.1"}, nil, "", "v0.2.1", 2},
		"a tag of an older line":               {[]string{"--detach", "v0.1.1"}, nil, "", "v0.1.1", 0},
	} {
		r.must(t, append([]string{"checkout", "-q"}, c.checkout...)...)
		f, _, err := Facts(t.Context(), r.Dir, FactsOptions{Tags: version.Tags{Line: c.line}, Env: env(c.env)})
		if err != nil || f.BaseTag != c.base || f.Distance != c.distance {
			t.Errorf("%s: %s and %d commits, %v; want %s and %d", name, f.BaseTag, f.Distance, err, c.base, c.distance)
		}
		r.must(t, "checkout", "-q", "main")
		if strings.HasPrefix(c.checkout[0], "-B") {
			r.must(t, "branch", "-q", "-D", "lts")
		}
	}
}

// The program's tag names no line of the chart's releases, in whichever variables an engine has it.
func TestTheBaseOfAChartWithItsOwnTagsAtATagOfTheProgram(t *testing.T) {
	t.Parallel()
	r, err := Init(t.Context(), t.TempDir(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"commit -q --allow-empty -m first", "tag chart-3.4.0", "checkout -q -b side", "commit -q --allow-empty -m fix", "tag chart-3.4.1",
		"checkout -q main", "commit -q --allow-empty -m program", "tag v1.2.3", "checkout -q --detach v1.2.3",
	} {
		r.must(t, strings.Fields(command)...)
	}
	hash := r.must(t, "rev-parse", "HEAD")
	for name, c := range map[string]struct {
		env map[string]string
		tag string
	}{
		"no engine":                 {nil, ""},
		"Travis":                    {map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": hash, "TRAVIS_TAG": "v1.2.3", "TRAVIS_BRANCH": "v1.2.3", "TRAVIS_PULL_REQUEST": "false"}, "v1.2.3"},
		"GitHub":                    {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_EVENT_NAME": "push", "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.2.3"}, "v1.2.3"},
		"GitHub, dispatched on it":  {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.2.3"}, "v1.2.3"},
		"GitLab":                    {map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": hash, "CI_COMMIT_TAG": "v1.2.3", "CI_COMMIT_REF_NAME": "v1.2.3"}, "v1.2.3"},
		"an engine that is unknown": {map[string]string{"CI": "true"}, ""},
	} {
		f, _, err := Facts(t.Context(), r.Dir, FactsOptions{Tags: version.Tags{Prefix: "chart-"}, Env: env(c.env)})
		if err != nil || f.Tag != c.tag || f.BaseTag != "chart-3.4.1" || f.Distance != 1 {
			t.Errorf("%s: tag %q, base %s and %d commits, %v; want tag %q, chart-3.4.1 and 1", name, f.Tag, f.BaseTag, f.Distance, err, c.tag)
		}
	}
}

// Each commit of main is built twice: when it is the last one, and when all tags exist. A merge of a release branch changes nothing.
func TestDevelopmentVersionsAreInTheOrderOfTheCommitsOfMain(t *testing.T) {
	t.Parallel()
	r := branches(t)
	r.must(t, "merge", "-q", "-m", "Merge release-0.2", "release-0.2")
	r.must(t, "commit", "-q", "--allow-empty", "-m", "after the merge")
	r.must(t, "merge", "-q", "-m", "Merge release-0.1", "release-0.1")
	last := ""
	for _, hash := range strings.Fields(r.must(t, "rev-list", "--reverse", "--first-parent", "main")) {
		r.must(t, "checkout", "-q", "--detach", hash)
		// Only main has a part of these commits, and a release branch the others.
		f, _, err := Facts(t.Context(), r.Dir, FactsOptions{Env: env(map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": hash, "TRAVIS_BRANCH": "main"})})
		if err != nil {
			t.Fatal(err)
		}
		v, err := version.Derive(f, version.SemVer)
		if err != nil {
			t.Fatal(err)
		}
		if last != "" && version.Compare(v.Chart, last) <= 0 {
			t.Errorf("%s is not above %s", v.Chart, last)
		}
		last = v.Chart
	}
	if version.Compare(last, "0.2.1") <= 0 {
		t.Errorf("%s is below the last release", last)
	}
}

func TestACloneWithoutTagsIsRejected(t *testing.T) {
	t.Parallel()
	r := branches(t)
	untagged, err := Init(t.Context(), t.TempDir(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	untagged.must(t, "commit", "-q", "--allow-empty", "-m", "first")
	for name, c := range map[string]struct {
		from  *Repo
		clone []string
		want  error
	}{
		"all history, no tags":            {r, []string{"--no-tags"}, ErrTagsMissing},
		"one branch, with the tags of it": {r, []string{"--single-branch"}, ErrTagsMissing},
		"all of it":                       {r, nil, nil},
		"a repository that has no tags":   {untagged, nil, nil},
		"the same, without its tags":      {untagged, []string{"--no-tags"}, nil},
	} {
		dir := t.TempDir()
		r.must(t, append(append([]string{"clone", "-q"}, c.clone...), "file://"+c.from.Dir, dir)...)
		f, _, err := Facts(t.Context(), dir, FactsOptions{})
		if !errors.Is(err, c.want) || err == nil && c.from == r && f.BaseTag != "v0.2.1" {
			t.Errorf("%s: base %q, %v", name, f.BaseTag, err)
		}
		if c.want != nil && (failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "v0.2.1") || !strings.Contains(err.Error(), "git fetch --tags origin")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := t.TempDir()
	r.must(t, "clone", "-q", "--no-tags", "file://"+r.Dir, gone)
	(&Repo{Dir: gone}).must(t, "remote", "set-url", "origin", t.TempDir())
	if _, _, err := Facts(t.Context(), gone, FactsOptions{}); failure.Of(err) != failure.External {
		t.Errorf("without its remote: %v", err)
	}
	// A repository that may be a new one.
	untagged.must(t, "remote", "add", "origin", gone+"/none")
	if f, _, err := Facts(t.Context(), untagged.Dir, FactsOptions{}); err != nil || !strings.Contains(f.Unconfirmed, "cannot be reached") {
		t.Errorf("a new repository without its remote: %q, %v", f.Unconfirmed, err)
	}
}

func TestIsPushedKnowsWhatOthersHavePushed(t *testing.T) {
	t.Parallel()
	r := branches(t)
	r.must(t, "checkout", "-q", "--detach")
	mine := clone(t, "file://"+r.Dir, CloneOptions{})
	own := commit(t, mine, "mine")
	old := mine.must(t, "rev-parse", "HEAD~1")
	r.must(t, "checkout", "-q", "main")
	r.must(t, "commit", "-q", "--allow-empty", "-m", "theirs")
	refs := mine.must(t, "for-each-ref")
	for hash, want := range map[string]bool{own: false, old: true} {
		if got, err := mine.IsPushed(t.Context(), hash); got != want || err != nil {
			t.Errorf("%.7s: %t, %v", hash, got, err)
		}
	}
	// Pulled and pushed by another clone, which this one has not fetched.
	r.must(t, "fetch", "-q", mine.Dir, "HEAD")
	r.must(t, "branch", "theirs", "FETCH_HEAD")
	if got, err := mine.IsPushed(t.Context(), own); !got || err != nil {
		t.Errorf("pushed: %t, %v", got, err)
	}
	if after := mine.must(t, "for-each-ref"); after != refs {
		t.Errorf("the references were\n%s\nand are\n%s", refs, after)
	}
}

// In CI the clone has the credentials of its own repository, and the environment those of another one; on other machines it is the reverse.
func TestOriginIsReadWithTheCredentialsOfTheCloneOrTheGivenOnes(t *testing.T) {
	t.Parallel()
	source := branches(t)
	addr := gitServer(t, source.Dir, "x-access-token", "right-one") + "/.git"
	header := "AUTHORIZATION: basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:right-one"))
	for name, c := range map[string]struct{ given, own string }{"those of the clone": {"other-one", header}, "the given ones": {"right-one", ""}} {
		r := &Repo{Dir: t.TempDir(), opts: Options{Credentials: func(string) ci.GitCredentials {
			return ci.GitCredentials{Username: "x-access-token", Password: c.given}
		}}}
		r.must(t, "clone", "-q", source.Dir, r.Dir)
		r.must(t, "remote", "set-url", "origin", addr)
		if c.own != "" {
			r.configure(t, "http."+addr+".extraheader", c.own)
		}
		if err := r.CheckTags(t.Context(), version.Tags{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if heads, err := r.RemoteHeads(t.Context()); err != nil || len(heads) != 3 {
			t.Errorf("%s: %v, %v", name, heads, err)
		}
	}
}

func TestASignatureHasALimit(t *testing.T) {
	t.Parallel()
	r := history(t)
	r.opts.Timeout = 1e9
	program := t.TempDir() + "/sign"
	write(t, program, "#!/bin/sh\nexec sleep 600\n")
	command(t, "chmod", "+x", program)
	r.configure(t, "gpg.format", "ssh", "user.signingKey", program, "gpg.ssh.program", program)
	err := r.SignedTag(t.Context(), "v1.1.0", "x", Author{})
	if !errors.Is(err, ErrNotSigned) || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "within 1s") {
		t.Errorf("got %v", err)
	}
	if tags, err := r.TagsAt(t.Context(), "HEAD"); err != nil || len(tags) != 0 {
		t.Errorf("the tags are %v, %v", tags, err)
	}
}

func TestAKeyWithAPassphraseIsReported(t *testing.T) {
	t.Parallel()
	r := history(t)
	key := t.TempDir() + "/key"
	command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-C", "", "-f", key)
	r.configure(t, "gpg.format", "ssh", "user.signingKey", key)
	if err := r.SignedTag(t.Context(), "v1.1.0", "x", Author{}); !errors.Is(err, ErrNotSigned) {
		t.Errorf("got %v", err)
	}
}

package gitrepo

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// history creates a work tree with four commits: 0.9 is on the second, v1.0.0 on the third.
func history(t *testing.T) *Repo {
	t.Helper()
	r, err := Init(t.Context(), t.TempDir(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	for i, tag := range []string{"", "0.9", "v1.0.0", ""} {
		commit(t, r, string(rune('a'+i)))
		if tag != "" {
			if err := r.Tag(t.Context(), tag, "Release "+tag, Author{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r
}

func commit(t *testing.T, r *Repo, content string) string {
	t.Helper()
	write(t, r.Dir+"/file", content)
	if err := r.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	hash, err := r.Commit(t.Context(), "commit "+content, Author{})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func env(kv map[string]string) func(string) string { return func(k string) string { return kv[k] } }

func TestFactsOfACommitInPlainGit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*testing.T, *Repo)
		want    version.Facts
	}{
		"a commit after a release": {func(*testing.T, *Repo) {}, version.Facts{BaseTag: "v1.0.0", Distance: 1}},
		"a tag that is checked out, head detached": {func(t *testing.T, r *Repo) {
			if err := r.Checkout(t.Context(), "v1.0.0"); err != nil {
				t.Fatal(err)
			}
		}, version.Facts{Tag: "v1.0.0", BaseTag: "v1.0.0"}},
		"two version tags on one commit, the higher counts": {func(t *testing.T, r *Repo) {
			for _, tag := range []string{"v1.10.0", "v1.9.0", "zzz"} {
				if err := r.Tag(t.Context(), tag, "x", Author{}); err != nil {
					t.Fatal(err)
				}
			}
		}, version.Facts{Tag: "v1.10.0", BaseTag: "v1.10.0"}},
		"a changed file":       {func(t *testing.T, r *Repo) { write(t, r.Dir+"/file", "changed") }, version.Facts{BaseTag: "v1.0.0", Distance: 1, Dirty: true}},
		"a file git knows not": {func(t *testing.T, r *Repo) { write(t, r.Dir+"/other", "new") }, version.Facts{BaseTag: "v1.0.0", Distance: 1}},
		"a tag that is no version": {func(t *testing.T, r *Repo) {
			if err := r.Tag(t.Context(), "nightly", "x", Author{}); err != nil {
				t.Fatal(err)
			}
		}, version.Facts{BaseTag: "v1.0.0", Distance: 1}},
		"a commit before any tag": {func(t *testing.T, r *Repo) {
			if err := r.Checkout(t.Context(), "0.9~1"); err != nil {
				t.Fatal(err)
			}
		}, version.Facts{Distance: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := history(t)
			c.prepare(t, r)
			got, build, err := Facts(t.Context(), r.Dir, FactsOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c.want.Commit, _ = r.Head(t.Context())
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("facts differ (-want +got):\n%s", d)
			}
			if build != (ci.Build{}) {
				t.Errorf("found a CI engine outside CI: %+v", build)
			}
		})
	}
}

func TestFactsAreThoseOfTheTagsWithThePrefix(t *testing.T) {
	t.Parallel()
	r := history(t)
	for i, tag := range []string{"app-0.1.0", "api-2.0.0", "", "app-0.1.1"} {
		commit(t, r, string(rune('e'+i)))
		if tag == "" {
			continue
		}
		if err := r.Tag(t.Context(), tag, "x", Author{}); err != nil {
			t.Fatal(err)
		}
	}
	head, _ := r.Head(t.Context())
	for name, c := range map[string]struct {
		at   string
		env  map[string]string
		want version.Facts
	}{
		"a tag with the prefix":        {"app-0.1.1", nil, version.Facts{Tag: "app-0.1.1", BaseTag: "app-0.1.1"}},
		"a commit after other tags":    {"app-0.1.1~1", nil, version.Facts{BaseTag: "app-0.1.0", Distance: 2}},
		"a commit before the prefix":   {"v1.0.0", nil, version.Facts{Distance: 3}},
		"the tag that the CI builds":   {"app-0.1.1", map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_TAG": "app-0.1.1"}, version.Facts{Tag: "app-0.1.1", BaseTag: "app-0.1.1"}},
		"a branch build of its commit": {"app-0.1.1", map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_BRANCH": "main"}, version.Facts{BaseTag: "app-0.1.1"}},
	} {
		if err := r.Checkout(t.Context(), c.at); err != nil {
			t.Fatal(err)
		}
		c.want.Tags.Prefix = "app-"
		c.want.Commit, _ = r.Head(t.Context())
		got, _, err := Facts(t.Context(), r.Dir, FactsOptions{Tags: c.want.Tags, Env: env(c.env)})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: facts differ (-want +got):\n%s", name, d)
		}
	}
}

func TestFactsReportAShallowClone(t *testing.T) {
	t.Parallel()
	r := history(t)
	shallow := clone(t, "file://"+r.Dir, CloneOptions{Depth: 1})
	f, _, err := Facts(t.Context(), shallow.Dir, FactsOptions{})
	if err != nil || !f.Shallow {
		t.Errorf("shallow %v, %v; want true", f.Shallow, err)
	}
}

func TestTheEnginesTagCountsForItsOwnCommitOnly(t *testing.T) {
	t.Parallel()
	r := history(t)
	head, _ := r.Head(t.Context())
	for name, c := range map[string]struct {
		commit, tag, want string
		fails             bool
	}{
		"the tag being built": {head, "v2.0.0", "v2.0.0", false},
		"a build of a branch whose commit also carries a tag":   {head, "", "", false},
		"a build of another repository, the commit has the tag": {strings.Repeat("b", 40), "v9.9.9", "v1.1.0", false},
		"a tag that was moved to another commit meanwhile":      {head, "v1.0.0", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.Tag(t.Context(), "v1.1.0", "x", Author{}); err != nil {
				t.Fatal(err)
			}
			f, _, err := Facts(t.Context(), r.Dir, FactsOptions{Env: env(map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": c.commit, "TRAVIS_TAG": c.tag, "TRAVIS_PULL_REQUEST": "false"})})
			if (err != nil) != c.fails || f.Tag != c.want {
				t.Errorf("tag %q, %v; want %q", f.Tag, err, c.want)
			}
		})
	}
}

func TestATagIsNeverMoved(t *testing.T) {
	t.Parallel()
	r := history(t)
	if err := r.Tag(t.Context(), "v1.0.0", "again", Author{}); err == nil {
		t.Error("a tag of another commit was moved")
	}
	if err := r.Tag(t.Context(), "v1.1.0", "x", Author{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), "v1.1.0", "x", Author{}); err != nil {
		t.Errorf("the same tag at the same commit: %v, want success", err)
	}
}

// configure sets git's configuration for this test's repository, as a user would.
func (r *Repo) configure(t *testing.T, settings ...string) {
	t.Helper()
	for i := 0; i < len(settings); i += 2 {
		if _, err := r.git(t.Context(), "config", settings[i], settings[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// command runs a tool of the machine. Without the tool it skips the test, or fails it if REQUIRE_TOOLS=1 is set.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	testtools.Find(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

func TestATagIsSignedWithAnSSHKey(t *testing.T) {
	t.Parallel()
	r := history(t)
	key := t.TempDir() + "/key"
	command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	write(t, key+".signers", "release@example.com "+string(public))
	r.configure(t, "gpg.format", "ssh", "user.signingKey", key, "gpg.ssh.allowedSignersFile", key+".signers")
	isSigned(t, r)
}

func TestATagIsSignedWithAPGPKey(t *testing.T) {
	r := history(t)
	// The path of the agent's socket must be short.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	t.Setenv("GNUPGHOME", home)
	command(t, "gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "release@example.com", "ed25519", "sign", "never")
	r.configure(t, "user.signingKey", "release@example.com")
	isSigned(t, r)
}

func isSigned(t *testing.T, r *Repo) {
	t.Helper()
	if err := r.SignedTag(t.Context(), "v1.1.0", "Release v1.1.0", Author{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.git(t.Context(), "verify-tag", "v1.1.0"); err != nil {
		t.Errorf("git does not accept the signature: %v", err)
	}
	if err := r.Tag(t.Context(), "v1.2.0", "not signed", Author{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.git(t.Context(), "verify-tag", "v1.2.0"); err == nil {
		t.Error("git accepts a tag without a signature")
	}
}

func TestATagThatCannotBeSignedIsNotCreated(t *testing.T) {
	t.Parallel()
	r := history(t)
	r.configure(t, "gpg.format", "ssh", "user.signingKey", t.TempDir()+"/none")
	if err := r.SignedTag(t.Context(), "v1.1.0", "x", Author{}); !errors.Is(err, ErrNotSigned) {
		t.Errorf("got %v, want ErrNotSigned", err)
	}
	if tags, err := r.TagsAt(t.Context(), "HEAD"); err != nil || len(tags) != 0 {
		t.Errorf("the tags are %v, %v", tags, err)
	}
}

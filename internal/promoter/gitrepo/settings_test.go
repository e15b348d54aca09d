package gitrepo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// all is everything that a test reads from git, by what was asked.
type all map[string]any

// Nothing that the global settings of a user change may reach a commit, a tag, a file, or what is read from them.
func TestSettingsOfAUserChangeNothing(t *testing.T) {
	want := written(t)
	ran := testtools.UseGitSettings(t)
	if d := cmp.Diff(want, written(t)); d != "" {
		t.Errorf("with global settings (-without +with):\n%s", d)
	}
	if got := ran(); got != "" {
		t.Errorf("programs of the settings ran:\n%s", got)
	}
}

var author = Author{Name: "Jürgen", Email: "j@example.com", When: time.Unix(1700000000, 0)}

// signedCommit has a signature that nobody can check.
const signedCommit = `author A <a@example.com> 1700000100 +0000
committer A <a@example.com> 1700000100 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 
 AAAA
 -----END PGP SIGNATURE-----

a signed one
`

// written creates a repository with a remote, and is all that the package reads from both.
func written(t *testing.T) all {
	t.Helper()
	got := all{}
	ask := func(what string, value any, err error) {
		t.Helper()
		if err != nil {
			value = err.Error()
		}
		got[what] = value
	}
	ctx := t.Context()
	origin := filepath.Join(t.TempDir(), "origin.git")
	if _, err := Init(ctx, origin, "main", true); err != nil {
		t.Fatal(err)
	}
	r, err := Clone(ctx, origin, filepath.Join(t.TempDir(), "source"), CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, r.Dir+"/grüße.txt", "a\nb\r\nc\nd\ne\nf\ng\n")
	write(t, r.Dir+"/values.yaml", "a: 1\n")
	write(t, r.Dir+"/chart-1.0.0.tgz", "x")
	write(t, r.Dir+"/.gitattributes", "*.md text=auto\n")
	write(t, r.Dir+"/README.md", "a\r\nb\n")
	commitAndPush(t, r, ask, "Grüße: the first\n\n# no comment\nvery well\n\nSource-Commit: x\n")
	ask("tag", nil, errors.Join(r.Tag(ctx, "v1.0.0", "v1.0.0\n\nwith a text\n", author), r.Tag(ctx, "v1.0.0-rc.1", "v1.0.0-rc.1", author), r.PushTag(ctx, "v1.0.0")))
	text, err := r.git(ctx, "cat-file", "tag", "refs/tags/v1.0.0")
	ask("the tag", text, err)
	if err := os.Rename(r.Dir+"/grüße.txt", r.Dir+"/hello.txt"); err != nil {
		t.Fatal(err)
	}
	commitAndPush(t, r, ask, "fix: another name")
	tree, err := r.git(ctx, "rev-parse", "HEAD^{tree}")
	if err != nil {
		t.Fatal(err)
	}
	head, _ := r.Head(ctx)
	hash, err := r.run(ctx, call{args: []string{"hash-object", "-t", "commit", "-w", "--stdin"}, stdin: "tree " + strings.TrimSpace(tree) + "\nparent " + head + "\n" + signedCommit})
	if err != nil {
		t.Fatal(err)
	}
	ask("signed", nil, errors.Join(r.ResetHard(ctx, strings.TrimSpace(hash)), r.Push(ctx, "main"), r.Tag(ctx, "v1.1.0", "v1.1.0", author)))
	readAll(t, r, ask)
	changed(t, r, origin, ask)
	return got
}

type asker func(what string, value any, err error)

func commitAndPush(t *testing.T, r *Repo, ask asker, message string) {
	t.Helper()
	ctx := t.Context()
	if err := r.Add(ctx); err != nil {
		t.Fatal(err)
	}
	hash, err := r.Commit(ctx, message, author)
	ask("commit "+message, hash, err)
	text, err := r.git(ctx, "cat-file", "commit", "HEAD")
	ask("the commit "+message, text, err)
	ask("push "+message, nil, r.Push(ctx, "main"))
}

// readAll collects what is read from a source repository.
func readAll(t *testing.T, r *Repo, ask asker) {
	t.Helper()
	ctx := t.Context()
	log, err := r.Log(ctx, "HEAD", 0)
	ask("log", log, err)
	log, err = r.Log(ctx, "HEAD", 0, "hello.txt")
	ask("log of a file", log, err)
	log, err = r.MergedLog(ctx, "v1.0.0..HEAD", 0)
	ask("log of merges", log, err)
	for what, list := range map[string]func() ([]string, error){
		"tags": func() ([]string, error) { return r.Tags(ctx) }, "tags at": func() ([]string, error) { return r.TagsAt(ctx, "HEAD") },
		"reachable": func() ([]string, error) { return r.TagsReachable(ctx, "HEAD") }, "remote tags": func() ([]string, error) { return r.RemoteTags(ctx) },
		"files": func() ([]string, error) { return r.Files(ctx) }, "tracked": func() ([]string, error) { return r.Tracked(ctx) },
		"last changed": func() ([]string, error) { return r.LastChanged(ctx, ".") },
	} {
		found, err := list()
		ask(what, found, err)
	}
	blobs, err := r.Blobs(ctx, "HEAD", ".")
	ask("blobs", blobs, err)
	heads, err := r.RemoteHeads(ctx)
	ask("heads", heads, err)
	facts, _, err := Facts(ctx, r.Dir, FactsOptions{})
	ask("facts", facts.BaseTag+" "+facts.Tag+" "+facts.Commit, err)
	write(t, r.Dir+"/untracked", "x")
	dirty, err := r.DirtyFiles(ctx)
	ask("dirty", dirty, err)
	write(t, r.Dir+"/hello.txt", "a\nB\nc\nd\ne\nf\ng\n")
	write(t, r.Dir+"/values.yaml", "a: 2\n")
	dirty, err = r.DirtyFiles(ctx)
	ask("dirty after a change", dirty, err)
	tree, err := r.Tree(ctx, "HEAD", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	ask("export", nil, tree.Need(ctx, "."))
	ask("exported", files(t, tree.Dir), nil)
}

// changed collects what a change of the remote, a proposal of one, and a clone give.
func changed(t *testing.T, r *Repo, origin string, ask asker) {
	t.Helper()
	ctx := t.Context()
	ask("tag", nil, errors.Join(r.DeleteTag(ctx, "v1.1.0"), r.Tag(ctx, "local", "of this clone alone", author)))
	change := func(content string) func(string) (string, bool, error) {
		return func(dir string) (string, bool, error) {
			return "Größe: " + content + "\n\nvery well\n", true, os.WriteFile(dir+"/values.yaml", []byte(content), 0o644)
		}
	}
	for _, dry := range []bool{true, false} {
		hash, is, err := Update(ctx, origin, "main", change("a: 3\r\n"), UpdateOptions{Author: author, DryRun: dry, Sparse: []string{"/values.yaml"}})
		ask("update "+hash, is, err)
	}
	_, err := Propose(ctx, origin, "main", "up/x", change("a: 4\n"), UpdateOptions{Author: author})
	ask("propose", nil, err)
	clone, err := Clone(ctx, origin, filepath.Join(t.TempDir(), "clone"), CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ask("cloned", files(t, clone.Dir), nil)
	heads, err := r.RemoteHeads(ctx)
	ask("heads after the change", heads, err)
	tags, err := r.Tags(ctx)
	ask("tags after the change", tags, err)
	write(t, clone.Dir+"/hello.txt", "a\nB\nc\nd\ne\nf\ng\n")
	diff, err := clone.Diff(ctx)
	ask("diff", diff, err)
}

// files are the files of a directory, without those of git.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		name, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		found[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

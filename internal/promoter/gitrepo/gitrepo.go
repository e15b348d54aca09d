// Package gitrepo is the git plumbing of the release tool: it runs the git command in directories of its own, with
// credentials that never reach an argument, a stored URL or a message.
package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	// ErrNothingToCommit: the index equals HEAD.
	ErrNothingToCommit = failure.New(failure.Internal, "nothing to commit")
	// ErrRejected: the remote branch moved since it was fetched. Fetch, redo the change on the new head and push again.
	ErrRejected = failure.New(failure.External, "the remote branch has moved")
	// ErrPushDenied: the remote rejects the push for a reason that a new attempt does not change (a hook, a protected branch, a lock that stays).
	ErrPushDenied = failure.New(failure.External, "the remote rejects the push")
	// ErrAuth: the remote requires other credentials, or has no such repository for these.
	ErrAuth = failure.New(failure.External, "the remote rejects these credentials")
	// ErrUnreachable: the remote cannot be reached, or no repository exists at this place.
	ErrUnreachable = failure.New(failure.External, "the repository cannot be reached")
	// ErrNoBranch: the remote has commits, but not this branch.
	ErrNoBranch = failure.New(failure.BadInput, "the branch does not exist")
	// ErrNoRef: no such commit, tag or branch here.
	ErrNoRef = failure.New(failure.BadInput, "no such commit, tag or branch")
	// ErrOwnership: git does not read a repository whose directory belongs to another user.
	ErrOwnership = failure.New(failure.BadInput, "the repository's directory belongs to another user")
	// ErrTooOld: the git of this machine lacks an option.
	ErrTooOld = failure.New(failure.External, "this git is too old")
	// ErrNotARepository: the directory is not inside a git work tree.
	ErrNotARepository = failure.New(failure.BadInput, "not a git repository")
)

// Author is the author of commits. The zero value is that of git's configuration, or chart-promoter without one.
type Author struct {
	Name, Email string
	// When is the time of the commit; the zero value is now.
	When time.Time
}

// Options apply to every command; the zero value is ready to use.
type Options struct {
	// Credentials returns those for the host of an HTTP(S) remote, with its port if it has one. Nil is ci.GitAccess with os.Getenv,
	// and for a host without credentials git's own configuration applies (credential helpers, ssh).
	Credentials func(host string) ci.GitCredentials
	// Log gets one line for each command that talks to a remote. Nil is silent.
	Log func(string)
	// Timeout is how long a remote may be silent, and how long a signature may take, in whole seconds; 0 is a minute. Ten times as long is
	// the limit of a push and of a list of branches, sixty times that of a fetch: Errors of these are ErrUnreachable.
	Timeout time.Duration
	// Answers are those that are kept while nothing changes the repository. Nil keeps none.
	Answers *Answers
}

func (o Options) timeout() time.Duration {
	if o.Timeout == 0 {
		return time.Minute
	}
	return o.Timeout
}

// CloneOptions select what Clone fetches.
type CloneOptions struct {
	// Branch to check out; empty is the remote's default branch. An empty remote gives an unborn branch of that name.
	Branch string
	// Depth of history in commits; 0 is all of it, tags included.
	Depth int
	// Sparse lists the paths to check out, as patterns of .gitignore ("/index.yaml"); empty is all. The other files
	// are not downloaded where the server can filter.
	Sparse []string
	// NoFiles checks nothing out, for whoever reads the history and the files of commits.
	NoFiles bool
	// Orphan takes a branch that the remote does not have as an unborn one, which the first push creates without any history, even if
	// the remote has other branches.
	Orphan bool
	Options
}

// Repo is a work tree.
type Repo struct {
	Dir  string
	opts Options
	url  string // of origin, once it is known
}

// Open opens the work tree that holds dir.
func Open(ctx context.Context, dir string, opts Options) (*Repo, error) {
	r := &Repo{Dir: dir, opts: opts}
	top, err := r.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	r.Dir = strings.TrimSpace(top)
	return r, nil
}

// Init creates an empty repository with an unborn branch; a bare one accepts pushes.
func Init(ctx context.Context, dir, branch string, bare bool) (*Repo, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create the repository directory: %w", err)
	}
	r := &Repo{Dir: dir}
	args := []string{"init", "-q", "-b", branch}
	if bare {
		args = append(args, "--bare")
	}
	_, err := r.git(ctx, args...)
	return r, err
}

// Clone creates a work tree of url in dir, which must be missing or empty. A user name or password within url is
// removed and used as credentials; it is stored nowhere.
func Clone(ctx context.Context, url, dir string, o CloneOptions) (*Repo, error) {
	clean, cred, err := splitURL(url)
	if err != nil {
		return nil, err
	}
	o.Options = o.withCredentials(clean, cred)
	branch, exists, err := (&Repo{opts: o.Options}).remoteBranch(ctx, clean, o)
	if err != nil {
		return nil, err
	}
	if _, err := Init(ctx, dir, branch, false); err != nil {
		return nil, err
	}
	r := &Repo{Dir: dir, opts: o.Options, url: clean}
	if _, err := r.git(ctx, "remote", "add", "origin", clean); err != nil {
		return nil, err
	}
	if len(o.Sparse) > 0 {
		if err := r.sparse(o.Sparse); err != nil {
			return nil, err
		}
	}
	if !exists {
		return r, nil
	}
	if err := r.fetch(ctx, branch, o.Depth, len(o.Sparse) > 0); err != nil {
		return nil, err
	}
	if o.NoFiles {
		_, err := r.git(ctx, "update-ref", "HEAD", "refs/remotes/origin/"+branch)
		return r, err
	}
	_, err = r.remote(ctx, "", "reset", "-q", "--hard", "refs/remotes/origin/"+branch) // there is nothing to clean
	return r, err
}

// sparseConfig is what `git clone --sparse --filter=blob:none` sets; one write takes no process for each.
const sparseConfig = `
[core]
	sparseCheckout = true
	sparseCheckoutCone = false
[remote "origin"]
	promisor = true
	partialCloneFilter = blob:none
`

// sparse restricts the work tree to these patterns, before anything is checked out.
func (r *Repo) sparse(patterns []string) error {
	info := filepath.Join(r.Dir, ".git", "info")
	f, err := os.OpenFile(filepath.Join(r.Dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(sparseConfig)
		err = errors.Join(err, f.Close(), os.MkdirAll(info, 0o755), os.WriteFile(filepath.Join(info, "sparse-checkout"), []byte(strings.Join(patterns, "\n")+"\n"), 0o644))
	}
	if err != nil {
		return fmt.Errorf("configure the sparse checkout: %w", err)
	}
	return nil
}

// remoteBranch resolves an empty branch name to the remote's default and returns whether the branch has a commit.
func (r *Repo) remoteBranch(ctx context.Context, url string, o CloneOptions) (branch string, exists bool, err error) {
	out, err := r.remote(ctx, url, "ls-remote", "--symref", "--", url)
	if err != nil {
		return "", false, err
	}
	branch = o.Branch
	heads := 0
	seen := map[string]bool{}
	for _, line := range strings.Split(out, "\n") {
		left, right, _ := strings.Cut(line, "\t")
		if target, ok := strings.CutPrefix(left, "ref: refs/heads/"); ok && right == "HEAD" && branch == "" {
			branch = target
		}
		if name, ok := strings.CutPrefix(right, "refs/heads/"); ok {
			heads++
			seen[name] = true
		}
	}
	if branch == "" {
		branch = "main"
	}
	if heads > 0 && !seen[branch] && !o.Orphan {
		return "", false, fmt.Errorf("branch %q of %s: %w; name another branch or push it first", branch, redact(url), ErrNoBranch)
	}
	return branch, seen[branch], nil
}

func (r *Repo) fetch(ctx context.Context, branch string, depth int, filter bool) error {
	args := []string{"fetch", "-q", "--no-write-fetch-head"}
	if depth > 0 {
		args = append(args, fmt.Sprintf("--depth=%d", depth), "--no-tags")
	} else {
		args = append(args, "--tags", "--force")
	}
	if filter {
		args = append(args, "--filter=blob:none")
	}
	args = append(args, "origin", "+refs/heads/"+branch+":refs/remotes/origin/"+branch)
	_, err := r.remote(ctx, r.originURL(ctx), args...)
	return err
}

// Fetch fetches origin's branch, with all history when depth is 0. A branch that the remote does not have yet is no error.
func (r *Repo) Fetch(ctx context.Context, branch string, depth int) error {
	_, exists, err := r.remoteBranch(ctx, r.originURL(ctx), CloneOptions{Branch: branch})
	if err != nil || !exists {
		return err
	}
	sparse, _ := r.git(ctx, "config", "--get", "core.sparseCheckout")
	return r.fetch(ctx, branch, depth, strings.TrimSpace(sparse) == "true")
}

// ResetHard makes the branch and the work tree equal to ref and removes every file that is not in it.
func (r *Repo) ResetHard(ctx context.Context, ref string) error {
	if _, err := r.remote(ctx, "", "reset", "-q", "--hard", ref); err != nil {
		return err
	}
	_, err := r.git(ctx, "clean", "-qfdx")
	return err
}

// Add stages paths, removals included; with none, everything. Ignored files too: a package that matches *.tgz in
// the repository's or the user's .gitignore would be missing where the index refers to it.
func (r *Repo) Add(ctx context.Context, paths ...string) error {
	args := []string{"add", "-A", "--force", "--sparse"}
	if len(paths) > 0 {
		args = append(append(args, "--"), paths...)
	}
	_, err := r.git(ctx, args...)
	return err
}

// Commit commits what is staged. Errors: ErrNothingToCommit.
func (r *Repo) Commit(ctx context.Context, message string, a Author) (string, error) {
	if _, err := r.git(ctx, "diff", "--cached", "--quiet", "--no-ext-diff"); err == nil { // on an unborn branch, to no file
		return "", ErrNothingToCommit
	}
	if _, err := r.run(ctx, call{args: []string{"commit", "-q", "-F", "-"}, stdin: message, env: r.identity(ctx, a)}); err != nil {
		return "", err
	}
	return r.Head(ctx)
}

// identity returns the committer as variables of git's environment; git's own configuration applies for an empty author.
func (r *Repo) identity(ctx context.Context, a Author) []string {
	if a.Name == "" || a.Email == "" {
		if mail, _ := r.git(ctx, "config", "user.email"); strings.TrimSpace(mail) == "" {
			a.Name, a.Email = "chart-promoter", "chart-promoter@localhost"
		}
	}
	var env []string
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		if a.Name != "" && a.Email != "" {
			env = append(env, "GIT_"+who+"_NAME="+a.Name, "GIT_"+who+"_EMAIL="+a.Email)
		}
		if !a.When.IsZero() {
			env = append(env, "GIT_"+who+"_DATE="+a.When.UTC().Format(time.RFC3339))
		}
	}
	return env
}

// Head is the full hash of the commit that is checked out. Errors: ErrNoRef on an unborn branch.
func (r *Repo) Head(ctx context.Context) (string, error) { return r.Resolve(ctx, "HEAD") }

// Resolve returns the full hash of the commit that ref refers to. Errors: ErrNoRef.
func (r *Repo) Resolve(ctx context.Context, ref string) (string, error) {
	out, err := r.git(ctx, "rev-parse", "-q", "--verify", "--end-of-options", ref+"^{commit}")
	if err != nil {
		if errors.Is(err, ErrNotARepository) || errors.Is(err, ErrTooOld) {
			return "", err
		}
		return "", fmt.Errorf("%q: %w", ref, ErrNoRef)
	}
	return strings.TrimSpace(out), nil
}

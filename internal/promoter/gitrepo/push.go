package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// Push pushes HEAD to a branch of origin. Errors: ErrRejected when the branch moved meanwhile, ErrPushDenied when
// the server rejects it, ErrAuth, ErrUnreachable.
func (r *Repo) Push(ctx context.Context, branch string) error {
	return r.push(ctx, "HEAD:refs/heads/"+branch)
}

// PushTag pushes one tag to origin. Errors as those of Push; ErrRejected when the tag exists there with another commit.
func (r *Repo) PushTag(ctx context.Context, tag string) error {
	return r.push(ctx, "refs/tags/"+tag+":refs/tags/"+tag)
}

// CheckPush checks that these credentials may push to a server, and pushes nothing. The decision of a server's hooks is
// only known after a push. Errors: ErrAuth, ErrPushDenied, ErrUnreachable.
func (r *Repo) CheckPush(ctx context.Context, url string) error {
	clean, cred, err := splitURL(url)
	if err != nil {
		return err
	}
	other := &Repo{Dir: r.Dir, opts: r.opts, url: clean}
	other.opts = other.opts.withCredentials(clean, cred)
	// A branch name that no repository has, so that no state of the server can be a reason to reject.
	_, err = other.remote(ctx, clean, "push", "--dry-run", "--porcelain", "--no-verify", "--", clean, "HEAD:refs/heads/chart-promoter-check")
	return err
}

func (r *Repo) push(ctx context.Context, refspec string) error {
	_, err := r.pushWith(ctx, refspec)
	return err
}

// lockTries is how often a push is tried whose reference is locked.
const lockTries = 3

// pushWith is push with options. It returns the address that the server printed, if any. A push whose reference is locked is repeated as
// it is: if another push had the lock, the branch has moved and git rejects the next try as ErrRejected. A lock that stays while the branch
// does not move is an ErrPushDenied.
func (r *Repo) pushWith(ctx context.Context, refspec string, options ...string) (link string, err error) {
	for try := 1; ; try++ {
		var printed string
		c := call{args: append(append([]string{"push", "--porcelain"}, options...), "origin", refspec), remote: r.originURL(ctx), network: true, stderr: &printed}
		_, err = r.run(ctx, c)
		err = rejected(ctx, refspec, err)
		if _, locked := errors.AsType[lockedError](err); !locked || try == lockTries {
			return linkIn(printed), err
		}
		if err := wait(ctx, lockPause+rand.N(lockPause)); err != nil {
			return "", err
		}
	}
}

// UpdateOptions control Update; the zero value is ready to use.
type UpdateOptions struct {
	Options
	Author Author
	// Sparse as in CloneOptions.
	Sparse []string
	// Orphan as in CloneOptions.
	Orphan bool
	// Attempts limits how often the change is repeated because the branch moved; 0 is 40.
	Attempts int
	// Parent is the directory of the temporary clone; empty is the system's temporary directory.
	Parent string
	// Depth is how many of the branch's last commits mutate gets; 0 is one.
	Depth int
	// History gives mutate all of the branch's commits, whatever Depth is.
	History bool
	// Stop, for Propose, reports whether an error of mutate on the branch that waits ends the proposal: what waits there is not to be
	// replaced. Nil replaces it.
	Stop func(error) bool
	// DryRun changes and commits in the temporary clone and does not push.
	DryRun bool
}

// Update clones a branch, has mutate change the files in dir, commits all of it with the message that mutate returns,
// and pushes. When another push came first it fetches and calls mutate again on the new head: mutate must read the
// files each time. changed is false when mutate had nothing to do; commit is then the present head, empty on an unborn
// branch.
func Update(ctx context.Context, url, branch string, mutate func(dir string) (message string, changed bool, err error), o UpdateOptions) (commit string, changed bool, err error) {
	parent, err := os.MkdirTemp(o.Parent, "git-*")
	if err != nil {
		return "", false, fmt.Errorf("create a directory for the clone: %w", err)
	}
	defer os.RemoveAll(parent)
	depth := max(o.Depth, 1)
	if o.History {
		depth = 0
	}
	r, err := Clone(ctx, url, parent+"/clone", CloneOptions{Branch: branch, Depth: depth, Sparse: o.Sparse, Orphan: o.Orphan, Options: o.Options})
	if err != nil {
		return "", false, err
	}
	branch = r.Branch(ctx)
	attempts := o.Attempts
	if attempts <= 0 {
		attempts = 40
	}
	for try := 1; ; try++ {
		commit, changed, err = r.once(ctx, branch, mutate, o)
		if !errors.Is(err, ErrRejected) {
			return commit, changed, err
		}
		if try >= attempts {
			return "", false, fmt.Errorf("no success after %d attempts, because others keep pushing to %s; run this again later: %w", try, redact(url), err)
		}
		if err := pause(ctx, try); err != nil {
			return "", false, err
		}
		if err := r.fetch(ctx, branch, depth, len(o.Sparse) > 0); err != nil {
			return "", false, err
		}
		if err := r.ResetHard(ctx, "refs/remotes/origin/"+branch); err != nil {
			return "", false, err
		}
	}
}

func (r *Repo) once(ctx context.Context, branch string, mutate func(string) (string, bool, error), o UpdateOptions) (string, bool, error) {
	message, changed, err := mutate(r.Dir)
	if err != nil {
		return "", false, err
	}
	if changed {
		if err := r.Add(ctx); err != nil {
			return "", false, err
		}
		commit, err := r.Commit(ctx, message, o.Author)
		if err == nil {
			if o.DryRun {
				return commit, true, nil
			}
			return commit, true, r.Push(ctx, branch)
		}
		if !errors.Is(err, ErrNothingToCommit) {
			return "", false, err
		}
	}
	head, err := r.Head(ctx)
	if errors.Is(err, ErrNoRef) {
		return "", false, nil
	}
	return head, false, err
}

// pause waits a random time that grows with the attempts, up to a second, so that publishers who met do not meet again.
func pause(ctx context.Context, try int) error {
	return wait(ctx, rand.N(min(time.Second, time.Duration(try)*50*time.Millisecond)))
}

// lockPause is the least time between two tries of a push whose reference is locked: a server that runs hooks or copies the repository
// under the lock holds it for some time.
const lockPause = 500 * time.Millisecond

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

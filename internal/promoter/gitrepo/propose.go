package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrNoBase: the branch that a pull request is for has no commit yet.
var ErrNoBase = failure.New(failure.BadInput, "a pull request needs a branch that it can be merged into")

// Proposal is a change that is on a branch of its own until it is merged.
type Proposal struct {
	// Commit is the head of the proposed branch; that of the base when the base has the change already.
	Commit string
	// Waiting is true while the base lacks the change, Pushed when the branch was pushed now.
	Waiting, Pushed bool
	// Base is the name of the base, which may have been the remote's default, Head that of the proposed branch.
	Base, Head string
	// Message is that of the commit with the change, set while Waiting is true.
	Message string
	// Link is an address that the server printed at the push, where a pull request can be opened; often empty.
	Link string
}

// Propose is Update with the commit on the branch head in place of base. The branch always has the base and one commit: run again after
// the base has moved, or with another change, it is replaced. Another run that replaces the branch at the same time is no error, the
// last one wins.
func Propose(ctx context.Context, url, base, head string, mutate func(dir string) (message string, changed bool, err error), o UpdateOptions) (Proposal, error) {
	parent, err := os.MkdirTemp(o.Parent, "git-*")
	if err != nil {
		return Proposal{}, fmt.Errorf("create a directory for the clone: %w", err)
	}
	defer os.RemoveAll(parent)
	depth := max(o.Depth, 1)
	if o.History {
		depth = 0
	}
	r, err := Clone(ctx, url, parent+"/clone", CloneOptions{Branch: base, Depth: depth, Sparse: o.Sparse, Options: o.Options})
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Base: r.Branch(ctx), Head: head}
	if _, err := r.Head(ctx); err != nil {
		return p, fmt.Errorf("%w: branch %s of %s has no commit; push a first one to it", ErrNoBase, p.Base, redact(url))
	}
	attempts := o.Attempts
	if attempts <= 0 {
		attempts = 40
	}
	for try := 1; ; try++ {
		err := r.propose(ctx, &p, mutate, o)
		if !errors.Is(err, ErrRejected) {
			return p, err
		}
		if try >= attempts {
			return p, fmt.Errorf("no success after %d attempts, because others keep pushing to %s; run this again later: %w", try, redact(url), err)
		}
		if err := pause(ctx, try); err != nil {
			return p, err
		}
		if err := r.fetch(ctx, p.Base, depth, len(o.Sparse) > 0); err != nil {
			return p, err
		}
		if err := r.ResetHard(ctx, "refs/remotes/origin/"+p.Base); err != nil {
			return p, err
		}
	}
}

func (r *Repo) propose(ctx context.Context, p *Proposal, mutate func(string) (string, bool, error), o UpdateOptions) error {
	base, err := r.Head(ctx)
	if err != nil {
		return err
	}
	present, err := r.remoteHead(ctx, p.Head)
	if err != nil {
		return err
	}
	if present != "" {
		has, err := r.hasChange(ctx, p, present, base, mutate, o)
		if err != nil || has {
			p.Commit, p.Waiting, p.Pushed = present, has, false
			return err
		}
		if err := r.ResetHard(ctx, base); err != nil {
			return err
		}
	}
	p.Commit, p.Waiting, p.Pushed = base, false, false
	var changed bool
	p.Message, changed, err = mutate(r.Dir)
	if err != nil || !changed {
		return err
	}
	if err := r.Add(ctx); err != nil {
		return err
	}
	commit, err := r.Commit(ctx, p.Message, o.Author)
	if errors.Is(err, ErrNothingToCommit) {
		return nil
	}
	if err != nil {
		return err
	}
	p.Commit, p.Waiting, p.Pushed = commit, true, true
	if o.DryRun {
		return nil
	}
	p.Link, err = r.pushWith(ctx, "HEAD:refs/heads/"+p.Head, "--force-with-lease=refs/heads/"+p.Head+":"+present)
	return err
}

// remoteHead is the commit of a branch of origin, empty if the branch does not exist.
func (r *Repo) remoteHead(ctx context.Context, branch string) (string, error) {
	out, err := r.remote(ctx, "", "ls-remote", "origin", "refs/heads/"+branch)
	hash, _, _ := strings.Cut(out, "\t")
	return strings.TrimSpace(hash), err
}

// hasChange reports whether a branch of origin is the base with the change of mutate, so that nothing needs to be pushed.
func (r *Repo) hasChange(ctx context.Context, p *Proposal, present, base string, mutate func(string) (string, bool, error), o UpdateOptions) (bool, error) {
	if _, err := r.remote(ctx, "", "fetch", "-q", "--no-write-fetch-head", "--depth=1", "--no-tags", "--filter=blob:none", "origin", "refs/heads/"+p.Head); err != nil {
		return false, err
	}
	raw, err := r.git(ctx, "cat-file", "commit", present)
	if err != nil { // replaced meanwhile: the push shows it
		return false, nil
	}
	head, old, _ := strings.Cut(raw, "\n\n")
	p.Message = old
	parents := parent.FindAllString(head, -1)
	if err := r.ResetHard(ctx, present); err != nil {
		return false, err
	}
	message, changed, err := mutate(r.Dir)
	if err != nil && o.Stop != nil && o.Stop(err) {
		return false, err
	}
	if err != nil || len(parents) != 1 || parents[0] != "parent "+base {
		// The change differs, such as another package of this version, or the base has moved: the base decides.
		return false, nil
	}
	if !changed {
		return true, nil
	}
	if err := r.Add(ctx); err != nil {
		return false, err
	}
	_, err = r.git(ctx, "diff", "--cached", "--quiet", "--no-ext-diff")
	return err == nil && strings.TrimSpace(message) == strings.TrimSpace(old), nil
}

var parent = regexp.MustCompile(`(?m)^parent [0-9a-f]+$`)

var address = regexp.MustCompile(`https?://[^\s'"<>]+`)

// linkIn is the first address in what a server printed.
func linkIn(stderr string) string { return address.FindString(serverLines(stderr)) }

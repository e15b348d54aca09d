// Package release tags a commit with the next version.
package release

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Options choose the next version.
type Options struct {
	// Bump is major, minor or patch; empty follows the commits' messages (conventional commits).
	Bump version.Bump
	// Version is the tag to use instead of a computed one.
	Version string
	// NoPush creates the tag in the local repository only.
	NoPush bool
	// Sign signs the tag with the key of git's configuration.
	Sign bool
	// DryRun computes the tag and creates none.
	DryRun bool
}

// Result is the tag of a release.
type Result struct {
	Tag    string `json:"tag"`
	After  string `json:"after,omitempty"`
	Commit string `json:"commit"`
	Pushed bool   `json:"pushed"`
}

// Tag computes the version that follows the last release, creates an annotated tag at the commit that is checked out in dir and pushes
// it; CI does the rest. Errors: version.ErrDirty, version.ErrShallow, failure.ErrInput and those of gitrepo.
func Tag(ctx context.Context, dir string, git gitrepo.Options, o Options) (*Result, error) {
	facts, err := releasable(ctx, dir)
	if err != nil {
		return nil, err
	}
	r, err := gitrepo.Open(ctx, dir, git)
	if err != nil {
		return nil, err
	}
	log, err := commitsSince(ctx, r, facts.BaseTag)
	if err != nil {
		return nil, err
	}
	res := &Result{After: facts.BaseTag, Commit: facts.Commit, Tag: o.Version}
	if res.Tag == "" {
		if err := checkComplete(ctx, r, facts.BaseTag, o.DryRun || o.NoPush); err != nil {
			return nil, err
		}
		if res.Tag, err = next(facts.BaseTag, o.Bump, log); err != nil {
			return nil, err
		}
	}
	if !version.IsVersionTag(res.Tag) || (facts.BaseTag != "" && version.Compare(res.Tag, facts.BaseTag) <= 0) {
		return nil, fmt.Errorf("%w: %q is not a version that follows %s; choose a higher one", failure.ErrInput, res.Tag, facts.BaseTag)
	}
	if o.DryRun {
		return res, nil
	}
	create := r.Tag
	if o.Sign {
		create = r.SignedTag
	}
	if err := create(ctx, res.Tag, notes(res.Tag, log), gitrepo.Author{}); err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	if o.NoPush {
		return res, nil
	}
	if err := push(ctx, r, res.Tag); err != nil {
		return nil, err
	}
	res.Pushed = true
	return res, nil
}

// releasable returns the facts of a commit that can be released.
func releasable(ctx context.Context, dir string) (version.Facts, error) {
	facts, _, err := gitrepo.Facts(ctx, dir, func(string) string { return "" })
	if err != nil {
		return facts, err
	}
	switch {
	case facts.Dirty:
		return facts, version.ErrDirty
	case facts.Shallow:
		return facts, version.ErrShallow
	case facts.Tag != "":
		return facts, fmt.Errorf("%w: this commit already has the tag %s; if the tag was never pushed, push it (git push origin %s)", failure.ErrInput, facts.Tag, facts.Tag)
	}
	return facts, nil
}

func commitsSince(ctx context.Context, r *gitrepo.Repo, tag string) ([]gitrepo.Entry, error) {
	rng := "HEAD"
	if tag != "" {
		rng = "refs/tags/" + tag + "..HEAD"
	}
	return r.Log(ctx, rng, 0)
}

func push(ctx context.Context, r *gitrepo.Repo, tag string) error {
	err := r.PushTag(ctx, tag)
	if err == nil {
		return nil
	}
	if errors.Is(err, gitrepo.ErrRejected) {
		err = fmt.Errorf("another user pushed the tag %s; fetch the tags and run this again: %w", tag, err)
	}
	// If the tag stayed, the next run would take the commit for released. The context may be over.
	return errors.Join(err, r.DeleteTag(context.WithoutCancel(ctx), tag))
}

// checkComplete rejects a version computed from an incomplete set of tags: it would be released already, or lower than a released one.
// If nothing is pushed, the remote may be unreachable.
func checkComplete(ctx context.Context, r *gitrepo.Repo, last string, mayBeUnreachable bool) error {
	remote, err := r.RemoteTags(ctx)
	if err != nil && !mayBeUnreachable {
		return err
	}
	local, err := r.Tags(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(remote, func(tag string) bool { return slices.Contains(local, tag) })
	if highest := version.Highest(missing); highest != "" && (last == "" || version.Compare(highest, last) > 0) {
		return fmt.Errorf("%w: the remote has %s, which the local repository does not have; fetch it (git fetch --tags origin), or choose the version with --version", failure.ErrInput, highest)
	}
	return nil
}

func next(last string, bump version.Bump, log []gitrepo.Entry) (string, error) {
	if bump == "" {
		messages := make([]string, len(log))
		for i, e := range log {
			messages[i] = e.Subject + "\n\n" + e.Body
		}
		bump = version.FromConventionalCommits(messages)
	}
	return version.Next(last, bump)
}

func notes(tag string, log []gitrepo.Entry) string {
	text := "Release " + tag + "\n\n"
	for _, e := range log {
		text += "- " + e.Subject + "\n"
	}
	return text
}

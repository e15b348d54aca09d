// Package release tags a commit with the next version.
package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Options choose the next version.
type Options struct {
	// Tags selects the tags that are versions.
	Tags version.Tags
	// Paths are those whose commits count, for the release of one of several charts; none counts all.
	Paths []string
	// Chart is the name that --chart has for the release of a chart, for messages; empty for the program.
	Chart string
	// Bump is major, minor or patch; empty follows the commits' messages (conventional commits).
	Bump version.Bump
	// Version is the tag to use instead of a computed one, with or without the prefix of the tags.
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
	// Tag is empty when Nothing is set.
	Tag    string `json:"tag"`
	After  string `json:"after,omitempty"`
	Commit string `json:"commit"`
	Pushed bool   `json:"pushed"`
	// Nothing is why there is nothing to release.
	Nothing string `json:"nothing,omitempty"`
}

// Tag computes the version that follows the last release, creates an annotated tag at the commit that is checked out in dir and pushes
// it; CI does the rest. Errors: version.ErrDirty, version.ErrShallow, failure.ErrInput, gitrepo.ErrTagsMissing and others of gitrepo.
func Tag(ctx context.Context, dir string, git gitrepo.Options, o Options) (*Result, error) {
	if o.Version = o.Tags.Complete(o.Version); o.Version != "" {
		if err := o.Tags.CheckVersion(o.Version); err != nil {
			return nil, err
		}
	}
	r, err := gitrepo.Open(ctx, dir, git)
	if err != nil {
		return nil, err
	}
	if r.Origin(ctx) == "" && !o.DryRun && !o.NoPush {
		return nil, fmt.Errorf("%w: the repository has no remote called origin to push the tag to; add it, or create the tag here only (--no-push)", failure.ErrInput)
	}
	h, err := releasable(ctx, r, o)
	if err != nil {
		return nil, err
	}
	res := &Result{After: h.Base(), Tag: o.Version}
	if res.Commit, err = r.Head(ctx); err != nil {
		return nil, err
	}
	log, err := commitsSince(ctx, r, res.After, o.Paths)
	if err != nil {
		return nil, err
	}
	if res.Tag == "" {
		if res.Tag, err = h.Next(o.Bump, messages(log)); err != nil {
			return nil, err
		}
		if res.Tag == "" {
			what, command := "the program", "chart-promoter release patch"
			if o.Chart != "" {
				what, command = "the chart", command+" --chart "+o.Chart
			}
			res.Nothing = fmt.Sprintf("no commit since %s changes %s; to release nevertheless, name the step: %s", res.After, what, command)
			return res, nil
		}
	} else if err := h.Check(res.Tag); err != nil {
		return nil, err
	}
	if !o.NoPush {
		if err := checkPushed(ctx, r, res.Commit, o.DryRun); err != nil {
			return nil, err
		}
	}
	if o.DryRun {
		return res, nil
	}
	return res, create(ctx, r, res, o, h)
}

// create creates the tag of a result and pushes it.
func create(ctx context.Context, r *gitrepo.Repo, res *Result, o Options, h version.History) error {
	// The notes of a release are those of its candidates too.
	log, err := commitsSince(ctx, r, notedIn(res.Tag, h), o.Paths)
	if err != nil {
		return err
	}
	tag := r.Tag
	if o.Sign {
		tag = r.SignedTag
	}
	if err := tag(ctx, res.Tag, notes(res.Tag, log), gitrepo.Author{}); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	if o.NoPush {
		return nil
	}
	err = push(ctx, r, res.Tag)
	res.Pushed = err == nil
	return err
}

// notedIn is the version after which the notes of a tag begin: the last release for a release, the last version for a prerelease.
func notedIn(tag string, h version.History) string {
	if last := h.Tags.HighestRelease(h.Before); h.Tags.IsRelease(tag) && h.Base() == h.Included() {
		return last
	}
	return h.Base()
}

// releasable returns the tags that count for the commit, which must be one that can be released.
func releasable(ctx context.Context, r *gitrepo.Repo, o Options) (h version.History, err error) {
	dirty, err := r.IsDirty(ctx)
	if err != nil {
		return h, err
	}
	if dirty {
		return h, version.ErrDirty
	}
	shallow, err := r.IsShallow(ctx)
	if err != nil {
		return h, err
	}
	if shallow {
		return h, version.ErrShallow
	}
	if err := r.CheckTags(ctx, o.Tags); err != nil && (errors.Is(err, gitrepo.ErrTagsMissing) || !o.DryRun && !o.NoPush) {
		return h, err
	}
	return r.History(ctx, o.Tags, "")
}

// checkPushed rejects a commit that nobody else has: its release could not be reviewed, and would lack what others have pushed since.
func checkPushed(ctx context.Context, r *gitrepo.Repo, commit string, mayBeUnreachable bool) error {
	pushed, err := r.IsPushed(ctx, commit)
	if err != nil && !mayBeUnreachable {
		return err
	}
	if err == nil && !pushed {
		return fmt.Errorf("%w: commit %.7s is on no branch of origin; push its branch first, or create the tag here only (--no-push)", failure.ErrInput, commit)
	}
	return nil
}

func commitsSince(ctx context.Context, r *gitrepo.Repo, tag string, paths []string) ([]gitrepo.Entry, error) {
	rng := "HEAD"
	if tag != "" {
		rng = "refs/tags/" + tag + "..HEAD"
	}
	return r.Log(ctx, rng, 0, paths...)
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

func messages(log []gitrepo.Entry) []string {
	list := make([]string, len(log))
	for i, e := range log {
		list[i] = e.Subject + "\n\n" + e.Body
	}
	return list
}

func notes(tag string, log []gitrepo.Entry) string {
	text := "Release " + tag + "\n\n"
	for _, e := range log {
		text += "- " + e.Subject + "\n"
	}
	return text
}

package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// FactsOptions are what Facts needs beside the repository.
type FactsOptions struct {
	// Tags selects the tags that are versions.
	Tags version.Tags
	// Env is the environment of the CI engine. Nil is none.
	Env func(string) string
	Options
}

// Facts gathers what the version of the commit checked out in dir is derived from. The CI engine's tag counts only when
// its commit is the one that is checked out: the QA repository's build also reads a checkout of the source. Without it, a
// version tag at HEAD makes the build one of that tag; the highest wins when there are several. A development build follows
// all tags of the repository: where the clone may lack some, origin is asked. Errors: ErrTagMoved, ErrTagsMissing,
// version.ErrNotALine, those of RemoteTags.
func Facts(ctx context.Context, dir string, o FactsOptions) (version.Facts, ci.Build, error) {
	var build ci.Build
	if o.Env != nil {
		build = ci.Detect(o.Env)
	}
	f := version.Facts{Tags: o.Tags}
	r, err := Open(ctx, dir, o.Options)
	if err != nil {
		return f, build, err
	}
	if f.Commit, err = r.Head(ctx); err != nil {
		return f, build, fmt.Errorf("this repository has no commit yet; create one first: %w", err)
	}
	if f.Dirty, err = r.IsDirty(ctx); err != nil {
		return f, build, err
	}
	if f.Shallow, err = r.IsShallow(ctx); err != nil {
		return f, build, err
	}
	if f.Tag, err = r.buildTag(ctx, f.Commit, build, o.Tags); err != nil {
		return f, build, err
	}
	branch := ""
	if build.Commit == f.Commit {
		branch = build.Branch
	}
	h, err := r.History(ctx, o.Tags, branch)
	if err != nil {
		return f, build, err
	}
	if f.BaseTag = h.Included(); !o.Tags.IsVersion(f.Tag) {
		f.BaseTag = h.Base()
		if f.Unconfirmed, err = r.checkKnown(ctx, f); err != nil {
			return f, build, err
		}
	}
	base := ""
	if f.BaseTag != "" {
		base = "refs/tags/" + f.BaseTag
	}
	f.Distance, err = r.Count(ctx, base, "HEAD")
	return f, build, err
}

// History is what the version tags of this repository state about HEAD. Its line is the one of tags, or else of the branch: the given one,
// the one that is checked out, or, on a detached head, those that have the commit. Errors: version.ErrNotALine.
func (r *Repo) History(ctx context.Context, tags version.Tags, branch string) (version.History, error) {
	h := version.History{Tags: tags}
	var err error
	if h.Line, err = version.ParseLine(tags.Line); err != nil {
		return h, err
	}
	if h.Line.IsZero() {
		if h.Line, err = r.line(ctx, tags, branch); err != nil {
			return h, err
		}
	}
	for _, q := range []struct {
		list *[]string
		args []string
	}{
		{&h.At, []string{"--points-at", "HEAD"}}, {&h.Before, []string{"--merged", "HEAD"}}, {&h.After, []string{"--contains", "HEAD"}},
		{&h.Beside, []string{"--no-merged", "HEAD", "--no-contains", "HEAD"}},
	} {
		found, err := r.lines(ctx, append([]string{"tag"}, q.args...)...)
		if err != nil {
			return h, err
		}
		*q.list = tags.Versions(found)
	}
	own := func(tag string) bool { return slices.Contains(h.At, tag) }
	h.Before, h.After = slices.DeleteFunc(h.Before, own), slices.DeleteFunc(h.After, own)
	return h, nil
}

func (r *Repo) line(ctx context.Context, tags version.Tags, branch string) (version.Line, error) {
	if branch == "" {
		branch = r.Branch(ctx)
	}
	if branch != "" {
		return tags.LineOfBranch(branch), nil
	}
	refs, err := r.lines(ctx, "for-each-ref", "--contains", "HEAD", "--format=%(refname:lstrip=2) %(symref)", "refs/heads", "refs/remotes")
	if err != nil {
		return version.Line{}, err
	}
	var line version.Line
	for i, ref := range refs {
		name, link, _ := strings.Cut(ref, " ")
		if link != "" {
			continue
		}
		own := tags.LineOfBranch(name)
		if _, rest, remote := strings.Cut(name, "/"); remote && own.IsZero() {
			own = tags.LineOfBranch(rest)
		}
		if i > 0 && own != line {
			return version.Line{}, nil
		}
		line = own
	}
	return line, nil
}

var (
	// ErrTagMoved: the tag that is built names another commit by now.
	ErrTagMoved = failure.New(failure.BadInput, "the tag was moved")
	// ErrTagsMissing: origin has versions that this clone lacks.
	ErrTagsMissing = failure.New(failure.BadInput, "the clone lacks tags")
)

// CheckTags rejects a clone without all versions of origin: what is computed from it would be released already, or lower than a released
// version. Errors: ErrTagsMissing, ErrAuth, ErrUnreachable.
func (r *Repo) CheckTags(ctx context.Context, tags version.Tags) error {
	remote, err := r.RemoteTags(ctx)
	if err != nil {
		return err
	}
	local, err := r.Tags(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(remote, func(tag string) bool { return slices.Contains(local, tag) })
	if highest := tags.Highest(missing); highest != "" {
		return fmt.Errorf("%w: the remote has %s, which the local repository does not have; fetch it (git fetch --tags origin)", ErrTagsMissing, highest)
	}
	return nil
}

// checkKnown is CheckTags where the clone itself is a sign that tags may be missing: it has none, or it was created without them or for one
// branch, whose tags alone come with it. A repository that has no tag yet has versions without its remote too; why is then the reason.
func (r *Repo) checkKnown(ctx context.Context, f version.Facts) (why string, err error) {
	if f.Dirty || f.Shallow || r.originURL(ctx) == "" {
		return "", nil
	}
	local, err := r.Tags(ctx)
	if err != nil {
		return "", err
	}
	option, _ := r.git(ctx, "config", "--get", "remote.origin.tagOpt")
	branches, _ := r.git(ctx, "config", "--get-all", "remote.origin.fetch")
	complete := strings.TrimSpace(option) != "--no-tags" && (branches == "" || strings.Contains(branches, "*"))
	if complete && f.Tags.Highest(local) != "" {
		return "", nil
	}
	limited, cancel := context.WithTimeout(ctx, r.opts.timeout())
	defer cancel()
	err = r.CheckTags(limited, f.Tags)
	switch {
	case err == nil:
		return "", nil
	case complete && !errors.Is(err, ErrTagsMissing) && ctx.Err() == nil:
		return err.Error(), nil
	}
	return "", fmt.Errorf("this clone may lack the tags of releases, so its version cannot be derived: %w", err)
}

func (r *Repo) buildTag(ctx context.Context, head string, build ci.Build, own version.Tags) (string, error) {
	if build.Commit == head {
		if build.Tag == "" {
			return "", nil
		}
		// A tag that was moved after the build began would give a version to a commit that does not carry it.
		if at, err := r.Resolve(ctx, "refs/tags/"+build.Tag); err == nil && at != head {
			return "", fmt.Errorf("tag %s names commit %.7s, but %.7s is checked out; build the tag again: %w", build.Tag, at, head, ErrTagMoved)
		}
		return build.Tag, nil
	}
	tags, err := r.TagsAt(ctx, "HEAD")
	return own.Highest(tags), err
}

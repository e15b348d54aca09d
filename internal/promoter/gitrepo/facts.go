package gitrepo

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Facts gathers what the version of the commit checked out in dir is derived from. The CI engine's tag counts only when
// its commit is the one that is checked out: the QA repository's build also reads a checkout of the source. Without it, a
// version tag at HEAD makes the build one of that tag; the highest wins when there are several.
func Facts(ctx context.Context, dir string, env func(string) string) (version.Facts, ci.Build, error) {
	build := ci.Detect(env)
	r, err := Open(ctx, dir, Options{})
	if err != nil {
		return version.Facts{}, build, err
	}
	var f version.Facts
	if f.Commit, err = r.Head(ctx); err != nil {
		return f, build, fmt.Errorf("this repository has no commit yet; create one first: %w", err)
	}
	if f.Dirty, err = r.IsDirty(ctx); err != nil {
		return f, build, err
	}
	if f.Shallow, err = r.IsShallow(ctx); err != nil {
		return f, build, err
	}
	if f.Tag, err = r.buildTag(ctx, f.Commit, build); err != nil {
		return f, build, err
	}
	reachable, err := r.TagsReachable(ctx, "HEAD")
	if err != nil {
		return f, build, err
	}
	f.BaseTag = version.Highest(reachable)
	base := ""
	if f.BaseTag != "" {
		base = "refs/tags/" + f.BaseTag
	}
	f.Distance, err = r.Count(ctx, base, "HEAD")
	return f, build, err
}

// ErrTagMoved: the tag that is built names another commit by now.
var ErrTagMoved = failure.New(failure.BadInput, "the tag was moved")

func (r *Repo) buildTag(ctx context.Context, head string, build ci.Build) (string, error) {
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
	return version.Highest(tags), err
}

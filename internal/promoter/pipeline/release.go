package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ReleaseOptions choose the next version.
type ReleaseOptions struct {
	// Bump is major, minor or patch; empty follows the commits' messages (conventional commits).
	Bump version.Bump
	// Version is the tag to use instead of a computed one.
	Version string
	// NoPush makes the tag here only.
	NoPush bool
	// Sign signs the tag with the key of git's configuration.
	Sign bool
}

// ReleaseResult is the tag of a release.
type ReleaseResult struct {
	Tag    string `json:"tag"`
	After  string `json:"after,omitempty"`
	Commit string `json:"commit"`
	Pushed bool   `json:"pushed"`
}

// Release computes the version that follows the last release, makes an annotated tag at HEAD and pushes it; CI does the rest.
func Release(ctx context.Context, s *Session, o ReleaseOptions) (*ReleaseResult, error) {
	facts, _, err := gitrepo.Facts(ctx, s.Dir, func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	switch {
	case facts.Dirty:
		return nil, version.ErrDirty
	case facts.Shallow:
		return nil, version.ErrShallow
	case facts.Tag != "":
		return nil, fmt.Errorf("%w: this commit is %s already; if the tag was never pushed, push it (git push origin %s)", ErrInput, facts.Tag, facts.Tag)
	}
	r, err := gitrepo.Open(ctx, s.Dir, s.gitOptions())
	if err != nil {
		return nil, err
	}
	if o.Version == "" {
		if err := notBehind(ctx, r, facts.BaseTag, s.DryRun || o.NoPush); err != nil {
			return nil, err
		}
	}
	res := &ReleaseResult{After: facts.BaseTag, Commit: facts.Commit, Tag: o.Version}
	rng := "HEAD"
	if facts.BaseTag != "" {
		rng = "refs/tags/" + facts.BaseTag + "..HEAD"
	}
	log, err := r.Log(ctx, rng, 0)
	if err != nil {
		return nil, err
	}
	if res.Tag == "" {
		if res.Tag, err = next(facts.BaseTag, o.Bump, log); err != nil {
			return nil, err
		}
	}
	if !version.IsVersionTag(res.Tag) || (facts.BaseTag != "" && version.Compare(res.Tag, facts.BaseTag) <= 0) {
		return nil, fmt.Errorf("%w: %q is not a version that follows %s", ErrInput, res.Tag, facts.BaseTag)
	}
	if s.DryRun {
		return res, nil
	}
	tag := r.Tag
	if o.Sign {
		tag = r.SignedTag
	}
	if err := tag(ctx, res.Tag, notes(res.Tag, log), gitrepo.Author{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	if o.NoPush {
		return res, nil
	}
	if err := r.PushTag(ctx, res.Tag); err != nil {
		if errors.Is(err, gitrepo.ErrRejected) {
			err = fmt.Errorf("somebody else pushed %s; fetch the tags and run this again: %w", res.Tag, err)
		}
		// Left here, it would make the next run say that the commit is released. The context may be over.
		return nil, errors.Join(err, r.DeleteTag(context.WithoutCancel(ctx), res.Tag))
	}
	res.Pushed = true
	return res, nil
}

// notBehind refuses a version computed from tags that are not all there are: it would be one that is released already, or
// one below it. When nothing is pushed, a remote that cannot be asked is no hindrance.
func notBehind(ctx context.Context, r *gitrepo.Repo, last string, mayBeAway bool) error {
	there, err := r.RemoteTags(ctx)
	if err != nil && !mayBeAway {
		return err
	}
	here, err := r.Tags(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(there, func(tag string) bool { return slices.Contains(here, tag) })
	if highest := version.Highest(missing); highest != "" && (last == "" || version.Compare(highest, last) > 0) {
		return fmt.Errorf("%w: the remote has %s, which is not here; fetch it (git fetch --tags origin), or say which version this is with --version", ErrInput, highest)
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

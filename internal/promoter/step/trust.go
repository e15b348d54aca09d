package step

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

var (
	// ErrUndecided is the error of a build of which nothing shows whether its commit was accepted.
	ErrUndecided = failure.New(failure.BadInput, "it is not known whether this build may push")
	// ErrOtherCommit is the error of a build whose work tree is at another commit than the one that the CI engine builds.
	ErrOtherCommit = failure.New(failure.BadInput, "another commit is checked out than the one that the CI engine builds")
)

// untrusted is the skip of a step that needs credentials, nil where they exist.
func (p *Project) untrusted(why string) *Skip {
	if who := p.build().Withheld(); who != "" {
		return &Skip{Untrusted, who + " " + why}
	}
	return nil
}

// authorize returns nil if this build may push or sign what was built from one of these commits; without commits, any. The error is a
// *Skip for builds that never do, ErrUndecided or ErrOtherCommit. A dry run pushes nothing and is not checked for the latter two.
func (p *Project) authorize(ctx context.Context, why string, commits ...string) error {
	if skip := p.untrusted(why); skip != nil {
		return skip
	}
	b := p.build()
	switch {
	case p.DryRun || b.Permission == ci.Granted:
		return nil
	case b.Undecided():
		return fmt.Errorf("%w: it runs in %s, which does not report all pull requests in a form that is known here; set %s=true in the jobs that build accepted commits only, and to false in the others", ErrUndecided, engineName(b), ci.Push)
	case b.Commit == "" || len(commits) == 0 || slices.Contains(commits, p.peeled(ctx, b.Commit)):
		return nil
	}
	return fmt.Errorf("%w: %.7s instead of %.7s, which may be that of a pull request; check out the commit of the build, or set %s=true if this job builds accepted commits only", ErrOtherCommit, commits[0], b.Commit, ci.Push)
}

func engineName(b ci.Build) string {
	if b.Engine == "unknown" {
		return "an unknown CI engine"
	}
	return b.Engine
}

// peeled is the commit of an engine's hash, which may be that of an annotated tag.
func (p *Project) peeled(ctx context.Context, hash string) string {
	if r, err := p.source(ctx); err == nil {
		if commit, err := r.Resolve(ctx, hash); err == nil {
			return commit
		}
	}
	return hash
}

// headOf is the commit that is checked out in a directory, in a list; empty for a directory without one.
func (p *Project) headOf(ctx context.Context, dir string) []string {
	if dir == "" {
		return nil
	}
	r, err := gitrepo.Open(ctx, dir, p.Git())
	if err != nil {
		return nil
	}
	if head, err := r.Head(ctx); err == nil {
		return []string{head}
	}
	return nil
}

// mayNotSign is why nothing is signed, nil if it is and there is a key: a pull request may change what is tested and by what, so that its
// tests run only. The key is read again after the tests, and is not in memory while they run.
func (p *Project) mayNotSign(ctx context.Context, stage *config.Stage, o VerifyOptions) (unsigned *Skip, err error) {
	var heads []string
	if stage.Candidate != nil { // a later stage tests what the first one attests, in any job
		heads = append(p.headOf(ctx, p.Dir), p.headOf(ctx, o.Candidate)...)
	}
	if err := p.authorize(ctx, "do not sign", heads...); err != nil && !errors.As(err, &unsigned) {
		return nil, err
	}
	if _, err := p.Keys().Read(stage.Key); err != nil && !p.DryRun && unsigned == nil {
		return nil, fmt.Errorf("the attestation of stage %s requires a key: %w", stage.Name, err)
	}
	return unsigned, nil
}

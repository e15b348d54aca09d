package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// BumpResult is the place of a candidate.
type BumpResult struct {
	Version version.Version `json:"version"`
	Image   string          `json:"image,omitempty"`
	// Repository, Branch and Commit name the candidate; Changed is false when it existed already.
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	Commit     string `json:"commit"`
	Changed    bool   `json:"changed"`
	// PullRequest is the pull request of the candidate, nil if it has none: candidates are pushed, or it is merged already.
	PullRequest *PullRequestResult `json:"pullRequest,omitempty"`
	// Diff is set by a dry run: what would be committed.
	Diff string `json:"diff,omitempty"`
}

// Bump brings the candidates' repository to the version of the source commit: the chart's files as they are in that commit, and the
// configured fields.
func Bump(ctx context.Context, p *Project) (*BumpResult, error) {
	return BumpWith(ctx, p, BumpOptions{})
}

// BumpOptions change what Bump does.
type BumpOptions struct {
	// AllowOlder replaces the candidate of a newer commit.
	AllowOlder bool
}

// BumpWith is Bump with options. A development build of an older commit than that of a candidate which exists is a *Skip.
func BumpWith(ctx context.Context, p *Project, o BumpOptions) (*BumpResult, error) {
	stage, err := p.tester()
	if err != nil {
		return nil, err
	}
	p = p.pushingTo(stage.Candidate.Git)
	v, err := Version(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := p.authorize(ctx, "create no candidate", p.headOf(ctx, p.Dir)...); err != nil {
		return nil, err
	}
	u := candidate.Update{Version: v.Version, Tag: v.Tag, Run: v.CI.Run, AllowOlder: o.AllowOlder, DryRun: p.DryRun}
	res := &BumpResult{Version: v.Version, Repository: repositoryAddress(stage.Candidate.Git), Branch: stage.Candidate.Branch}
	img, err := p.imageOf(ctx, v.program)
	if err != nil {
		return nil, err
	}
	if img != nil {
		res.Image = img.Ref()
		if u.Files, err = p.filesOf(ctx, img); err != nil {
			return nil, err
		}
		u.Images = img.candidates()
	}
	if u.Changes, err = p.changes(ctx, v.Commit); err != nil {
		return nil, err
	}
	if p.Config.Chart.Path != "" {
		closeTree, err := p.exportChart(ctx, v.Commit, &u)
		if err != nil {
			return nil, err
		}
		defer closeTree()
	}
	updated, err := p.candidates().Update(ctx, u)
	if newer := (*candidate.Superseded)(nil); errors.As(err, &newer) {
		return nil, &Skip{Outdated, newer.Error() + "; to replace it nevertheless, run `chart-promoter bump --allow-older`"}
	}
	res.Commit, res.Changed, res.Diff = updated.Commit, updated.Changed, updated.Diff
	if err == nil && updated.Proposal != nil {
		res.Branch = updated.Proposal.Base
		res.PullRequest, err = p.openPullRequest(ctx, stage.Candidate.PullRequest, stage.Candidate.Git, updated.Proposal)
	}
	return res, err
}

// tester is the stage that holds the candidates and tests them first.
func (p *Project) tester() (*config.Stage, error) {
	if t := p.Config.Tester(); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: no stage has candidate; add one with candidate and verify", config.ErrInvalid)
}

// testerOf is the stage of a name that tests, the first one for an empty name.
func (p *Project) testerOf(name string) (*config.Stage, error) {
	first, err := p.tester()
	if err != nil || name == "" {
		return first, err
	}
	if s := p.Config.Stage(name); s != nil && s.Verify != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: there is no testing stage %q; choose one of the configuration that has verify", failure.ErrInput, name)
}

type bumpStep struct {
	config *config.Config
	stage  *config.Stage
}

func (bumpStep) Name() string    { return "bump" }
func (s bumpStep) Stage() string { return s.stage.Name }
func (s bumpStep) Does() string {
	return "update " + repositoryAddress(s.stage.Candidate.Git) + " to this version"
}
func (bumpStep) Command() []string { return []string{"bump"} }

func (s bumpStep) Inputs(v *VersionResult) map[string]string {
	c := s.stage.Candidate
	return withoutEmpty(map[string]string{"chart": s.config.Chart.Path, "version": v.Chart, "appVersion": v.App, "repository": repositoryAddress(c.Git), "branch": c.Branch})
}

func (bumpStep) Skip(s *State) *Skip {
	if s.Build != nil && s.Build.withheld != nil {
		return s.Build.withheld
	}
	return s.untrusted("do not push")
}

func (bumpStep) Run(ctx context.Context, s *State) (string, error) {
	var err error
	if s.Bump, err = Bump(ctx, s.Project); err != nil {
		return "", err
	}
	if pr := s.Bump.PullRequest; pr != nil {
		return fmt.Sprintf("candidate %s waits in %s", s.Bump.Version.Chart, pr), nil
	}
	if !s.Bump.Changed {
		return fmt.Sprintf("the candidates' repository already has version %s, commit %.12s", s.Bump.Version.Chart, s.Bump.Commit), nil
	}
	return fmt.Sprintf("candidate %s, commit %.12s", s.Bump.Version.Chart, s.Bump.Commit), nil
}

func (s bumpStep) Requirements() []Requirement {
	return []Requirement{repository("candidates' repository", "bump, verify", s.stage.Candidate.Git, s.stage.Candidate.Branch)}
}

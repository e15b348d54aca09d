package step

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/stages"
)

// YankResult is a version that was withdrawn.
type YankResult struct {
	stages.Yanked
	// PullRequest is the pull request of the removal, nil if it has none: it is pushed, or merged already.
	PullRequest *PullRequestResult `json:"pullRequest,omitempty"`
}

// Yank removes a version from the index of a stage, of the first that publishes for an empty name. Error: publish.ErrNone.
func Yank(ctx context.Context, p *Project, stageName, chart, version string) (*YankResult, error) {
	stage, err := p.Stages().Publisher(stageName)
	if err != nil {
		return nil, err
	}
	p = p.pushingTo(stage.Publish.Git)
	yanked, err := p.Stages().Yank(ctx, stage.Name, chart, version)
	if yanked == nil {
		return nil, err
	}
	res := &YankResult{Yanked: *yanked}
	if done := yanked.Result; err == nil && done.Proposal != nil {
		res.PullRequest, err = p.openPullRequest(ctx, stage.Publish.PullRequest, stage.Publish.Git, done.Proposal)
	}
	return res, err
}

package publish

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// propose is change with the commit on a branch of its own.
func (g *gitTarget) propose(ctx context.Context, sparse []string, message string, mutate func(string) (string, bool, error), result *Result) (Result, error) {
	p, err := gitrepo.Propose(ctx, g.url, g.branch, g.head(message), mutate, gitrepo.UpdateOptions{Options: g.opts.git, Author: g.opts.author, Sparse: sparse})
	if err != nil {
		return Result{}, err
	}
	result.Commit, result.Changed = p.Commit, p.Pushed
	result.Proposal = &p
	return *result, nil
}

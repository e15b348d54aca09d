package publish

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Proposal is a change on a branch of its own, for a pull request.
type Proposal struct {
	gitrepo.Proposal
	// Head is the name of the branch, Message that of its commit.
	Head, Message string
}

// propose is change with the commit on a branch of its own.
func (g *gitTarget) propose(ctx context.Context, sparse []string, message string, mutate func(string) (string, bool, error), result *Result) (Result, error) {
	head := g.head(message)
	p, err := gitrepo.Propose(ctx, g.url, g.branch, head, mutate, gitrepo.UpdateOptions{Options: g.opts.git, Author: g.opts.author, Sparse: sparse})
	if err != nil {
		return Result{}, err
	}
	result.Commit, result.Changed = p.Commit, p.Pushed
	result.Proposal = &Proposal{p, head, message}
	return *result, nil
}

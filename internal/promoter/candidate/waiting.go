package candidate

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

var notInBranch = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// proposedBranch is the branch of the pull request of this chart's candidates. There is one, of the last candidate.
func (r Repository) proposedBranch() string {
	c := r.settings()
	name := path.Clean(filepath.ToSlash(c.Path))
	if name == "." {
		name = r.Config.Name
	}
	return c.PullRequest.BranchPrefix() + "candidate-" + notInBranch.ReplaceAllString(name, "-")
}

// Waiting reports whether the candidate of a source commit is on the branch of a pull request that is not merged yet.
func (r Repository) Waiting(ctx context.Context, source string) (bool, error) {
	c := r.settings()
	if c.PullRequest == nil || source == "" {
		return false, nil
	}
	tmp, err := os.MkdirTemp("", "chart-promoter-waiting-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp)
	from := func(name, branch string) (string, error) {
		repo, err := gitrepo.Clone(ctx, c.Git, filepath.Join(tmp, name), gitrepo.CloneOptions{Branch: branch, Depth: orderDepth, Sparse: []string{"/" + literal.Replace(r.trailersPath())}, Options: r.Git})
		if err != nil {
			return "", err
		}
		return r.lastSource(ctx, repo)
	}
	proposed, err := from("head", r.proposedBranch())
	if errors.Is(err, gitrepo.ErrNoBranch) || err == nil && proposed != source {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	merged, err := from("base", c.Branch)
	return merged != source, err
}

package step

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/forge"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// PullRequestResult is a change that waits to be merged.
type PullRequestResult struct {
	// Branch has the change, Base is the branch that it is for.
	Branch string `json:"branch"`
	Base   string `json:"base"`
	// URL is the open pull request. Without one, Link is the page on which a user opens it; empty if the server has none that is known.
	URL  string `json:"url,omitempty"`
	Link string `json:"link,omitempty"`
}

func (r *PullRequestResult) String() string {
	switch {
	case r.URL != "":
		return "pull request " + r.URL
	case r.Link != "":
		return "branch " + r.Branch + "; open a pull request for it: " + r.Link
	}
	return "branch " + r.Branch + "; open a pull request for it to " + r.Base
}

// openPullRequest opens the pull request of a proposal in the repository at an address, or updates its text. The result is nil when the
// base has the change already. Where no API is known or no token is given for its host, the pull request is left to a user.
func (p *Project) openPullRequest(ctx context.Context, c *config.PullRequest, git string, change *gitrepo.Proposal) (*PullRequestResult, error) {
	if !change.Waiting {
		return nil, nil
	}
	res := &PullRequestResult{Branch: change.Head, Base: change.Base, Link: change.Link}
	if p.DryRun {
		return res, nil
	}
	repository := p.forgeOf(c, git)
	title, body, _ := strings.Cut(strings.TrimSpace(change.Message), "\n")
	q := forge.Request{Base: change.Base, Head: change.Head, Title: title, Body: strings.TrimSpace(body)}
	if repository.Path != "" && res.Link == "" {
		res.Link = repository.Link(q)
	}
	if repository.Kind == forge.None || repository.Path == "" || repository.Token == "" {
		p.line("pushed %s", res)
		return res, nil
	}
	opened, err := repository.Open(ctx, q)
	if err != nil {
		return res, fmt.Errorf("branch %s is pushed, but its pull request is not open; run this again: %w", change.Head, err)
	}
	res.URL, res.Link = opened.URL, ""
	p.line("%s %s", map[bool]string{true: "opened", false: "updated"}[opened.Created], res)
	return res, nil
}

// forgeOf is the repository of an address at its forge; without a path for a repository of this machine.
func (p *Project) forgeOf(c *config.PullRequest, git string) forge.Repository {
	scheme, _, rest := gitrepo.SplitUser(git)
	at, ok := gitrepo.ParseRemote(scheme + rest)
	if !strings.Contains(git, "://") {
		at, ok = gitrepo.ParseRemote(git)
	}
	if !ok {
		return forge.Repository{Kind: forge.None}
	}
	host := gitrepo.Host(scheme + rest)
	if host == "" { // ssh, whose port is not that of the API
		host = at.Host
	}
	r := forge.Repository{Kind: c.Forge, API: strings.TrimSuffix(c.API, "/"), Host: host, Path: at.Path}
	if r.Kind == "" {
		r.Kind = forge.KindOf(host)
	}
	if r.API == "" {
		r.API = forge.DefaultAPI(r.Kind, host)
	}
	r.Token = p.pushingTo("https://" + host).gitAccess().For(host).Password
	if r.Token == "" {
		r.Token = passwordIn(git)
	}
	return r
}

// passwordIn is the password or token in an HTTP(S) address.
func passwordIn(git string) string {
	scheme, user, _ := gitrepo.SplitUser(git)
	if !strings.HasPrefix(scheme, "http") {
		return ""
	}
	if _, password, ok := strings.Cut(user, ":"); ok {
		user = password
	}
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// waiting is the skip of a command whose candidate is still in a pull request, nil if it is not.
func (p *Project) waiting(ctx context.Context) error {
	if p.Config.Tester().Candidate.PullRequest == nil {
		return nil
	}
	commits := p.headOf(ctx, p.Dir)
	// The candidate of one of several charts is of the last commit that changed it.
	if v, err := Version(ctx, p); err == nil && !slices.Contains(commits, v.Commit) {
		commits = append(commits, v.Commit)
	}
	for _, head := range commits {
		waits, err := p.candidates().Waiting(ctx, head)
		if err != nil {
			return err
		}
		if waits {
			return &Skip{Waiting, fmt.Sprintf("the candidate of commit %.7s waits in a pull request; run this again when it is merged", head)}
		}
	}
	return nil
}

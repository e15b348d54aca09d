package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// Git are the options of git commands.
func (p *Project) Git() gitrepo.Options {
	return gitrepo.Options{Credentials: p.gitAccess().For, Log: report.Lines(p.Report)}
}

// GitOfSource are the options for a push to the source repository's origin.
func (p *Project) GitOfSource(ctx context.Context) gitrepo.Options {
	if r, err := gitrepo.Open(ctx, p.Dir, p.Git()); err == nil {
		return p.pushingTo(r.Origin(ctx)).Git()
	}
	return p.Git()
}

// gitAccess finds the credentials of the hosts of the stages' repositories.
func (p *Project) gitAccess() ci.GitAccess {
	a := ci.GitAccess{Env: p.Env, Own: p.pushHost}
	for _, s := range p.Config.Stages {
		if s.Candidate != nil {
			a.Hosts = append(a.Hosts, gitrepo.Host(s.Candidate.Git))
		}
		if s.Publish != nil {
			a.Hosts = append(a.Hosts, gitrepo.Host(s.Publish.Git))
		}
	}
	return a
}

// pushingTo is the project of a command that pushes to a repository: credentials that name no host are for the host of this one.
func (p *Project) pushingTo(url string) *Project {
	own := *p
	own.pushHost = gitrepo.Host(url)
	return &own
}

func ambiguousToken(hosts []string) error {
	var names []string
	for _, h := range hosts {
		names = append(names, ci.HostVariable(ci.GitToken, h))
	}
	return fmt.Errorf("%w: the stages have repositories on several hosts (%s), and %s is for one of them; set %s", failure.ErrInput, strings.Join(hosts, ", "), ci.GitToken, strings.Join(names, " and "))
}

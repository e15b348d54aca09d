package step

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/change"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// reading is what a command has read of the source repository.
type reading struct {
	git    gitrepo.Answers
	charts *change.Charts
}

// Reading is the project of a command that changes nothing in the source repository: what it reads there for one chart, it does not
// read again for the next.
func (p *Project) Reading() *Project {
	own := *p
	own.read = &reading{}
	return &own
}

// gitToRead are the options to read the source repository with.
func (p *Project) gitToRead() gitrepo.Options {
	o := p.Git()
	if p.read != nil {
		o.Answers = &p.read.git
	}
	return o
}

// source opens the source repository to read it.
func (p *Project) source(ctx context.Context) (*gitrepo.Repo, error) {
	return gitrepo.Open(ctx, p.Dir, p.gitToRead())
}

// charts are the charts of the whole configuration in the commit that is checked out.
func (p *Project) charts(ctx context.Context) (*change.Charts, error) {
	if p.read != nil && p.read.charts != nil {
		return p.read.charts, nil
	}
	charts, err := change.Open(ctx, p.Dir, p.gitToRead(), p.Config)
	if err == nil && p.read != nil {
		p.read.charts = charts
	}
	return charts, err
}

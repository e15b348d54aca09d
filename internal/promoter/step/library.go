package step

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// try tests a candidate: in a cluster or, for a library chart, which Helm does not install, by lint and packaging alone.
func (p *Project) try(ctx context.Context, stage *config.Stage, c *candidate.Candidate, o VerifyOptions, res *VerifyResult) (*testrun.Report, error) {
	if !c.Package.IsLibrary() {
		return p.tryOut(ctx, stage, c, o, res)
	}
	p.line("%s is a library chart, which is not installed", c.Package.Name)
	if stage.Verify.Test == nil {
		return testrun.Linted(), nil
	}
	source := p.prepare(ctx, stage.Verify.Test, c)
	dir, err := source.wait()
	if err = source.end(err); err != nil {
		return nil, err
	}
	return p.tests().Command(ctx, stage.Verify.Test.Command, dir, testEnv(c))
}

package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// Options change a whole run.
type Options struct {
	Build  BuildOptions
	Verify VerifyOptions
}

// RunResult is the result of a whole run.
type RunResult struct {
	Version *VersionResult `json:"version,omitempty"`
	Build   *BuildResult   `json:"build,omitempty"`
	Bump    *BumpResult    `json:"bump,omitempty"`
	Verify  *VerifyResult  `json:"verify,omitempty"`
	// VerifiedLater are the tests of the stages after the first one that tests.
	VerifiedLater []*VerifyResult  `json:"verifiedLater,omitempty"`
	Promoted      []*PromoteResult `json:"promoted"`
	// Skipped are the steps that had nothing to do, and why.
	Skipped []string `json:"skipped,omitempty"`
}

// Run takes the commit through all steps, as CI does in several jobs. The requirements of all steps are checked first: a run without
// a key that it needs fails before it has built anything.
func Run(ctx context.Context, p *Project, o Options) (*RunResult, error) {
	s := &State{Project: p, Options: o, RunResult: RunResult{Promoted: []*PromoteResult{}}}
	if err := Preflight(ctx, s); err != nil {
		return nil, err
	}
	for _, step := range Steps(p.Config) {
		done := report.Begin(p.Report, step.Stage()+" "+step.Name(), step.Does())
		result, skip, err := runStep(ctx, step, s)
		if skip != nil {
			s.Skipped = append(s.Skipped, step.Stage()+" "+step.Name()+": "+skip.Why)
			done("skipped: "+skip.Why, nil)
			continue
		}
		done(result, err)
		if err != nil {
			return &s.RunResult, fmt.Errorf("stage %s, %s: %w", step.Stage(), step.Name(), err)
		}
	}
	return &s.RunResult, nil
}

func runStep(ctx context.Context, step Step, s *State) (result string, skip *Skip, err error) {
	if skip = step.Skip(s); skip != nil {
		return "", skip, nil
	}
	result, err = step.Run(ctx, s)
	if errors.As(err, &skip) {
		return "", skip, nil
	}
	return result, nil, err
}

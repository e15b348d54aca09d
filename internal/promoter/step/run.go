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
//
// The cluster of the first stage that tests is created beside the build, after the unit tests if there are any, or from then on.
func Run(ctx context.Context, p *Project, o Options) (_ *RunResult, err error) {
	own := *p
	s := &State{Project: &own, Options: o, RunResult: RunResult{Promoted: []*PromoteResult{}}}
	own.mayBegin = func() { s.begin(ctx) }
	if err := Preflight(ctx, s); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.early.End(ctx)) }()
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

// begin begins to create the cluster of the first stage that tests, once, if as far as is known that stage will create one.
func (s *State) begin(ctx context.Context) {
	t := s.Config.Tester()
	o := s.Options.Verify
	if s.early != nil || t == nil || t.Verify == nil || t.Verify.Cluster.IsExisting() || o.Kubeconfig != "" || s.DryRun || s.untrusted("") != nil {
		return
	}
	if t.Candidate.PullRequest != nil && o.Candidate == "" { // it waits for a person
		return
	}
	s.line("the cluster of stage %s is created meanwhile", t.Name)
	s.early = s.Environments(t).Begin(ctx, o.Options)
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

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Step is one thing that happens to a commit.
type Step struct {
	// Name is that of the command which does it alone.
	Name string
	// Stage it belongs to.
	Stage string
	// Does says what happens, in one line.
	Does string
	// Command is how CI calls it.
	Command []string
	run     func(ctx context.Context, s *Session, st *state) (result string, err error)
}

// state is what a run knows so far.
type state struct {
	opts RunOptions
	RunResult
}

// Steps is the whole way, in order.
func Steps(c *config.Config) []Step {
	first := c.Stages[0].Name
	steps := []Step{{"version", first, "derive the versions of this commit", []string{"version"}, stepVersion}}
	if b := c.Builder(); b != nil {
		steps = append(steps, Step{"build", b.Name, "test, build and push " + b.Build.Image.Repository, []string{"build"}, stepBuild})
	}
	if t := c.Tester(); t != nil {
		steps = append(steps,
			Step{"bump", t.Name, "bring " + address(t.Candidate.Git) + " to this version", []string{"bump"}, stepBump},
			Step{"verify", t.Name, "install the packaged chart in a cluster and run " + testsOf(t.Verify), []string{"verify"}, stepVerify})
	}
	for _, p := range c.Publishers() {
		steps = append(steps, Step{
			"promote", p.Name, "publish the tested package in " + where(p.Publish), []string{"promote", "--stage", p.Name, "--skip-unreleased"},
			func(ctx context.Context, s *Session, st *state) (string, error) {
				return stepPromote(ctx, s, st, p.Name)
			},
		})
	}
	return steps
}

func testsOf(v *config.Verify) string {
	if v.Test == nil {
		return "the chart's own tests"
	}
	return strings.Join(v.Test.Command, " ")
}

func where(p *config.Publish) string { return address(p.Git + p.Directory + p.OCI) }

// address is a repository's address without a user or a password in it.
func address(raw string) string {
	scheme, _, rest := gitrepo.SplitUser(raw)
	return scheme + rest
}

// RunOptions change a whole run.
type RunOptions struct {
	Build  BuildOptions
	Verify VerifyOptions
}

// RunResult is what a whole run came to.
type RunResult struct {
	Version  *VersionResult   `json:"version,omitempty"`
	Build    *BuildResult     `json:"build,omitempty"`
	Bump     *BumpResult      `json:"bump,omitempty"`
	Verify   *VerifyResult    `json:"verify,omitempty"`
	Promoted []*PromoteResult `json:"promoted"`
	// Skipped says which steps had nothing to do, and why.
	Skipped []string `json:"skipped,omitempty"`
}

// Run takes the commit all the way, as CI would in several jobs. What a later step will need is checked first: a run
// that must fail for want of a key fails before it has built anything.
func Run(ctx context.Context, s *Session, o RunOptions) (*RunResult, error) {
	st := &state{opts: o}
	st.Promoted = []*PromoteResult{}
	if err := Preflight(ctx, s, o); err != nil {
		return nil, err
	}
	for _, step := range Steps(s.Config) {
		done := s.begin(step)
		result, err := step.run(ctx, s, st)
		var skip *Skip
		if errors.As(err, &skip) {
			st.Skipped = append(st.Skipped, step.Stage+" "+step.Name+": "+skip.Why)
			done("not done: "+skip.Why, nil)
			continue
		}
		done(result, err)
		if err != nil {
			return &st.RunResult, fmt.Errorf("stage %s, %s: %w", step.Stage, step.Name, err)
		}
	}
	return &st.RunResult, nil
}

func (s *Session) begin(step Step) func(string, error) {
	if s.Report == nil {
		return func(string, error) {}
	}
	return s.Report.Step(step.Stage+" "+step.Name, step.Does)
}

func stepVersion(ctx context.Context, s *Session, st *state) (string, error) {
	var err error
	if st.Version, err = Version(ctx, s); err != nil {
		return "", err
	}
	v := st.Version
	return fmt.Sprintf("chart %s, image tag %s, commit %.12s, %s", v.Chart, v.ImageTag, v.Commit, kindOfVersion(v)), nil
}

func kindOfVersion(v *VersionResult) string {
	switch {
	case v.Release:
		return "a release"
	case v.Prerelease:
		return "a prerelease"
	}
	return "a development build"
}

func stepBuild(ctx context.Context, s *Session, st *state) (string, error) {
	var err error
	if st.Build, err = Build(ctx, s, st.opts.Build); err != nil {
		return "", err
	}
	if st.Build.Withheld != "" {
		return "built " + st.Build.Digest + ", not pushed: " + st.Build.Withheld, nil
	}
	return st.Build.Ref(), nil
}

func stepBump(ctx context.Context, s *Session, st *state) (string, error) {
	if st.Build != nil && st.Build.Withheld != "" {
		return "", &Skip{st.Build.Withheld}
	}
	var err error
	if st.Bump, err = Bump(ctx, s); err != nil {
		return "", err
	}
	if !st.Bump.Changed {
		return fmt.Sprintf("it is at %s already, commit %.12s", st.Bump.Version.Chart, st.Bump.Commit), nil
	}
	return fmt.Sprintf("candidate %s, commit %.12s", st.Bump.Version.Chart, st.Bump.Commit), nil
}

func stepVerify(ctx context.Context, s *Session, st *state) (string, error) {
	if st.Bump == nil {
		return "", &Skip{"there is no candidate"}
	}
	o := st.opts.Verify
	if o.Candidate == "" {
		if s.DryRun && st.Bump.Changed { // its commit went with the clone that a dry run makes
			return "", &Skip{"a dry run has pushed no candidate that could be packaged"}
		}
		o.Commit = st.Bump.Commit
	}
	var err error
	if st.Verify, err = Verify(ctx, s, o); err != nil {
		return "", err
	}
	t := st.Verify.Tests
	return fmt.Sprintf("%d of %d tests passed with package sha256 %.12s…", t.Passed, t.Run, st.Verify.PackageDigest), nil
}

func stepPromote(ctx context.Context, s *Session, st *state, stage string) (string, error) {
	if st.Verify == nil {
		return "", &Skip{"there is no tested package"}
	}
	if s.DryRun && st.Verify.Record == "" {
		return "", &Skip{"a dry run has tested no package"}
	}
	res, err := Promote(ctx, s, PromoteOptions{Stage: stage, SkipUnreleased: true})
	if err != nil {
		return "", err
	}
	st.Promoted = append(st.Promoted, res)
	if !res.Changed {
		return fmt.Sprintf("%s has %s already, with this digest", stage, res.Version), nil
	}
	return fmt.Sprintf("published %s %s, sha256 %.12s…", res.Chart, res.Version, res.PackageDigest), nil
}

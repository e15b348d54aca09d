package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// PromoteOptions choose what is promoted, and where to.
type PromoteOptions struct {
	// Stage to promote to; empty is the first that publishes.
	Stage string
	// Package is a file; empty takes what verify left in the work directory, with its attestation and its approvals. Attestations are
	// further files with attestations and approvals.
	Package      string
	Attestations []string
	// SkipUnreleased makes a development build or a prerelease that the stage does not accept a Skip in place of a rejection.
	SkipUnreleased bool
	// SkipYoung makes a package a Skip that the stage accepts but for its age.
	SkipYoung bool
}

// PromoteResult is the result of a promotion.
type PromoteResult struct {
	Stage         string `json:"stage"`
	Chart         string `json:"chart"`
	Version       string `json:"version"`
	PackageDigest string `json:"packageDigest"`
	// Changed is false when the stage had this package already.
	Changed  bool   `json:"changed"`
	Location string `json:"location,omitempty"`
	Commit   string `json:"commit,omitempty"`
	// PullRequest is the pull request of the package, nil if it has none: packages are pushed, or it is merged already.
	PullRequest *PullRequestResult `json:"pullRequest,omitempty"`
}

// Promote publishes the tested package in a stage if its guards accept it. It never packages anything itself.
func Promote(ctx context.Context, p *Project, o PromoteOptions) (*PromoteResult, error) {
	stage, err := p.Stages().Publisher(o.Stage)
	if err != nil {
		return nil, err
	}
	p = p.pushingTo(stage.Publish.Git)
	stages := p.Stages()
	if err := p.authorize(ctx, "do not publish"); err != nil {
		return nil, err
	}
	pkg, err := p.readTested(o)
	if err != nil {
		return nil, err
	}
	if err := p.checkName(ctx, pkg.Name); err != nil {
		return nil, err
	}
	target, err := stages.Target(stage)
	if err != nil {
		return nil, err
	}
	attestations, err := p.accept(ctx, stage, target, pkg, o)
	if err != nil {
		return nil, err
	}
	files, err := p.releaseFiles(ctx, stage, pkg.Package, attestations)
	if err != nil {
		return nil, err
	}
	provenance, err := p.provenance(stage, pkg.Package)
	if err != nil {
		return nil, err
	}
	sign, err := p.signManifest(stage, pkg)
	if err != nil {
		return nil, err
	}
	res := &PromoteResult{Stage: stage.Name, Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest}
	done, err := target.Publish(ctx, publish.Item{
		Package: pkg.Package, Provenance: provenance, Attestations: pkg.Envelopes, Files: files, Sign: sign, Created: p.Now().UTC(), DryRun: p.DryRun,
		Message: fmt.Sprintf("Publish %s %s\n\nPackage-Digest: sha256:%s\n", pkg.Name, pkg.Version, pkg.Digest),
	})
	res.Changed, res.Location, res.Commit = done.Changed, done.Location, done.Commit
	if err != nil {
		return res, err
	}
	stages.ReportResult(done)
	if p.DryRun {
		return res, nil
	}
	if done.Proposal != nil {
		res.PullRequest, err = p.openPullRequest(ctx, stage.Publish.PullRequest, stage.Publish.Git, done.Proposal)
		return res, err
	}
	return res, stages.WriteStatusPage(ctx, stage, target)
}

// checkName rejects the package of another one of several charts, which the guards of this one do not know. Error: failure.ErrInput.
func (p *Project) checkName(ctx context.Context, name string) error {
	if p.Config.Chart.Name == "" || p.Config.Chart.Path == "" {
		return nil
	}
	m, err := p.metadataAt(ctx, "HEAD")
	if err != nil || m.Name == name { // a checkout of another commit may not have the chart
		return nil
	}
	return fmt.Errorf("%w: the package is of chart %s, but --chart %s is %s; select the chart of the package", failure.ErrInput, name, p.Config.Chart.Name, m.Name)
}

func (p *Project) readTested(o PromoteOptions) (*verified.Package, error) {
	if o.Package == "" {
		return verified.Read(p.Work, o.Attestations...)
	}
	return verified.ReadFile(o.Package, o.Attestations...)
}

// accept returns the attestations of a package, and an error unless the guards of a stage accept it. The stage may have some of them
// already.
func (p *Project) accept(ctx context.Context, stage *config.Stage, target publish.Target, pkg *verified.Package, o PromoteOptions) (policy.Attestations, error) {
	published, err := target.Attestations(ctx, pkg.Name, pkg.Version)
	if err != nil && !errors.Is(err, publish.ErrNone) {
		return policy.Attestations{}, err
	}
	attestations, err := p.Keys().Collect(stage, pkg.Package, append(slices.Clone(pkg.Envelopes), published...))
	if err != nil {
		return policy.Attestations{}, err
	}
	rejections := policy.Evaluate(stage, pkg.Package, attestations, p.Now())
	if len(rejections) == 0 {
		return attestations, nil
	}
	if o.SkipUnreleased && rejections[0].Unreleased {
		return attestations, &Skip{Unreleased, rejections[0].Why}
	}
	if o.SkipYoung && len(rejections) == 1 && rejections[0].Guard == policy.MinAge {
		return attestations, &Skip{TooYoung, rejections[0].Why}
	}
	return attestations, rejections
}

// provenance is the text of the package's .prov file, nil for a stage without a PGP key.
func (p *Project) provenance(stage *config.Stage, pkg *chart.Package) ([]byte, error) {
	pgp := stage.Publish.PGP
	if pgp == nil {
		return nil, nil
	}
	key, passphrase, err := p.Keys().PGP(pgp)
	if err != nil {
		return nil, fmt.Errorf("read the PGP key of stage %s: %w", stage.Name, err)
	}
	text, err := pkg.Provenance(key, passphrase)
	if err != nil {
		return nil, fmt.Errorf("read the PGP key of stage %s: %w", stage.Name, err)
	}
	return text, nil
}

type promoteStep struct {
	config *config.Config
	stage  *config.Stage
}

func (promoteStep) Name() string    { return "promote" }
func (s promoteStep) Stage() string { return s.stage.Name }
func (s promoteStep) Does() string  { return "publish the tested package in " + s.address() }

func (s promoteStep) Command() []string {
	command := []string{"promote", "--stage", s.stage.Name, "--skip-unreleased"}
	if s.stage.Guards.MinAge > 0 {
		command = append(command, "--skip-young")
	}
	return command
}

func (s promoteStep) address() string {
	p := s.stage.Publish
	address := repositoryAddress(p.Git + p.Directory + p.OCI)
	if p.Path != "" {
		address += ", folder " + p.Path
	}
	return address
}

func (s promoteStep) Inputs(*VersionResult) map[string]string {
	inputs := map[string]string{"to": s.address(), "versions": s.stage.Guards.Versions, "verifiedBy": strings.Join(s.stage.Guards.VerifiedBy, ", ")}
	if age := s.stage.Guards.MinAge; age > 0 {
		inputs["minAge"] = time.Duration(age).String()
	}
	return inputs
}

func (s promoteStep) Skip(st *State) *Skip {
	switch {
	case st.Planned:
		return s.skipPlanned(st)
	case st.Verify == nil:
		return &Skip{NotTested, "no package was tested"}
	case st.DryRun && st.Verify.Attestation == "":
		return &Skip{DryRun, "a dry run tests no package"}
	}
	return nil
}

// skipPlanned decides without a package, by the version alone.
func (s promoteStep) skipPlanned(st *State) *Skip {
	if skip := st.untrusted("do not push"); skip != nil {
		return skip
	}
	v, accepted := st.Version, s.stage.Guards.Versions
	if accepted == config.AnyVersion || v.Release || v.Prerelease && accepted == config.Prereleases {
		return nil
	}
	return &Skip{Unreleased, v.Chart + " is " + v.kind() + ", which " + s.stage.Name + " does not accept"}
}

func (s promoteStep) Run(ctx context.Context, st *State) (string, error) {
	res, err := Promote(ctx, st.Project, PromoteOptions{Stage: s.stage.Name, SkipUnreleased: true, SkipYoung: true})
	if err != nil {
		return "", err
	}
	st.Promoted = append(st.Promoted, res)
	if res.PullRequest != nil {
		return fmt.Sprintf("%s %s waits in %s", res.Chart, res.Version, res.PullRequest), nil
	}
	if !res.Changed {
		return fmt.Sprintf("%s already has %s with this digest", s.stage.Name, res.Version), nil
	}
	return fmt.Sprintf("published %s %s, sha256 %.12s…", res.Chart, res.Version, res.PackageDigest), nil
}

func (s promoteStep) Requirements() []Requirement {
	var list []Requirement
	for _, name := range s.stage.Guards.Verifiers() {
		by := s.config.Stage(name)
		list = append(list, Requirement{What: "public key of " + by.Name, For: "promote", Check: func(_ context.Context, p *Project) (string, error) {
			_, err := p.Keys().Public(by)
			return "", err
		}})
	}
	if pgp := s.stage.Publish.PGP; pgp != nil {
		list = append(list, Requirement{What: "PGP key of " + s.stage.Name, For: "promote", Check: func(_ context.Context, p *Project) (string, error) {
			_, _, err := p.Keys().PGP(pgp)
			return "", err
		}})
	}
	if s.stage.Publish.OCI != "" && s.stage.Verify == nil && s.stage.Key != (config.Key{}) {
		list = append(list, Requirement{What: "signing key of " + s.stage.Name, For: "promote", Check: func(_ context.Context, p *Project) (string, error) {
			_, err := p.Keys().Read(s.stage.Key)
			return "", err
		}})
	}
	if pub := s.stage.Publish; pub.Git != "" {
		branch := chartRepository
		if pub.PullRequest != nil {
			branch = repository // a pull request needs one to be merged into
		}
		list = append(list, branch("repository of "+s.stage.Name, "promote", pub.Git, pub.Branch))
	}
	return list
}

package step

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// VerifyOptions choose what is verified, and where.
type VerifyOptions struct {
	// Candidate is a checkout of the candidates' repository; empty clones it, at Commit when that is set.
	Candidate, Commit string
	testenv.Options
}

// VerifyResult is a candidate that was tested.
type VerifyResult struct {
	Chart      string `json:"chart"`
	Version    string `json:"version"`
	AppVersion string `json:"appVersion"`
	// PackageDigest is the SHA-256 of the package, hex.
	PackageDigest string       `json:"packageDigest"`
	SourceCommit  string       `json:"sourceCommit"`
	Image         string       `json:"image,omitempty"`
	ImageDigest   string       `json:"imageDigest,omitempty"`
	UpgradedFrom  string       `json:"upgradedFrom,omitempty"`
	Tests         attest.Tests `json:"tests"`
	// TestedBy is what the tests were.
	TestedBy string `json:"testedBy,omitempty"`
	// Package and Attestation are files that promote takes.
	Package     string `json:"package,omitempty"`
	Attestation string `json:"record,omitempty"`
	// Withheld is why there is no attestation.
	Withheld string `json:"withheld,omitempty"`
	Cluster  string `json:"cluster,omitempty"`
}

// Verify packages the candidate once, installs that very package into a cluster, runs the tests of the commit that its appVersion
// names, and signs an attestation of it.
func Verify(ctx context.Context, p *Project, o VerifyOptions) (*VerifyResult, error) {
	stage, err := p.tester()
	if err != nil {
		return nil, err
	}
	if !p.DryRun {
		if err := p.Work.Remove(verified.File); err != nil {
			return nil, err
		}
	}
	// A pull request may change what is tested and by what: its tests run, and nothing is signed.
	unsigned := p.untrusted("do not sign")
	key, err := p.Keys().Read(stage.Key)
	if err != nil && !p.DryRun && unsigned == nil {
		return nil, fmt.Errorf("the attestation of stage %s requires a key: %w", stage.Name, err)
	}
	c, err := p.candidates().Open(ctx, o.Candidate, o.Commit)
	if err != nil {
		return nil, err
	}
	pkg := c.Package
	res := &VerifyResult{
		Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, PackageDigest: pkg.Digest,
		SourceCommit: c.SourceCommit, Image: c.Image, ImageDigest: c.ImageDigest,
	}
	p.line("packaged %s, sha256 %s", pkg.Filename(), pkg.Digest)
	if p.DryRun {
		return res, nil
	}
	if res.Package, err = p.Work.Write(pkg.Filename(), pkg.Bytes); err != nil {
		return nil, err
	}
	start := p.Now()
	result, err := p.tryOut(ctx, stage, c, o, res)
	if err != nil {
		p.tests().Recap(result)
		return nil, err
	}
	res.Tests = attest.Tests{Run: result.Run, Passed: result.Passed, Failed: result.Failed, Skipped: result.Skipped}
	res.TestedBy = result.By
	if unsigned != nil {
		res.Withheld = unsigned.Why
		return res, nil
	}
	return res, p.sign(stage, c, res, key, start)
}

// sign leaves what promote takes: the package's attestation, and the names of both files.
func (p *Project) sign(stage *config.Stage, c *candidate.Candidate, res *VerifyResult, key []byte, start time.Time) error {
	envelope, err := attest.Sign(attest.Verification{
		Chart: res.Chart, Version: res.Version, AppVersion: res.AppVersion, PackageDigest: res.PackageDigest, SourceCommit: c.SourceCommit,
		ImageRef: c.Image, ImageDigest: c.ImageDigest, Tests: res.Tests, TestedBy: res.TestedBy, StartedAt: start.UTC(), FinishedAt: p.Now().UTC(),
		Stage: stage.Name, Run: p.build().Run,
	}, key)
	if err != nil {
		return err
	}
	if res.Attestation, err = p.Work.Write(verified.AttestationFile(c.Package), envelope); err != nil {
		return err
	}
	return p.Work.WriteJSON(verified.File, res)
}

type verifyStep struct{ stage *config.Stage }

func (verifyStep) Name() string      { return "verify" }
func (s verifyStep) Stage() string   { return s.stage.Name }
func (verifyStep) Command() []string { return []string{"verify"} }

func (s verifyStep) Does() string {
	return "install the packaged chart in a cluster and run " + s.tests()
}

func (s verifyStep) tests() string {
	if t := s.stage.Verify.Test; t != nil {
		return strings.Join(t.Command, " ")
	}
	return "the chart's own tests"
}

func (s verifyStep) Inputs(v *VersionResult) map[string]string {
	c := s.stage.Verify
	return withoutEmpty(map[string]string{"nodeImage": c.Cluster.NodeImage, "release": c.Install.Release, "namespace": c.Install.Namespace, "source": v.App, "upgradeFrom": c.UpgradeFrom})
}

func (verifyStep) Skip(s *State) *Skip {
	switch {
	case s.Planned:
		return s.untrusted("do not push")
	case s.Bump == nil:
		return &Skip{NoCandidate, "no candidate was created"}
	case s.DryRun && s.Bump.Changed && s.Options.Verify.Candidate == "": // its commit went with the clone that a dry run makes
		return &Skip{DryRun, "a dry run pushes no candidate to package"}
	}
	return nil
}

func (verifyStep) Run(ctx context.Context, s *State) (string, error) {
	o := s.Options.Verify
	if o.Candidate == "" {
		o.Commit = s.Bump.Commit
	}
	var err error
	if s.Verify, err = Verify(ctx, s.Project, o); err != nil {
		return "", err
	}
	t := s.Verify.Tests
	return fmt.Sprintf("%d of %d tests passed with package sha256 %.12s…", t.Passed, t.Run, s.Verify.PackageDigest), nil
}

func (s verifyStep) Requirements() []Requirement {
	return []Requirement{
		{
			What: "cluster engine", For: "verify",
			NotNeeded: func(o Options) bool { return o.Verify.Kubeconfig != "" },
			Check:     func(context.Context, *Project) (string, error) { return "answers", cluster.Engine(nil) },
		},
		{
			What: "signing key of " + s.stage.Name, For: "verify",
			Check: func(_ context.Context, p *Project) (string, error) {
				_, err := p.Keys().Read(s.stage.Key)
				return "", err
			},
		},
	}
}

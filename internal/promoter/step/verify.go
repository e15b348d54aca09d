package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// VerifyOptions choose what is verified, and where.
type VerifyOptions struct {
	// Stage is the stage that tests; empty is the first that does.
	Stage string
	// Candidate is a checkout of the candidates' repository; empty clones it, at Commit when that is set. Both are for the first stage.
	Candidate, Commit string
	// Package is the file of the package that a later stage tests, Attestations are files with the attestation of the first stage; empty
	// takes what that stage left in the work directory.
	Package      string
	Attestations []string
	testenv.Options
	// loaded is called when the cluster has the images: from then on Verify waits most of the time. Nil is nothing.
	loaded func()
}

// VerifyResult is a candidate that was tested.
type VerifyResult struct {
	// Stage is the stage that tested.
	Stage      string `json:"stage"`
	Chart      string `json:"chart"`
	Version    string `json:"version"`
	AppVersion string `json:"appVersion"`
	// PackageDigest is the SHA-256 of the package, hex.
	PackageDigest string `json:"packageDigest"`
	SourceCommit  string `json:"sourceCommit"`
	Image         string `json:"image,omitempty"`
	ImageDigest   string `json:"imageDigest,omitempty"`
	// Images are all of several images.
	Images       []string `json:"images,omitempty"`
	UpgradedFrom string   `json:"upgradedFrom,omitempty"`
	// Helm are the majors of Helm that the package was tested with.
	Helm  []int        `json:"helm,omitempty"`
	Tests attest.Tests `json:"tests"`
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
// names, and signs an attestation of it. A later stage does the same with the package that the first one created.
func Verify(ctx context.Context, p *Project, o VerifyOptions) (*VerifyResult, error) {
	stage, err := p.testerOf(o.Stage)
	if err != nil {
		return nil, err
	}
	p = p.pushingTo(p.Config.Tester().Candidate.Git)
	if err := o.check(stage, p.Config.Tester()); err != nil {
		return nil, err
	}
	if err := p.forget(stage); err != nil {
		return nil, err
	}
	if stage.Candidate != nil && o.Candidate == "" && o.Commit == "" {
		if err := p.waiting(ctx); err != nil {
			return nil, err
		}
	}
	unsigned, err := p.mayNotSign(ctx, stage, o)
	if err != nil {
		return nil, err
	}
	c, err := p.toTest(ctx, stage, o)
	if err != nil {
		return nil, err
	}
	pkg := c.Package
	res := &VerifyResult{
		Stage: stage.Name, Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, PackageDigest: pkg.Digest,
		SourceCommit: c.SourceCommit, Image: c.Image(), ImageDigest: c.ImageDigest(),
	}
	if len(c.Images) > 1 {
		res.Images = refs(c.Images)
	}
	p.line("%s %s, sha256 %s", map[bool]string{true: "packaged", false: "testing"}[stage.Candidate != nil], pkg.Filename(), pkg.Digest)
	if p.DryRun {
		return res, nil
	}
	if res.Package, err = p.Work.Write(pkg.Filename(), pkg.Bytes); err != nil {
		return nil, err
	}
	start := p.Now()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	described := p.description(reading, c)
	if unsigned == nil && stage.Candidate != nil {
		o.loaded = func() { go described() } //nolint:errcheck // sign has its error
	}
	result, err := p.try(ctx, stage, c, o, res)
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
	return res, p.sign(ctx, stage, c, described, res, start)
}

// check rejects options that are for another stage.
func (o VerifyOptions) check(stage, first *config.Stage) error {
	switch {
	case stage == first && (o.Package != "" || len(o.Attestations) > 0):
		return fmt.Errorf("%w: stage %s packages the candidate itself; --package and --attestation are for the stages after it", failure.ErrInput, stage.Name)
	case stage != first && (o.Candidate != "" || o.Commit != ""):
		return fmt.Errorf("%w: stage %s tests the package that stage %s created; --candidate and --commit are for that stage", failure.ErrInput, stage.Name, first.Name)
	}
	return nil
}

// forget removes what earlier runs of a stage left for promote, and of the stages after the first one.
func (p *Project) forget(stage *config.Stage) error {
	if p.DryRun {
		return nil
	}
	if stage.Candidate == nil {
		return verified.Forget(p.Work, stage.Name)
	}
	var later []string
	for _, t := range p.Config.Testers()[1:] {
		later = append(later, t.Name)
	}
	return errors.Join(p.Work.Remove(verified.File), verified.Forget(p.Work, later...))
}

// toTest is the candidate that a stage tests: a new package in the first stage, and in a later one the package that the first one
// attests.
func (p *Project) toTest(ctx context.Context, stage *config.Stage, o VerifyOptions) (*candidate.Candidate, error) {
	if stage.Candidate != nil {
		candidates := p.candidates()
		if o.Kubeconfig != "" && stage.Verify.Kubernetes.Version == "" {
			// A cluster that does not answer is an error of the installation, after those of the chart.
			if version, err := cluster.Version(o.Kubeconfig); err == nil {
				candidates.KubeVersion = version
			}
		}
		return candidates.Open(ctx, o.Candidate, o.Commit)
	}
	pkg, err := p.readTested(PromoteOptions{Package: o.Package, Attestations: o.Attestations})
	if err != nil {
		return nil, err
	}
	first, err := p.Keys().Verification(p.Config.Tester(), pkg.Package, pkg.Envelopes)
	if err != nil {
		return nil, err
	}
	c, err := p.candidatesOf(stage).Package(ctx, pkg.Bytes, first.SourceCommit)
	if err != nil {
		return nil, err
	}
	c.Since, c.Files = first.CandidateAt, first.FilesRef
	if c.Since.IsZero() {
		c.Since = first.FinishedAt
	}
	return c, nil
}

// sign leaves what promote takes: the package's attestation, and after the first stage what the candidate consists of, and the names of
// the files.
func (p *Project) sign(ctx context.Context, stage *config.Stage, c *candidate.Candidate, described description, res *VerifyResult, start time.Time) error {
	key, err := p.Keys().Read(stage.Key)
	if err != nil {
		return err
	}
	files, err := p.attestedFiles(ctx, c.Files)
	if err != nil {
		return err
	}
	envelope, err := attest.Sign(attest.Verification{
		Chart: res.Chart, Version: res.Version, AppVersion: res.AppVersion, PackageDigest: res.PackageDigest, SourceCommit: c.SourceCommit,
		ImageRef: c.Image(), ImageDigest: c.ImageDigest(), Images: res.Images, Helm: res.Helm, Tests: res.Tests, TestedBy: res.TestedBy, StartedAt: start.UTC(), FinishedAt: p.Now().UTC(),
		CandidateAt: c.Since.UTC(), FilesRef: c.Files, Files: files, Stage: stage.Name, Run: p.build().Run,
	}, key)
	if err != nil {
		return err
	}
	if stage.Candidate == nil {
		res.Attestation, err = p.Work.Write(verified.LaterAttestationFile(c.Package, stage.Name), envelope)
		return err
	}
	if res.Attestation, err = p.Work.Write(verified.AttestationFile(c.Package), envelope); err != nil {
		return err
	}
	if err := p.writeStatements(ctx, stage, c, described, key, start); err != nil {
		return err
	}
	return p.Work.WriteJSON(verified.File, res)
}

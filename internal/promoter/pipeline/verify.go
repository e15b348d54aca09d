package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// VerifyOptions choose what is verified, and where.
type VerifyOptions struct {
	// Candidate is a checkout of the candidates' repository; empty clones it, at Commit when that is set.
	Candidate, Commit string
	// Kubeconfig names an existing cluster to use instead of a new one; what was installed is taken away afterwards.
	Kubeconfig string
	// ClusterName instead of a unique one.
	ClusterName string
	// KeepCluster leaves the cluster for a look at it.
	KeepCluster bool
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
	// TestedBy says what the tests were.
	TestedBy string `json:"testedBy,omitempty"`
	// Package and Record are files that promote takes.
	Package string `json:"package,omitempty"`
	Record  string `json:"record,omitempty"`
	// Withheld says why there is no record.
	Withheld string `json:"withheld,omitempty"`
	Cluster  string `json:"cluster,omitempty"`
}

const verifiedFile = "verified.json"

// Verify packages the candidate once, installs that very package into a cluster, runs the tests of the commit that its
// appVersion names, and signs a record of it.
func Verify(ctx context.Context, s *Session, o VerifyOptions) (*VerifyResult, error) {
	stage := s.Config.Tester()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage holds candidates", config.ErrInvalid)
	}
	if !s.DryRun {
		if err := os.Remove(filepath.Join(s.Work, verifiedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", ErrInput, err)
		}
	}
	// A pull request may change what is tested and by what: its tests run, and nothing is signed.
	mayPush := ci.Detect(s.Env).MayPush()
	key, err := s.key(stage.Key)
	if err != nil && !s.DryRun && mayPush {
		return nil, fmt.Errorf("the record of stage %s needs a key: %w", stage.Name, err)
	}
	c, err := s.openCandidate(ctx, o.Candidate, o.Commit)
	if err != nil {
		return nil, err
	}
	res := &VerifyResult{
		Chart: c.pkg.Name, Version: c.pkg.Version, AppVersion: c.pkg.AppVersion, PackageDigest: c.pkg.Digest,
		SourceCommit: c.commit, Image: c.image, ImageDigest: c.digest,
	}
	s.line("packaged %s, sha256 %s", c.pkg.Filename(), c.pkg.Digest)
	if s.DryRun {
		return res, nil
	}
	if res.Package, err = s.keep(c.pkg.Filename(), c.pkg.Bytes); err != nil {
		return nil, err
	}
	start := s.Now()
	report, err := s.tryOut(ctx, stage, c, o, res)
	if err != nil {
		s.recap(report)
		return nil, err
	}
	res.Tests = attest.Tests{Run: report.Run, Passed: report.Passed, Failed: report.Failed, Skipped: report.Skipped}
	res.TestedBy = report.By
	if !mayPush {
		res.Withheld = "this is the build of a pull request or of a fork, which signs nothing"
		return res, nil
	}
	return res, s.sign(stage, c, res, key, start)
}

// sign leaves what promote takes: the package's record, and which files these are.
func (s *Session) sign(stage *config.Stage, c *candidate, res *VerifyResult, key []byte, start time.Time) error {
	record := attest.Verification{
		Chart: res.Chart, Version: res.Version, AppVersion: res.AppVersion, PackageDigest: res.PackageDigest, SourceCommit: c.commit,
		ImageRef: c.image, ImageDigest: c.digest, Tests: res.Tests, TestedBy: res.TestedBy, StartedAt: start.UTC(), FinishedAt: s.Now().UTC(),
		Stage: stage.Name, Run: ci.Detect(s.Env).Run,
	}
	envelope, err := attest.Sign(record, key)
	if err != nil {
		return err
	}
	if res.Record, err = s.keep(c.pkg.Filename()+".record.json", envelope); err != nil {
		return err
	}
	return s.keepJSON(verifiedFile, res)
}

// tryOut is the part that needs a cluster. Whatever happens, the cluster is gone afterwards, and after a failure its
// logs are in the work directory.
func (s *Session) tryOut(ctx context.Context, stage *config.Stage, c *candidate, o VerifyOptions, res *VerifyResult) (_ *TestReport, err error) {
	v := stage.Verify
	logs := filepath.Join(s.Work, "logs")
	if err := os.RemoveAll(logs); err != nil {
		return nil, fmt.Errorf("clearing %s: %w: %w", logs, ErrInput, err)
	}
	// Before the cluster is made: what is wrong with the repository is known at once.
	old, err := s.previous(ctx, v, c)
	if err != nil {
		return nil, err
	}
	release := cluster.Release{Name: v.Install.Release, Namespace: v.Install.Namespace, Values: v.Install.Values, Timeout: v.Install.Timeout.Or(5 * time.Minute)}
	lab, err := s.openLab(ctx, v.Cluster, release, o, logs)
	if err != nil {
		return nil, err
	}
	res.Cluster = lab.name()
	defer func() {
		// Whoever interrupts a run wants its end, not its logs.
		if err != nil && ctx.Err() == nil {
			s.export(lab, logs)
		}
		if cerr := lab.close(release); err == nil {
			err = cerr
		}
	}()
	images := append([]string{}, v.Cluster.Preload...)
	if c.image != "" {
		images = append(images, c.image)
	}
	if err := lab.load(ctx, images); err != nil {
		return nil, err
	}
	helm := cluster.Helm{Kubeconfig: lab.kubeconfig}
	if res.UpgradedFrom, err = s.installPrevious(ctx, old, lab, helm, release); err != nil {
		return nil, err
	}
	if _, err := helm.Apply(ctx, c.pkg.Bytes, release); err != nil {
		return nil, err
	}
	s.line("installed %s %s in namespace %s, ready", c.pkg.Name, c.pkg.Version, release.Namespace)
	if err := s.runsTheImage(ctx, lab, release.Namespace, c); err != nil {
		return nil, err
	}
	report, err := s.test(ctx, v, c, helm, release)
	if rerr := s.keepReport("junit.xml", report); err == nil {
		err = rerr
	}
	if err == nil {
		s.line("tests: %s", report.Summary())
	}
	return report, err
}

// test runs the configured command in the candidate's source, or the chart's own tests when there is none.
func (s *Session) test(ctx context.Context, v *config.Verify, c *candidate, helm cluster.Helm, r cluster.Release) (*TestReport, error) {
	if v.Test == nil {
		return s.runHookTests(ctx, helm, r)
	}
	dir, _, err := s.exportSource(ctx, c.repo, c.commit)
	if err != nil {
		return nil, err
	}
	return s.runTests(ctx, *v.Test, dir, s.testEnv(helm.Kubeconfig, r, c))
}

// runsTheImage makes sure that the record's image digest is what really ran: a node could have had another image under
// this name.
func (s *Session) runsTheImage(ctx context.Context, l *lab, namespace string, c *candidate) error {
	if c.digest == "" {
		return nil
	}
	client, err := cluster.Connect(l.kubeconfig)
	if err != nil {
		return err
	}
	ids, err := client.ImageIDs(ctx, namespace, c.repository)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("%w: no pod in %s runs %s", cluster.ErrInstall, namespace, c.repository)
	}
	for pod, id := range ids {
		if id != c.digest {
			return fmt.Errorf("%w: %s runs %s, and the candidate names %s", cluster.ErrInstall, pod, id, c.digest)
		}
	}
	s.line("the pods run %s", c.digest)
	return nil
}

// testEnv tells the tests where the candidate runs.
func (s *Session) testEnv(kubeconfig string, r cluster.Release, c *candidate) []string {
	return []string{
		"KUBECONFIG=" + kubeconfig, "RELEASE_NAME=" + r.Name, "RELEASE_NAMESPACE=" + r.Namespace,
		"CHART_VERSION=" + c.pkg.Version, "APP_VERSION=" + c.pkg.AppVersion, "CANDIDATE_IMAGE=" + c.image,
	}
}

func (s *Session) export(l *lab, dir string) {
	// The run may be over because its context is; the logs are wanted all the same.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := l.export(ctx, dir); err != nil {
		s.line("not everything could be exported: %v", err)
	}
	s.line("logs, events and states are in %s", dir)
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/page"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// PromoteOptions choose what is promoted, and where to.
type PromoteOptions struct {
	// Stage to promote to; empty is the first that publishes.
	Stage string
	// Package is a file, Records are more; an empty Package takes what verify left in the work directory, with its record
	// and the approvals that lie there.
	Package string
	Records []string
	// SkipUnreleased makes a development build or a prerelease that the stage does not take a Skip in place of a refusal.
	SkipUnreleased bool
}

// PromoteResult is what came of a promotion.
type PromoteResult struct {
	Stage         string `json:"stage"`
	Chart         string `json:"chart"`
	Version       string `json:"version"`
	PackageDigest string `json:"packageDigest"`
	// Changed is false when the stage had this package already.
	Changed  bool   `json:"changed"`
	Location string `json:"location,omitempty"`
	Commit   string `json:"commit,omitempty"`
}

// Promote publishes the tested package in a stage when its guards allow it. It never packages anything itself.
func Promote(ctx context.Context, s *Session, o PromoteOptions) (*PromoteResult, error) {
	stage, err := s.publisher(o.Stage)
	if err != nil {
		return nil, err
	}
	if !ci.Detect(s.Env).MayPush() {
		return nil, &Skip{"the build of a pull request or of a fork publishes nothing"}
	}
	pkg, records, err := s.tested(o)
	if err != nil {
		return nil, err
	}
	target, err := s.target(stage)
	if err != nil {
		return nil, err
	}
	evidence, err := s.gather(ctx, stage, target, pkg, records)
	if err != nil {
		return nil, err
	}
	refusals := checkGuards(stage.Guards, stage.Name, evidence)
	if o.SkipUnreleased && len(refusals) > 0 && refusals[0].unreleased {
		return nil, &Skip{refusals[0].Why}
	}
	if len(refusals) > 0 {
		return nil, refusals
	}
	provenance, err := s.provenance(stage, pkg)
	if err != nil {
		return nil, err
	}
	res := &PromoteResult{Stage: stage.Name, Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest}
	done, err := target.Publish(ctx, publish.Item{
		Package: pkg, Provenance: provenance, Attestations: records, Created: s.Now().UTC(), DryRun: s.DryRun,
		Message: fmt.Sprintf("Publish %s %s\n\nPackage-Digest: sha256:%s\n", pkg.Name, pkg.Version, pkg.Digest),
	})
	res.Changed, res.Location, res.Commit = done.Changed, done.Location, done.Commit
	if err != nil || s.DryRun {
		return res, err
	}
	s.pageKept(done, page.LandingFile)
	return res, s.keepStatus(ctx, stage, target)
}

func (s *Session) publisher(name string) (*config.Stage, error) {
	list := s.Config.Publishers()
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no stage publishes", config.ErrInvalid)
	}
	if name == "" {
		return list[0], nil
	}
	for _, st := range list {
		if st.Name == name {
			return st, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no publishing stage %q", ErrInput, name)
}

// target opens the repository that a stage publishes to.
func (s *Session) target(stage *config.Stage) (publish.Target, error) {
	p := stage.Publish
	opts := []publish.Option{publish.Env(s.Env), publish.Git(s.gitOptions())}
	if s.Access.Insecure {
		opts = append(opts, publish.Insecure())
	}
	cfg := publish.Config{Git: p.Git, Branch: p.Branch, Directory: s.Config.Path(p.Directory), OCI: p.OCI, URL: p.URL}
	if p.Page {
		cfg.Page = s.landing(p)
	}
	return publish.Open(cfg, opts...)
}

// tested reads the package and its records.
func (s *Session) tested(o PromoteOptions) (*chart.Package, [][]byte, error) {
	tested := ""
	if o.Package == "" {
		var v VerifyResult
		if !s.recall(verifiedFile, &v) || v.Record == "" {
			return nil, nil, fmt.Errorf("%w: %s holds no verified package; run verify first, or name one with --package", ErrInput, s.Work)
		}
		tested, o.Package = v.PackageDigest, filepath.Join(s.Work, filepath.Base(v.Package))
		// Whoever names an approval means it beside the record, not in place of it.
		o.Records = append(s.beside(o.Package, filepath.Base(v.Record)), o.Records...)
	}
	data, err := os.ReadFile(o.Package)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	// Before it is read: what was changed after the test may be no archive any more, and that is not the fault of an argument.
	if digest := chart.Digest(data); tested != "" && digest != tested {
		why := fmt.Sprintf("%s is not what verify left, sha256 %.12s…, but %.12s…; promote the package that was tested", o.Package, tested, digest)
		return nil, nil, Refusals{{Guard: "verifiedBy", Why: why}}
	}
	pkg, err := chart.ReadPackage(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.Package, err)
	}
	var records [][]byte
	for _, name := range o.Records {
		r, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrInput, err)
		}
		records = append(records, r)
	}
	return pkg, records, nil
}

// beside are the record and the approvals that lie beside a package in the work directory. What they are worth is for the
// keys to say.
func (s *Session) beside(pkg, record string) []string {
	files := []string{filepath.Join(s.Work, record)}
	entries, _ := os.ReadDir(s.Work)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(pkg)+approvalMark) && strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(s.Work, e.Name()))
		}
	}
	return files
}

// gather opens every envelope that speaks of this package, those that the stage has already included.
func (s *Session) gather(ctx context.Context, stage *config.Stage, target publish.Target, pkg *chart.Package, records [][]byte) (evidence, error) {
	kept, err := target.Attestations(ctx, pkg.Name, pkg.Version)
	if err != nil && !errors.Is(err, publish.ErrNone) {
		return evidence{}, err
	}
	return s.weigh(stage, pkg, append(slices.Clone(records), kept...))
}

// weigh opens envelopes with the keys that a stage trusts.
func (s *Session) weigh(stage *config.Stage, pkg *chart.Package, all [][]byte) (evidence, error) {
	e := evidence{pkg: pkg}
	if by := stage.Guards.VerifiedBy; by != "none" {
		pub, err := s.publicKey(s.Config.Stage(by))
		if err != nil {
			return e, fmt.Errorf("checking the records of stage %s: %w", by, err)
		}
		for _, env := range all {
			r, err := attest.Verify(env, pub)
			e.add(r, err)
		}
	}
	counted := map[string]bool{}
	for i, k := range stage.Guards.ApproverKeys {
		pub, err := s.key(k)
		if err != nil {
			return e, fmt.Errorf("approverKeys[%d] of stage %s: %w", i, stage.Name, err)
		}
		id, err := attest.KeyID(pub)
		if err != nil {
			return e, fmt.Errorf("approverKeys[%d] of stage %s: %w", i, stage.Name, err)
		}
		// One person's key under two names is one approval.
		if counted[id] {
			continue
		}
		counted[id] = true
		for _, env := range all {
			if a, err := attest.VerifyApproval(env, pub); err == nil && a.Stage == stage.Name && a.PackageDigest == pkg.Digest {
				e.approvals = append(e.approvals, *a)
				break
			}
		}
	}
	return e, nil
}

// key reads a key that the configuration names.
func (s *Session) key(k config.Key) ([]byte, error) {
	data, err := attest.ReadKey(s.Env, k.Env, s.Config.Path(k.File))
	if err != nil {
		return nil, fmt.Errorf("%w; `chart-promoter keygen` makes one", err)
	}
	return data, nil
}

// publicKey is what checks a stage's records. It is never derived from the private key at hand: that would let any
// machine approve of itself.
func (s *Session) publicKey(stage *config.Stage) ([]byte, error) { return s.key(stage.PublicKey) }

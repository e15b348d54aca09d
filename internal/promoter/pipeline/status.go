package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// StageVersion is a version that a stage has.
type StageVersion struct {
	Stage      string    `json:"stage"`
	Chart      string    `json:"chart"`
	Version    string    `json:"version"`
	AppVersion string    `json:"appVersion"`
	Digest     string    `json:"digest,omitempty"`
	Since      time.Time `json:"since"`
	// Commit of the source.
	Commit string `json:"commit,omitempty"`
	// VerifiedBy is the run, or the stage when it ran outside CI; Tests what it counted, Image what it ran.
	VerifiedBy string        `json:"verifiedBy,omitempty"`
	TestedAt   time.Time     `json:"testedAt,omitzero"`
	Tests      *attest.Tests `json:"tests,omitempty"`
	// TestedBy says what the tests were: a command, the chart's own, or the installation alone.
	TestedBy   string   `json:"testedBy,omitempty"`
	Image      string   `json:"image,omitempty"`
	ApprovedBy []string `json:"approvedBy,omitempty"`
	// Next is the stage that it can go on to, empty if there is none or it is there already. Missing is what that stage's
	// guards still want; nothing if promote would do it.
	Next    string   `json:"next,omitempty"`
	Missing Refusals `json:"missing,omitempty"`

	records [][]byte
}

func (v *StageVersion) pkg() *chart.Package {
	return &chart.Package{Name: v.Chart, Version: v.Version, AppVersion: v.AppVersion, Digest: v.Digest}
}

// same says that two stages have one version, made of one commit.
func (v *StageVersion) same(o StageVersion) bool {
	return v.Chart == o.Chart && v.Version == o.Version && (v.Commit == "" || o.Commit == "" || v.Commit == o.Commit)
}

// Status lists what each stage has, candidates first, newest first; at most limit versions of each stage when positive.
func Status(ctx context.Context, s *Session, limit int) ([]StageVersion, error) {
	var stages [][]StageVersion
	var charts []string
	if t := s.Config.Tester(); t != nil {
		list, err := s.candidates(ctx, t, limit)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", t.Name, err)
		}
		// A repository that others publish to as well has charts that went through no stage here.
		for _, v := range list {
			if !slices.Contains(charts, v.Chart) {
				charts = append(charts, v.Chart)
			}
		}
		stages = append(stages, list)
	}
	publishers := s.Config.Publishers()
	for _, p := range publishers {
		if _, err := s.weigh(p, &chart.Package{}, nil); err != nil {
			s.line("%v; what was verified and approved is not all shown", err)
		}
		list, err := s.published(ctx, p, charts, limit)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", p.Name, err)
		}
		stages = append(stages, list)
	}
	ahead := publishers
	if s.Config.Tester() == nil {
		ahead = publishers[min(1, len(publishers)):]
	}
	s.lookAhead(stages, ahead)
	return slices.Concat(stages...), nil
}

// lookAhead fills in, for each version of each stage, what the stage after it and the work directory know of it; ahead are
// the stages that come after one another after the first.
func (s *Session) lookAhead(stages [][]StageVersion, ahead []*config.Stage) {
	local := s.local()
	for i, list := range stages {
		for j := range list {
			v := &list[j]
			if local != nil && v.same(*local) && (v.Digest == "" || v.Digest == local.Digest) {
				v.Digest, v.records = local.Digest, append(v.records, local.records...)
			}
			if i >= len(ahead) {
				continue
			}
			next := ahead[i]
			if at := slices.IndexFunc(stages[i+1], v.same); at >= 0 {
				v.records = append(v.records, stages[i+1][at].records...)
				if v.Digest == "" {
					v.Digest = stages[i+1][at].Digest
				}
				v.take(s.weighed(next, v))
				continue
			}
			e := s.weighed(next, v)
			v.take(e)
			v.Next, v.Missing = next.Name, checkGuards(next.Guards, next.Name, e)
		}
	}
}

// weighed is what a stage makes of a version's records; without its keys, nothing.
func (s *Session) weighed(p *config.Stage, v *StageVersion) evidence {
	e, _ := s.weigh(p, v.pkg(), v.records) // Status says which key is missing, once
	return e
}

// take notes what records with a good signature say of this very package.
func (v *StageVersion) take(e evidence) {
	for _, r := range e.records {
		if r.PackageDigest == v.Digest {
			v.Commit, v.Tests, v.TestedBy, v.VerifiedBy, v.TestedAt, v.Image = r.SourceCommit, &r.Tests, r.TestedBy, r.Stage, r.FinishedAt, r.ImageRef
			if r.Run != "" {
				v.VerifiedBy = r.Run
			}
		}
	}
	for _, a := range e.approvals {
		if !slices.Contains(v.ApprovedBy, a.By) {
			v.ApprovedBy = append(v.ApprovedBy, a.By)
		}
	}
}

func (s *Session) candidates(ctx context.Context, t *config.Stage, limit int) ([]StageVersion, error) {
	dir, err := os.MkdirTemp("", "status-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r, err := gitrepo.Clone(ctx, t.Candidate.Git, filepath.Join(dir, "qa"), gitrepo.CloneOptions{Branch: t.Candidate.Branch, Options: s.gitOptions()})
	if err != nil {
		return nil, err
	}
	if _, err := r.Head(ctx); err != nil {
		return nil, nil
	}
	chartFile := filepath.ToSlash(filepath.Join(t.Candidate.Path, "Chart.yaml"))
	log, err := r.Log(ctx, "HEAD", limit, chartFile)
	if err != nil {
		return nil, err
	}
	var list []StageVersion
	for _, e := range log {
		data, err := r.File(ctx, e.Hash, chartFile)
		if err != nil {
			continue
		}
		var c struct{ Name, Version, AppVersion string }
		if err := yaml.Unmarshal(data, &c); err != nil {
			continue
		}
		list = append(list, StageVersion{Stage: t.Name, Chart: c.Name, Version: c.Version, AppVersion: c.AppVersion, Since: e.When, Commit: trailer(e.Body, sourceCommit)})
	}
	return list, nil
}

func trailer(body, key string) string {
	for _, l := range strings.Split(body, "\n") {
		if v, ok := strings.CutPrefix(l, key+": "); ok {
			return v
		}
	}
	return ""
}

func (s *Session) published(ctx context.Context, p *config.Stage, charts []string, limit int) ([]StageVersion, error) {
	target, err := s.target(p)
	if err != nil {
		return nil, err
	}
	entries, err := target.List(ctx, charts...)
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	versions := map[string][]string{}
	for _, e := range entries {
		versions[e.Name] = append(versions[e.Name], e.Version)
	}
	records := map[string]map[string][][]byte{}
	for name, list := range versions {
		if records[name], err = target.AttestationsOf(ctx, name, list...); err != nil {
			return nil, err
		}
	}
	var list []StageVersion
	for _, e := range entries {
		v := StageVersion{
			Stage: p.Name, Chart: e.Name, Version: e.Version, AppVersion: e.AppVersion, Digest: e.Digest, Since: e.Created, records: records[e.Name][e.Version],
		}
		v.take(s.weighed(p, &v))
		list = append(list, v)
	}
	return list, nil
}

// local is the package that verify left in the work directory, with its record and the approvals given since.
func (s *Session) local() *StageVersion {
	pkg, records, err := s.tested(PromoteOptions{})
	if err != nil {
		return nil
	}
	return &StageVersion{Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, Digest: pkg.Digest, records: records}
}

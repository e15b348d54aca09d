package stages

import (
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// Version is a version that a stage holds.
type Version struct {
	Stage      string    `json:"stage"`
	Chart      string    `json:"chart"`
	Version    string    `json:"version"`
	AppVersion string    `json:"appVersion"`
	Digest     string    `json:"digest,omitempty"`
	Since      time.Time `json:"since"`
	// Commit of the source.
	Commit string `json:"commit,omitempty"`
	// VerifiedBy is the CI run, or the stage for a run outside CI; Tests are its counts, Image the image that it ran.
	VerifiedBy string        `json:"verifiedBy,omitempty"`
	TestedAt   time.Time     `json:"testedAt,omitzero"`
	Tests      *attest.Tests `json:"tests,omitempty"`
	// TestedBy is what the tests were: a command, the chart's own, or the installation alone.
	TestedBy string `json:"testedBy,omitempty"`
	// Verifications are the stages that tested it, when there are several.
	Verifications []string `json:"verifications,omitempty"`
	Image         string   `json:"image,omitempty"`
	ApprovedBy    []string `json:"approvedBy,omitempty"`
	// Next is the stage that it can go to, empty if there is none or that stage has it already. Missing are the guards of that stage
	// that do not accept it yet; none if promote would publish it.
	Next    string            `json:"next,omitempty"`
	Missing policy.Rejections `json:"missing,omitempty"`

	envelopes [][]byte
}

func (v *Version) pkg() *chart.Package {
	return &chart.Package{Name: v.Chart, Version: v.Version, AppVersion: v.AppVersion, Digest: v.Digest}
}

// isSame reports whether two stages hold one version, built from one commit.
func (v *Version) isSame(o Version) bool {
	return v.Chart == o.Chart && v.Version == o.Version && (v.Commit == "" || o.Commit == "" || v.Commit == o.Commit)
}

// reportMissingKeys reports that the attestations of a stage cannot be checked.
func (s Stages) reportMissingKeys(p *config.Stage) {
	if _, err := s.keys().Collect(p, &chart.Package{}, nil); err != nil {
		report.Linef(s.Report, "%v; some attestations and approvals are not shown", err)
	}
}

// addNext adds to each version of each stage what the stage after it and the work directory know of it; next[i] is the stage after
// stages[i].
func (s Stages) addNext(stages [][]Version, next []*config.Stage) {
	local := s.local()
	for i, list := range stages {
		for j := range list {
			v := &list[j]
			if local != nil && v.isSame(*local) && (v.Digest == "" || v.Digest == local.Digest) {
				v.Digest, v.envelopes = local.Digest, append(v.envelopes, local.envelopes...)
			}
			if i < len(next) {
				s.compare(v, next[i], stages[i+1])
			}
		}
	}
}

// compare adds to a version what the next stage, which holds these versions, knows of it.
func (s Stages) compare(v *Version, next *config.Stage, held []Version) {
	at := slices.IndexFunc(held, v.isSame)
	if at < 0 {
		a := s.collect(next, v)
		v.add(a)
		v.Next, v.Missing = next.Name, policy.Evaluate(next, v.pkg(), a, s.now())
		return
	}
	v.envelopes = append(v.envelopes, held[at].envelopes...)
	if v.Digest == "" {
		v.Digest = held[at].Digest
	}
	v.add(s.collect(next, v))
}

// collect are the attestations of a version that a stage trusts; without the stage's keys, none.
func (s Stages) collect(p *config.Stage, v *Version) policy.Attestations {
	a, _ := s.keys().Collect(p, v.pkg(), v.envelopes) // Status reports a missing key once
	return a
}

// add adds what trusted attestations state about this very package.
func (v *Version) add(a policy.Attestations) {
	var stages []string
	for _, r := range a.Verifications {
		if r.PackageDigest != v.Digest {
			continue
		}
		if !slices.Contains(stages, r.Stage) {
			stages = append(stages, r.Stage)
		}
		// The first stage's is about the candidate as it was created.
		if len(stages) == 1 || r.Stage == stages[0] {
			v.Commit, v.Tests, v.TestedBy, v.VerifiedBy, v.TestedAt, v.Image = r.SourceCommit, &r.Tests, r.TestedBy, r.Stage, r.FinishedAt, r.ImageRef
			if r.Run != "" {
				v.VerifiedBy = r.Run
			}
		}
	}
	if len(stages) > 1 {
		v.Verifications = stages
	}
	for _, approval := range a.Approvals {
		if !slices.Contains(v.ApprovedBy, approval.By) {
			v.ApprovedBy = append(v.ApprovedBy, approval.By)
		}
	}
}

// local is the package that verify left in the work directory, with its attestation and approvals; nil when there is none.
func (s Stages) local() *Version {
	pkg, err := verified.Read(s.Work)
	if err != nil {
		return nil
	}
	return &Version{Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, Digest: pkg.Digest, envelopes: pkg.Envelopes}
}

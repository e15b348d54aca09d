// Package policy decides which packages a stage accepts: by their version, their attestations and their approvals, as the stage's
// guards require.
package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ErrRejected is a promotion that a guard does not allow.
var ErrRejected = failure.New(failure.Rejected, "rejected")

// Guards, by the names of their keys in the configuration.
const (
	Versions   = "versions"
	VerifiedBy = "verifiedBy"
	MinAge     = "minAge"
	Approvals  = "approvals"
)

// guard is one entry of guards.
type guard struct {
	name string
	// requires is what a package lacks that the guard rejects, in a few words.
	requires string
	// rejection returns nil for a package that the guard accepts.
	rejection func(*config.Stage, *chart.Package, Attestations, time.Time) *Rejection
}

// guards are all guards, in the order in which they are evaluated.
var guards = []guard{
	{Versions, "a release", func(stage *config.Stage, pkg *chart.Package, _ Attestations, _ time.Time) *Rejection {
		return CheckVersion(stage, pkg.Version, pkg.AppVersion)
	}},
	{VerifiedBy, "an attestation of its tests", checkVerification},
	{MinAge, "more time", checkAge},
	{Approvals, "approval", checkApprovals},
}

// Rejection is one guard that does not accept a package.
type Rejection struct {
	Guard string `json:"guard"`
	Why   string `json:"why"`
	// Unreleased is a development build or a prerelease, which a stage for releases never accepts.
	Unreleased bool `json:"-"`
	// Until is when the package is old enough, of the guard MinAge.
	Until time.Time `json:"until,omitzero"`
}

// Requires is what the package lacks, in a few words.
func (r Rejection) Requires() string {
	for _, g := range guards {
		if g.name == r.Guard {
			return g.requires
		}
	}
	return r.Guard
}

// Rejections is the error of a rejected promotion.
type Rejections []Rejection

func (r Rejections) Error() string {
	var parts []string
	for _, x := range r {
		parts = append(parts, "guard "+x.Guard+": "+x.Why)
	}
	return strings.Join(parts, "; ")
}

// Kind is Rejected.
func (r Rejections) Kind() failure.Kind { return failure.Rejected }

// Unwrap makes it an ErrRejected.
func (r Rejections) Unwrap() error { return ErrRejected }

// Evaluate returns the guards of a stage that do not accept a package at this time, versions first; none if the stage accepts it.
func Evaluate(stage *config.Stage, pkg *chart.Package, a Attestations, now time.Time) Rejections {
	var out Rejections
	for _, g := range guards {
		if r := g.rejection(stage, pkg, a, now); r != nil {
			out = append(out, *r)
		}
	}
	return out
}

// CheckVersion checks a chart's version and the tag that it must come from: a version that was typed into Chart.yaml is not a
// release. It returns nil for a version that the stage accepts.
func CheckVersion(stage *config.Stage, chartVersion, appVersion string) *Rejection {
	accepted := stage.Guards.Versions
	if accepted == config.AnyVersion {
		return nil
	}
	v, err := semver.NewVersion(chartVersion)
	if err != nil {
		return &Rejection{Guard: Versions, Why: fmt.Sprintf("%q is not a version", chartVersion)}
	}
	apart := stage.Guards.AppVersionApart
	tagged := version.IsVersionTag(appVersion)
	if apart {
		tagged = !version.IsDevelopment(chartVersion)
	}
	if v.Prerelease() != "" && (accepted == config.Releases || !tagged) {
		kinds := map[string]string{config.Releases: "releases", config.Prereleases: "releases and prereleases"}[accepted]
		return &Rejection{Guard: Versions, Why: fmt.Sprintf("%s is not a release; %s accepts only %s", chartVersion, stage.Name, kinds), Unreleased: true}
	}
	// verify compared a version that is apart with the chart's tag, or with its Chart.yaml.
	if !apart && !derivedFrom(appVersion, chartVersion) {
		return &Rejection{Guard: Versions, Why: fmt.Sprintf("version %s does not match its appVersion %q, which must be the release's tag", chartVersion, appVersion)}
	}
	return nil
}

// derivedFrom reports whether a build of this tag has this version, in one of the schemes.
func derivedFrom(tag, chartVersion string) bool {
	if !version.IsVersionTag(tag) {
		return false
	}
	facts := version.Facts{Commit: strings.Repeat("0", 40), Tag: tag}
	for _, scheme := range []version.Scheme{version.SemVer, version.Legacy} {
		if v, err := version.Derive(facts, scheme); err == nil && v.Chart == chartVersion {
			return true
		}
	}
	return false
}

func checkApprovals(stage *config.Stage, _ *chart.Package, a Attestations, _ time.Time) *Rejection {
	required := stage.Guards.Approvals
	if len(a.Approvals) >= required {
		return nil
	}
	why := fmt.Sprintf("%s requires %d, but this package has %d; run `chart-promoter approve`", stage.Name, required, len(a.Approvals))
	return &Rejection{Guard: Approvals, Why: why}
}

// Package policy decides which packages a stage accepts: by their version, their attestations and their approvals, as the stage's
// guards require.
package policy

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
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
	Approvals  = "approvals"
)

// guard is one entry of guards.
type guard struct {
	name string
	// requires is what a package lacks that the guard rejects, in a few words.
	requires string
	// rejection returns nil for a package that the guard accepts.
	rejection func(*config.Stage, *chart.Package, Attestations) *Rejection
}

// guards are all guards, in the order in which they are evaluated.
var guards = []guard{
	{Versions, "a release", func(stage *config.Stage, pkg *chart.Package, _ Attestations) *Rejection {
		return CheckVersion(stage, pkg.Version, pkg.AppVersion)
	}},
	{VerifiedBy, "an attestation of its tests", checkVerification},
	{Approvals, "approval", checkApprovals},
}

// Rejection is one guard that does not accept a package.
type Rejection struct {
	Guard string `json:"guard"`
	Why   string `json:"why"`
	// Unreleased is a development build or a prerelease, which a stage for releases never accepts.
	Unreleased bool `json:"-"`
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

// Evaluate returns the guards of a stage that do not accept a package, versions first; none if the stage accepts it.
func Evaluate(stage *config.Stage, pkg *chart.Package, a Attestations) Rejections {
	var out Rejections
	for _, g := range guards {
		if r := g.rejection(stage, pkg, a); r != nil {
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
	if v.Prerelease() != "" && (accepted == config.Releases || !version.IsVersionTag(appVersion)) {
		kinds := map[string]string{config.Releases: "releases", config.Prereleases: "releases and prereleases"}[accepted]
		return &Rejection{Guard: Versions, Why: fmt.Sprintf("%s is not a release; %s accepts only %s", chartVersion, stage.Name, kinds), Unreleased: true}
	}
	if !derivedFrom(appVersion, chartVersion) {
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

// checkVerification requires an attestation that the stage which verifies has tested this package.
func checkVerification(stage *config.Stage, pkg *chart.Package, a Attestations) *Rejection {
	by := stage.Guards.VerifiedBy
	if by == config.Unverified {
		return nil
	}
	why := fmt.Sprintf("there is no attestation of stage %s for this package; run verify first", by)
	if len(a.Invalid) > 0 {
		why = fmt.Sprintf("the attestation cannot be trusted: %v", a.Invalid[0])
	}
	for _, v := range a.Verifications {
		if why = mismatch(by, pkg, v); why == "" {
			return nil
		}
	}
	return &Rejection{Guard: VerifiedBy, Why: why}
}

func checkApprovals(stage *config.Stage, _ *chart.Package, a Attestations) *Rejection {
	required := stage.Guards.Approvals
	if len(a.Approvals) >= required {
		return nil
	}
	why := fmt.Sprintf("%s requires %d, but this package has %d; run `chart-promoter approve`", stage.Name, required, len(a.Approvals))
	return &Rejection{Guard: Approvals, Why: why}
}

// mismatch returns why an attestation is not one of this stage and this package, or of failed tests; "" if it is.
func mismatch(stage string, pkg *chart.Package, v attest.Verification) string {
	switch {
	case v.PackageDigest != pkg.Digest:
		return fmt.Sprintf("the attestation is for another package: sha256 %.12s…, expected %.12s…; promote the package that was tested", v.PackageDigest, pkg.Digest)
	case v.Stage != stage:
		return fmt.Sprintf("the attestation is from stage %s, not from %s", v.Stage, stage)
	case v.Chart != pkg.Name || v.Version != pkg.Version || v.AppVersion != pkg.AppVersion:
		return fmt.Sprintf("the attestation is for %s %s", v.Chart, v.Version)
	case v.Tests.Run == 0 || v.Tests.Failed > 0 || v.Tests.Passed != v.Tests.Run:
		return fmt.Sprintf("the attestation reports %d tests passed and %d failed of %d", v.Tests.Passed, v.Tests.Failed, v.Tests.Run)
	}
	return ""
}

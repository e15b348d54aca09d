package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// evidence is all that guards decide on.
type evidence struct {
	pkg *chart.Package
	// records are those with a good signature; bad says why the others are not.
	records   []attest.Verification
	bad       []error
	approvals []attest.Approval
}

func (e *evidence) add(r *attest.Verification, err error) {
	if err == nil {
		e.records = append(e.records, *r)
	} else if !errors.Is(err, attest.ErrWrongKind) {
		e.bad = append(e.bad, err)
	}
}

// Refusal is one guard that does not let a package in.
type Refusal struct {
	Guard string `json:"guard"`
	Why   string `json:"why"`
	// unreleased is a development build or a prerelease, which a stage for releases has nothing to do with.
	unreleased bool
}

// Refusals is the error of a refused promotion.
type Refusals []Refusal

func (r Refusals) Error() string {
	var parts []string
	for _, x := range r {
		parts = append(parts, "guard "+x.Guard+": "+x.Why)
	}
	return strings.Join(parts, "; ")
}

// Unwrap makes it an ErrRefused.
func (r Refusals) Unwrap() error { return ErrRefused }

// Kind is Rejected.
func (r Refusals) Kind() failure.Kind { return failure.Rejected }

// check gives every guard that refuses, versions first.
func checkGuards(g *config.Guards, stage string, e evidence) Refusals {
	var out Refusals
	if why, unreleased := checkVersion(g, stage, e.pkg); why != "" {
		out = append(out, Refusal{"versions", why, unreleased})
	}
	if g.VerifiedBy != "none" {
		if why := checkRecords(g.VerifiedBy, e); why != "" {
			out = append(out, Refusal{Guard: "verifiedBy", Why: why})
		}
	}
	if len(e.approvals) < g.Approvals {
		out = append(out, Refusal{Guard: "approvals", Why: fmt.Sprintf("%s needs %d, this package has %d; somebody has to run `chart-promoter approve`", stage, g.Approvals, len(e.approvals))})
	}
	return out
}

// checkVersion looks at the chart's version and at the tag it must come from: a version that somebody typed into
// Chart.yaml is no release.
func checkVersion(g *config.Guards, stage string, p *chart.Package) (why string, unreleased bool) {
	if g.Versions == "any" {
		return "", false
	}
	v, err := semver.NewVersion(p.Version)
	if err != nil {
		return fmt.Sprintf("%q is not a version", p.Version), false
	}
	if v.Prerelease() != "" && (g.Versions == "release" || !version.IsVersionTag(p.AppVersion)) {
		return fmt.Sprintf("%s is not a release, and %s takes %s only", p.Version, stage, map[string]string{"release": "releases", "prerelease": "releases and prereleases"}[g.Versions]), true
	}
	made, err := version.Derive(version.Facts{Commit: strings.Repeat("0", 40), Tag: p.AppVersion}, version.SemVer)
	legacy, _ := version.Derive(version.Facts{Commit: strings.Repeat("0", 40), Tag: p.AppVersion}, version.Legacy)
	if err != nil || !version.IsVersionTag(p.AppVersion) || (made.Chart != p.Version && legacy.Chart != p.Version) {
		return fmt.Sprintf("version %s does not come from its appVersion %q, which must be the release's tag", p.Version, p.AppVersion), false
	}
	return "", false
}

func checkRecords(by string, e evidence) string {
	why := fmt.Sprintf("there is no record of stage %s for this package; run verify first", by)
	if len(e.bad) > 0 {
		why = fmt.Sprintf("the record cannot be trusted: %v", e.bad[0])
	}
	for _, r := range e.records {
		switch {
		case r.PackageDigest != e.pkg.Digest:
			why = fmt.Sprintf("the record is of another package, sha256 %.12s…, this one is %.12s…; promote the package that was tested", r.PackageDigest, e.pkg.Digest)
		case r.Stage != by:
			why = fmt.Sprintf("the record is of stage %s, not of %s", r.Stage, by)
		case r.Chart != e.pkg.Name || r.Version != e.pkg.Version || r.AppVersion != e.pkg.AppVersion:
			why = fmt.Sprintf("the record is of %s %s", r.Chart, r.Version)
		case r.Tests.Run == 0 || r.Tests.Failed > 0 || r.Tests.Passed != r.Tests.Run:
			why = fmt.Sprintf("the record has %d tests passed and %d failed of %d", r.Tests.Passed, r.Tests.Failed, r.Tests.Run)
		default:
			return ""
		}
	}
	return why
}

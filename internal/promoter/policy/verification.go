package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// checkVerification requires attestations that the stages which verify have tested this package, one of each of them.
func checkVerification(stage *config.Stage, pkg *chart.Package, a Attestations, _ time.Time) *Rejection {
	var why []string
	for _, by := range stage.Guards.Verifiers() {
		if reason := unverified(stage.Guards.Verifiers(), by, pkg, a); reason != "" {
			why = append(why, reason)
		}
	}
	if len(why) == 0 {
		return nil
	}
	return &Rejection{Guard: VerifiedBy, Why: strings.Join(why, "; ")}
}

// unverified returns why no attestation is one of the stage by and this package; "" if one is.
func unverified(required []string, by string, pkg *chart.Package, a Attestations) string {
	why := fmt.Sprintf("there is no attestation of stage %s for this package; run verify first", by)
	if len(required) > 1 {
		why = fmt.Sprintf("there is no attestation of stage %s for this package; run verify --stage %[1]s first", by)
	}
	if len(a.Invalid) > 0 && len(a.Verifications) == 0 {
		why = fmt.Sprintf("the attestation cannot be trusted: %v", a.Invalid[0])
	}
	for _, v := range a.Verifications {
		if v.Stage != by && slices.Contains(required, v.Stage) {
			continue // that of another stage, which is required too
		}
		if why = mismatch(by, pkg, v); why == "" {
			return ""
		}
	}
	return why
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

// checkAge requires that the candidate is old enough. It accepts a package without any attestation, which the guard verifiedBy rejects.
func checkAge(stage *config.Stage, pkg *chart.Package, a Attestations, now time.Time) *Rejection {
	since, known := candidateSince(stage, pkg, a)
	until := since.Add(stage.Guards.MinAge.Or(0))
	if !known || !now.Before(until) {
		return nil
	}
	why := fmt.Sprintf("%s requires a candidate of an age of %s, but this one is from %s; promote it after %s, in %s",
		stage.Name, time.Duration(stage.Guards.MinAge), utc(since), utc(until), until.Sub(now).Round(time.Second))
	return &Rejection{Guard: MinAge, Why: why, Until: until}
}

func utc(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }

// candidateSince is the earliest time that an attestation of a required stage states for the package: another test does not make it
// younger.
func candidateSince(stage *config.Stage, pkg *chart.Package, a Attestations) (since time.Time, known bool) {
	for _, v := range a.Verifications {
		if !slices.Contains(stage.Guards.Verifiers(), v.Stage) || mismatch(v.Stage, pkg, v) != "" {
			continue
		}
		at := v.CandidateAt
		if at.IsZero() {
			at = v.FinishedAt
		}
		if !known || at.Before(since) {
			since, known = at, true
		}
	}
	return since, known
}

package policy

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// decision is a promotion to prod; newDecision returns one that every guard accepts.
type decision struct {
	guards       config.Guards
	pkg          chart.Package
	attestations Attestations
}

func newDecision() *decision {
	digest := strings.Repeat("a", 64)
	return &decision{
		guards: config.Guards{Versions: config.Releases, VerifiedBy: config.Names{"qa"}, Approvals: 1},
		pkg:    chart.Package{Name: "hello", Version: "1.2.0", AppVersion: "v1.2.0", Digest: digest},
		attestations: Attestations{
			Verifications: []attest.Verification{{
				Chart: "hello", Version: "1.2.0", AppVersion: "v1.2.0", PackageDigest: digest, Stage: "qa", Tests: attest.Tests{Run: 3, Passed: 3},
			}},
			Approvals: []attest.Approval{{By: "alice"}},
		},
	}
}

// versions sets the version of the package and of the attestation.
func (d *decision) versions(chartVersion, appVersion string) {
	d.pkg.Version, d.pkg.AppVersion = chartVersion, appVersion
	d.verification().Version, d.verification().AppVersion = chartVersion, appVersion
}

// stages makes one attestation of each of these stages.
func (d *decision) stages(names ...string) {
	one := *d.verification()
	d.attestations.Verifications = nil
	for _, name := range names {
		one.Stage = name
		d.attestations.Verifications = append(d.attestations.Verifications, one)
	}
}

// now is the clock of these tests.
var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func hours(n int) config.Duration { return config.Duration(time.Duration(n) * time.Hour) }

func (d *decision) verification() *attest.Verification { return &d.attestations.Verifications[0] }

// cases are changes of an acceptable promotion, with the guard that rejects it after that, empty for none, and words of its reason.
var cases = map[string]struct {
	change       func(*decision)
	guard, words string
}{
	"a release":                      {func(*decision) {}, "", ""},
	"a prerelease":                   {func(d *decision) { d.versions("1.2.0-rc.1", "v1.2.0-rc.1") }, Versions, "prod accepts only releases"},
	"a prerelease where they may go": {func(d *decision) { d.versions("1.2.0-rc.1", "v1.2.0-rc.1"); d.guards.Versions = config.Prereleases }, "", ""},
	"a development version":          {func(d *decision) { d.versions("0.0.0-dev0123456", "0123456") }, Versions, "not a release"},
	"one where prereleases may go":   {func(d *decision) { d.versions("0.0.0-dev0123456", "0123456"); d.guards.Versions = config.Prereleases }, Versions, "releases and prereleases"},
	"one where any version may go":   {func(d *decision) { d.versions("0.0.0-dev0123456", "0123456"); d.guards.Versions = config.AnyVersion }, "", ""},
	"a version that is none":         {func(d *decision) { d.versions("latest", "v1.2.0") }, Versions, "is not a version"},
	"a version of another tag":       {func(d *decision) { d.versions("1.2.0", "v3.0.0") }, Versions, "does not match its appVersion"},
	"a release without a tag":        {func(d *decision) { d.versions("1.2.0", "0123456") }, Versions, "does not match its appVersion"},
	"no attestation":                 {func(d *decision) { d.attestations.Verifications = nil }, VerifiedBy, "no attestation of stage qa"},
	"no attestation where none need be": {func(d *decision) {
		d.attestations.Verifications, d.guards.VerifiedBy = nil, config.Names{config.Unverified}
	}, "", ""},
	"only an invalid attestation": {func(d *decision) {
		d.attestations.Verifications, d.attestations.Invalid = nil, []error{errors.New("bad signature")}
	}, VerifiedBy, "cannot be trusted: bad signature"},
	"an invalid one beside a valid one": {func(d *decision) { d.attestations.Invalid = []error{errors.New("bad signature")} }, "", ""},
	"one of another package beside a valid one": {func(d *decision) {
		d.attestations.Verifications = append([]attest.Verification{{PackageDigest: "b"}}, d.attestations.Verifications...)
	}, "", ""},
	"one of another package":    {func(d *decision) { d.verification().PackageDigest = strings.Repeat("b", 64) }, VerifiedBy, "for another package"},
	"one of another stage":      {func(d *decision) { d.verification().Stage = "dev" }, VerifiedBy, "from stage dev, not from qa"},
	"one of another version":    {func(d *decision) { d.verification().Version = "1.1.0" }, VerifiedBy, "is for hello 1.1.0"},
	"one of another chart":      {func(d *decision) { d.verification().Chart = "other" }, VerifiedBy, "is for other 1.2.0"},
	"one of another appVersion": {func(d *decision) { d.verification().AppVersion = "v1.1.0" }, VerifiedBy, "is for hello 1.2.0"},
	"one of no test":            {func(d *decision) { d.verification().Tests = attest.Tests{} }, VerifiedBy, "0 tests passed"},
	"one of a failed test":      {func(d *decision) { d.verification().Tests = attest.Tests{Run: 3, Passed: 2, Failed: 1} }, VerifiedBy, "1 failed of 3"},
	"one of a test without end": {func(d *decision) { d.verification().Tests.Passed = 2 }, VerifiedBy, "2 tests passed and 0 failed of 3"},
	"one whose candidate is old enough": {func(d *decision) {
		d.guards.MinAge = hours(12)
		d.verification().CandidateAt = now.Add(-12 * time.Hour)
	}, "", ""},
	"one whose candidate is too young": {func(d *decision) {
		d.guards.MinAge = hours(12)
		d.verification().CandidateAt = now.Add(-12*time.Hour + time.Second)
	}, MinAge,
		"prod requires a candidate of an age of 12h0m0s, but this one is from 2026-02-28 12:00:01 UTC; promote it after 2026-03-01 00:00:01 UTC, in 1s"},
	"one without a candidate's time, tested in time": {func(d *decision) { d.guards.MinAge = hours(12); d.verification().FinishedAt = now.Add(-13 * time.Hour) }, "", ""},
	"one without a candidate's time, tested now":     {func(d *decision) { d.guards.MinAge = hours(12); d.verification().FinishedAt = now }, MinAge, "in 12h0m0s"},
	"one from the future":                            {func(d *decision) { d.guards.MinAge = hours(12); d.verification().CandidateAt = now.Add(time.Hour) }, MinAge, "in 13h0m0s"},
	"one that was tested again": {func(d *decision) {
		d.guards.MinAge = hours(12)
		again := *d.verification()
		d.verification().FinishedAt, again.FinishedAt = now.Add(-13*time.Hour), now
		d.attestations.Verifications = append(d.attestations.Verifications, again)
	}, "", ""},
	"an old one of another package beside a young one": {func(d *decision) {
		d.guards.MinAge = hours(12)
		d.verification().CandidateAt = now
		other := *d.verification()
		other.PackageDigest, other.CandidateAt = strings.Repeat("b", 64), time.Unix(1, 0)
		d.attestations.Verifications = append(d.attestations.Verifications, other)
	}, MinAge, "in 12h0m0s"},
	"no attestation of an age": {func(d *decision) { d.guards.MinAge = hours(12); d.attestations.Verifications = nil }, VerifiedBy, "no attestation of stage qa"},
	"those of several stages":  {func(d *decision) { d.stages("qa", "staging"); d.guards.VerifiedBy = config.Names{"qa", "staging"} }, "", ""},
	"one of two stages":        {func(d *decision) { d.guards.VerifiedBy = config.Names{"qa", "staging"} }, VerifiedBy, "no attestation of stage staging for this package; run verify --stage staging first"},
	"none of two stages": {func(d *decision) {
		d.attestations.Verifications, d.guards.VerifiedBy = nil, config.Names{"qa", "staging"}
	}, VerifiedBy,
		"no attestation of stage qa for this package; run verify --stage qa first; there is no attestation of stage staging"},
	"a failed one of two stages": {func(d *decision) {
		d.stages("qa", "staging")
		d.guards.VerifiedBy = config.Names{"qa", "staging"}
		d.attestations.Verifications[1].Tests = attest.Tests{Run: 3, Passed: 2, Failed: 1}
	}, VerifiedBy, "1 failed of 3"},
	"no approval":         {func(d *decision) { d.attestations.Approvals = nil }, Approvals, "prod requires 1, but this package has 0"},
	"one approval of two": {func(d *decision) { d.guards.Approvals = 2 }, Approvals, "prod requires 2, but this package has 1"},
	"no approval of none": {func(d *decision) { d.guards.Approvals, d.attestations.Approvals = 0, nil }, "", ""},
	"more approvals than required": {func(d *decision) {
		d.attestations.Approvals = append(d.attestations.Approvals, attest.Approval{By: "bob"})
	}, "", ""},
}

func TestEvaluate(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDecision()
			c.change(d)
			got := Evaluate(&config.Stage{Name: "prod", Guards: &d.guards}, &d.pkg, d.attestations, now)
			switch {
			case c.guard == "" && len(got) != 0:
				t.Errorf("rejected: %v", got)
			case c.guard != "" && (len(got) != 1 || got[0].Guard != c.guard || !strings.Contains(got[0].Why, c.words)):
				t.Errorf("got %v, want guard %s with %q", got, c.guard, c.words)
			case c.guard != "" && !errors.Is(got, ErrRejected):
				t.Error("it is no ErrRejected")
			}
		})
	}
}

func TestEveryGuardIsTestedAndNamesWhatItRequires(t *testing.T) {
	rejecting := map[string]bool{}
	for _, c := range cases {
		rejecting[c.guard] = true
	}
	keys := map[string]bool{}
	for field := range reflect.TypeFor[config.Guards]().Fields() {
		keys[field.Tag.Get("yaml")] = true
	}
	for _, g := range guards {
		if !rejecting[g.name] || !keys[g.name] {
			t.Errorf("%s: in a test %v, in the configuration %v", g.name, rejecting[g.name], keys[g.name])
		}
		if g.requires == "" || (Rejection{Guard: g.name}).Requires() != g.requires {
			t.Errorf("%s requires %q", g.name, g.requires)
		}
	}
}

func TestTheGuardsAreEvaluatedInTheirOrder(t *testing.T) {
	var got []string
	for _, r := range Evaluate(&config.Stage{Name: "prod", Guards: &newDecision().guards}, &chart.Package{Version: "x"}, Attestations{}, now) {
		got = append(got, r.Guard)
	}
	if want := []string{Versions, VerifiedBy, Approvals}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

package step

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// released is a world with a release that was "tested": its package and a signed attestation are in the work directory, as
// verify leaves them. What is inside the cluster is the integration tests' part.
type released struct {
	*world
	c           *candidate.Candidate
	attestation attest.Verification
	key         []byte
}

// newPublished is a release that prod has.
func newPublished(t *testing.T) *released {
	t.Helper()
	r := newRelease(t, "v1.0.0")
	r.leave()
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	return r
}

func newRelease(t *testing.T, tag string) *released {
	t.Helper()
	w := newWorld(t)
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.env["QA_KEY"], w.env["QA_PUB"] = string(priv), string(pub)
	if tag != "" {
		w.tag(tag)
	}
	b := w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	c, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	r := &released{world: w, c: c, key: priv}
	r.attestation = attest.Verification{
		Chart: c.Package.Name, Version: c.Package.Version, AppVersion: c.Package.AppVersion, PackageDigest: c.Package.Digest, SourceCommit: c.SourceCommit,
		ImageRef: b.Ref(), ImageDigest: b.Digest, Tests: attest.Tests{Run: 3, Passed: 3}, StartedAt: w.p.Now(), FinishedAt: w.p.Now(), Stage: "qa",
	}
	return r
}

// leave writes what verify leaves.
func (r *released) leave() {
	r.t.Helper()
	env, err := attest.Sign(r.attestation, r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	v := VerifyResult{PackageDigest: r.c.Package.Digest, Package: r.c.Package.Filename(), Attestation: verified.AttestationFile(r.c.Package)}
	if _, err := r.p.Work.Write(v.Package, r.c.Package.Bytes); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.p.Work.Write(v.Attestation, env); err != nil {
		r.t.Fatal(err)
	}
	if err := r.p.Work.WriteJSON(verified.File, v); err != nil {
		r.t.Fatal(err)
	}
}

func (r *released) published() []index.Entry {
	r.t.Helper()
	target, err := r.p.Stages().Target(r.p.Config.Stage("prod"))
	if err != nil {
		r.t.Fatal(err)
	}
	list, err := target.List(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func TestTheTestedPackageIsThePublishedPackage(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.leave()
	p, err := Promote(t.Context(), r.p, PromoteOptions{})
	if err != nil || !p.Changed || p.PackageDigest != r.c.Package.Digest || p.Version != "1.2.0" {
		t.Fatalf("%+v, %v", p, err)
	}
	target, _ := r.p.Stages().Target(r.p.Config.Stage("prod"))
	_, bytes, err := target.Latest(t.Context(), "hello")
	if err != nil || string(bytes) != string(r.c.Package.Bytes) {
		t.Errorf("other bytes were published: %v", err)
	}
	again, err := Promote(t.Context(), r.p, PromoteOptions{})
	if err != nil || again.Changed {
		t.Errorf("the same again: %+v %v; want success without a change", again, err)
	}
	st, err := r.p.Stages().Status(t.Context(), 0)
	if err != nil || len(st) != 2 || st[0].Stage != "qa" || st[1].Stage != "prod" || st[1].Tests == nil || st[1].Tests.Passed != 3 || st[1].Commit != r.c.SourceCommit {
		t.Errorf("status is %+v, %v", st, err)
	}
}

func TestAPromotionIsRejectedWithItsReasonAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tag   string
		spoil func(*released)
		guard string
		words string
	}{
		"a development version":                     {"", func(*released) {}, "versions", "not a release"},
		"a release candidate":                       {"v1.0.0-rc.1", func(*released) {}, "versions", "not a release"},
		"no attestation":                            {"v1.0.0", func(r *released) { r.remove(".record.json") }, "verifiedBy", "no attestation"},
		"an attestation that another key signed":    {"v1.0.0", func(r *released) { r.key, _, _ = attest.GenerateKey(); r.leave() }, "verifiedBy", "signature"},
		"an attestation with one byte changed":      {"v1.0.0", func(r *released) { r.flip(".record.json") }, "verifiedBy", "trusted"},
		"an attestation of another package":         {"v1.0.0", func(r *released) { r.attestation.PackageDigest = strings.Repeat("a", 64); r.leave() }, "verifiedBy", "another package"},
		"an attestation of another stage":           {"v1.0.0", func(r *released) { r.attestation.Stage = "dev"; r.leave() }, "verifiedBy", "stage dev"},
		"an attestation with a failed test":         {"v1.0.0", func(r *released) { r.attestation.Tests = attest.Tests{Run: 3, Passed: 2, Failed: 1}; r.leave() }, "verifiedBy", "1 failed"},
		"an attestation of no test":                 {"v1.0.0", func(r *released) { r.attestation.Tests = attest.Tests{}; r.leave() }, "verifiedBy", "0 tests"},
		"an approval that nobody gave":              {"v1.0.0", func(r *released) { r.guards().Approvals = 1 }, "approvals", "requires 1"},
		"a version that does not come from its tag": {"v1.0.0", func(r *released) { r.repack("version: 1.0.0", "version: 3.0.0") }, "versions", "does not match"},
		"the same version with other content":       {"v1.0.0", func(r *released) { r.repack("# A chart.", "# A chart, changed.") }, "verifiedBy", "another package"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelease(t, c.tag)
			r.leave()
			c.spoil(r)
			_, err := Promote(t.Context(), r.p, PromoteOptions{Package: r.path(".tgz"), Attestations: r.attestations()})
			var rejections policy.Rejections
			if !errors.As(err, &rejections) || rejections[0].Guard != c.guard || !strings.Contains(rejections[0].Why, c.words) || failure.Of(err) != failure.Rejected {
				t.Errorf("got %v, want the guard %s with %q", err, c.guard, c.words)
			}
			if list := r.published(); len(list) != 0 {
				t.Errorf("published all the same: %+v", list)
			}
		})
	}
}

func TestASecondPackageUnderAPublishedVersionIsRejected(t *testing.T) {
	t.Parallel()
	r := newPublished(t)
	r.repack("# A chart.", "# A chart, changed.")
	r.attestation.PackageDigest = r.c.Package.Digest
	r.leave()
	_, err := Promote(t.Context(), r.p, PromoteOptions{})
	var conflict *index.DigestConflictError
	if !errors.As(err, &conflict) || failure.Of(err) != failure.Rejected {
		t.Errorf("got %v, want a conflict", err)
	}
}

func TestWhatAStageTakesIsConfiguration(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0-rc.1")
	r.leave()
	var skip *Skip
	if _, err := Promote(t.Context(), r.p, PromoteOptions{SkipUnreleased: true}); !errors.As(err, &skip) {
		t.Errorf("with --skip-unreleased: %v", err)
	}
	r.guards().Versions = "prerelease"
	if p, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil || p.Version != "1.0.0-rc.1" {
		t.Errorf("a stage that takes prereleases: %+v %v", p, err)
	}
	dev := newRelease(t, "")
	dev.leave()
	dev.guards().Versions = "prerelease"
	if _, err := Promote(t.Context(), dev.p, PromoteOptions{}); failure.Of(err) != failure.Rejected {
		t.Errorf("a development version in a stage for prereleases: %v", err)
	}
	dev.guards().Versions = "any"
	if _, err := Promote(t.Context(), dev.p, PromoteOptions{}); err != nil {
		t.Errorf("a stage that takes any: %v", err)
	}
}

// A version that a user typed is no development build: a pipeline that calls promote for every commit must not pass over it.
func TestAVersionThatIsNotItsTagsIsNotSkipped(t *testing.T) {
	t.Parallel()
	for tag, version := range map[string]string{"v1.0.0": "1.0.0", "v1.0.0-rc.1": "1.0.0-rc.1"} {
		r := newRelease(t, tag)
		r.guards().Versions = "prerelease"
		r.leave()
		r.repack("version: "+version, "version: "+strings.Replace(version, "1", "3", 1))
		r.leave()
		_, err := Promote(t.Context(), r.p, PromoteOptions{SkipUnreleased: true})
		if rejections := (policy.Rejections{}); !errors.As(err, &rejections) || rejections[0].Guard != "versions" || len(r.published()) != 0 {
			t.Errorf("from %s: %v, %+v", tag, err, r.published())
		}
	}
}

func TestApprovalsAreCountedByKeyForThisPackageAndStage(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	alice, alicePub, _ := attest.GenerateKey()
	bob, bobPub, _ := attest.GenerateKey()
	r.env["ALICE"], r.env["ALICE_PUB"], r.env["BOB"], r.env["BOB_PUB"] = string(alice), string(alicePub), string(bob), string(bobPub)
	g := r.guards()
	g.Approvals, g.ApproverKeys = 2, []config.Key{{Env: "ALICE_PUB"}, {Env: "BOB_PUB"}}
	approve := func(key, by string) string {
		a, err := Approve(r.p, ApproveOptions{By: by, Key: config.Key{Env: key}})
		if err != nil {
			t.Fatal(err)
		}
		return a.File
	}
	first := approve("ALICE", "alice")
	attestation := r.path(".tgz.record.json")
	for name, files := range map[string][]string{"none": {attestation}, "one": {attestation, first}, "one person twice": {attestation, first, approve("ALICE", "alice again")}} {
		if _, err := Promote(t.Context(), r.p, PromoteOptions{Attestations: files}); failure.Of(err) != failure.Rejected {
			t.Errorf("%s: %v, want a rejection", name, err)
		}
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{Attestations: []string{attestation, first, approve("BOB", "bob")}}); err != nil {
		t.Errorf("two approvals: %v", err)
	}
	if _, err := Approve(r.p, ApproveOptions{Key: config.Key{Env: "ALICE"}}); failure.Of(err) != failure.BadInput {
		t.Errorf("an approval without a name: %v", err)
	}
}

func TestYankTakesAVersionBack(t *testing.T) {
	t.Parallel()
	r := newPublished(t)
	r.p.DryRun = true
	if _, err := Yank(t.Context(), r.p, "", "hello", "1.0.0"); err != nil || len(r.published()) != 1 {
		t.Errorf("a dry run: %v, %d versions left", err, len(r.published()))
	}
	r.p.DryRun = false
	if _, err := Yank(t.Context(), r.p, "", "hello", "1.0.0"); err != nil || len(r.published()) != 0 {
		t.Errorf("%v, %d versions left", err, len(r.published()))
	}
	if _, err := Yank(t.Context(), r.p, "", "hello", "9.9.9"); !errors.Is(err, publish.ErrNone) {
		t.Errorf("a version that was never there: %v", err)
	}
}

func TestYankTakesAVersionThatAnotherToolWroteLikeItsTag(t *testing.T) {
	t.Parallel()
	r := newPublished(t)
	_, _, err := gitrepo.Update(t.Context(), r.prod, "", func(dir string) (string, bool, error) {
		text, err := os.ReadFile(dir + "/index.yaml")
		entry := "entries:\n  other:\n  - name: other\n    version: v1.8.0\n    urls: [other-v1.8.0.tgz]\n"
		return "a chart of another tool", true, errors.Join(err, os.WriteFile(dir+"/index.yaml", []byte(strings.Replace(string(text), "entries:\n", entry, 1)), 0o644))
	}, gitrepo.UpdateOptions{})
	if err != nil || len(r.published()) != 2 {
		t.Fatalf("%v: %+v", err, r.published())
	}
	if _, err := Yank(t.Context(), r.p, "", "other", "v1.8.0"); err != nil || len(r.published()) != 1 || r.published()[0].Name != "hello" {
		t.Errorf("%v, left are %+v", err, r.published())
	}
}

func TestPromoteReportsWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	for name, o := range map[string]PromoteOptions{
		"nothing was verified here":     {},
		"a package that does not exist": {Package: "/no/such.tgz"},
		"a stage that does not exist":   {Stage: "moon"},
		"a package that is no package":  {Package: r.source.Dir + "/go.mod"},
	} {
		if _, err := Promote(t.Context(), r.p, o); failure.Of(err) != failure.BadInput {
			t.Errorf("%s: %v (%s), want bad input", name, err, failure.Of(err))
		}
	}
	r.leave()
	delete(r.env, "QA_PUB")
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); failure.Of(err) != failure.BadInput {
		t.Errorf("without the public key: %v", err)
	}
}

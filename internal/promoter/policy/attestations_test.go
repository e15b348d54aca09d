package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// signer has a key pair; the public key is in a variable.
type signer struct {
	t    *testing.T
	priv []byte
}

func newSigner(t *testing.T, env map[string]string, variable string) signer {
	t.Helper()
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	env[variable] = string(pub)
	return signer{t, priv}
}

func (s signer) envelope(data []byte, err error) []byte {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s signer) verification(pkg *chart.Package) []byte {
	s.t.Helper()
	return s.stage("qa", pkg)
}

// stage is a verification by a stage of this name.
func (s signer) stage(name string, pkg *chart.Package) []byte {
	s.t.Helper()
	return s.envelope(attest.Sign(attest.Verification{
		Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, PackageDigest: pkg.Digest, Stage: name,
		SourceCommit: strings.Repeat("c", 40), Tests: attest.Tests{Run: 1, Passed: 1},
	}, s.priv))
}

func (s signer) approval(by, stage, digest string) []byte {
	s.t.Helper()
	return s.envelope(attest.SignApproval(attest.Approval{Chart: "hello", Version: "1.2.0", PackageDigest: digest, Stage: stage, By: by}, s.priv))
}

func TestCollectTrustsTheKeysOfTheStage(t *testing.T) {
	env := map[string]string{}
	qa, other := newSigner(t, env, "QA"), newSigner(t, env, "OTHER")
	alice, bob := newSigner(t, env, "ALICE"), newSigner(t, env, "BOB")
	env["ALICE_AGAIN"] = env["ALICE"]
	pkg := &newDecision().pkg
	stage := &config.Stage{Name: "prod", Guards: &config.Guards{
		VerifiedBy: config.Names{"qa"}, Approvals: 1, ApproverKeys: []config.Key{{Env: "ALICE"}, {Env: "BOB"}, {Env: "ALICE_AGAIN"}},
	}}
	keys := Keys{
		Config: &config.Config{Stages: []config.Stage{{Name: "qa", PublicKey: config.Key{Env: "QA"}}, *stage}},
		Env:    func(name string) string { return env[name] },
	}
	// The signature is checked before the kind: an approval counts as an invalid attestation too.
	for name, c := range map[string]struct {
		envelopes                         [][]byte
		verifications, invalid, approvals int
	}{
		"none":                            {nil, 0, 0, 0},
		"an attestation":                  {[][]byte{qa.verification(pkg)}, 1, 0, 0},
		"an attestation of another key":   {[][]byte{other.verification(pkg)}, 0, 1, 0},
		"no envelope":                     {[][]byte{[]byte("{}")}, 0, 1, 0},
		"an approval":                     {[][]byte{alice.approval("alice", "prod", pkg.Digest)}, 0, 1, 1},
		"two approvals":                   {[][]byte{alice.approval("alice", "prod", pkg.Digest), bob.approval("bob", "prod", pkg.Digest)}, 0, 2, 2},
		"one person under two names":      {[][]byte{alice.approval("alice", "prod", pkg.Digest), alice.approval("bob", "prod", pkg.Digest)}, 0, 2, 1},
		"an approval for another stage":   {[][]byte{alice.approval("alice", "qa", pkg.Digest)}, 0, 1, 0},
		"an approval for another package": {[][]byte{alice.approval("alice", "prod", strings.Repeat("b", 64))}, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := keys.Collect(stage, pkg, c.envelopes)
			if err != nil || len(a.Verifications) != c.verifications || len(a.Invalid) != c.invalid || len(a.Approvals) != c.approvals {
				t.Errorf("%d verifications, invalid %v, %d approvals, %v", len(a.Verifications), a.Invalid, len(a.Approvals), err)
			}
		})
	}
	t.Run("an approval of nobody who may approve", func(t *testing.T) {
		a, err := keys.Collect(stage, pkg, [][]byte{other.approval("mallory", "prod", pkg.Digest)})
		if err != nil || len(a.Approvals) != 0 {
			t.Errorf("%+v, %v", a.Approvals, err)
		}
	})
	for _, variable := range []string{"QA", "ALICE"} {
		t.Run("without the key "+variable, func(t *testing.T) {
			value := env[variable]
			defer func() { env[variable] = value }()
			env[variable] = ""
			if _, err := keys.Collect(stage, pkg, nil); !errors.Is(err, attest.ErrNoKey) {
				t.Errorf("got %v, want ErrNoKey", err)
			}
		})
	}
}

func TestOnlyItsOwnKeySpeaksForAStage(t *testing.T) {
	env := map[string]string{}
	qa, staging := newSigner(t, env, "QA"), newSigner(t, env, "STAGING")
	pkg := &newDecision().pkg
	stage := &config.Stage{Name: "prod", Guards: &config.Guards{Versions: config.Releases, VerifiedBy: config.Names{"qa", "staging"}}}
	keys := Keys{
		Config: &config.Config{Stages: []config.Stage{{Name: "qa", PublicKey: config.Key{Env: "QA"}}, {Name: "staging", PublicKey: config.Key{Env: "STAGING"}}, *stage}},
		Env:    func(name string) string { return env[name] },
	}
	for name, c := range map[string]struct {
		envelopes [][]byte
		rejected  bool
	}{
		"both":                                    {[][]byte{qa.stage("qa", pkg), staging.stage("staging", pkg)}, false},
		"both by the key of qa":                   {[][]byte{qa.stage("qa", pkg), qa.stage("staging", pkg)}, true},
		"both by the key of staging":              {[][]byte{staging.stage("qa", pkg), staging.stage("staging", pkg)}, true},
		"qa alone":                                {[][]byte{qa.stage("qa", pkg)}, true},
		"both, and one of a key of no one":        {[][]byte{newSigner(t, env, "X").stage("qa", pkg), qa.stage("qa", pkg), staging.stage("staging", pkg)}, false},
		"the same one twice":                      {[][]byte{qa.stage("qa", pkg), qa.stage("qa", pkg)}, true},
		"both, and a forged one of the other key": {[][]byte{qa.stage("qa", pkg), qa.stage("staging", pkg), staging.stage("staging", pkg)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := keys.Collect(stage, pkg, c.envelopes)
			if err != nil {
				t.Fatal(err)
			}
			if got := Evaluate(stage, pkg, a, now); (len(got) > 0) != c.rejected {
				t.Errorf("rejected: %v", got)
			}
		})
	}
	if v, err := keys.Verification(&keys.Config.Stages[0], pkg, [][]byte{staging.stage("qa", pkg), qa.stage("qa", pkg)}); err != nil || v.Stage != "qa" {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := keys.Verification(&keys.Config.Stages[0], pkg, [][]byte{staging.stage("qa", pkg)}); !errors.Is(err, ErrRejected) {
		t.Errorf("one that another key signed: %v", err)
	}
}

// A configuration may use one key for several stages.
func TestStagesCanShareAKey(t *testing.T) {
	env := map[string]string{}
	qa := newSigner(t, env, "QA")
	pkg := &newDecision().pkg
	stage := &config.Stage{Name: "prod", Guards: &config.Guards{Versions: config.Releases, VerifiedBy: config.Names{"qa", "staging"}}}
	keys := Keys{
		Config: &config.Config{Stages: []config.Stage{{Name: "qa", PublicKey: config.Key{Env: "QA"}}, {Name: "staging", PublicKey: config.Key{Env: "QA"}}, *stage}},
		Env:    func(name string) string { return env[name] },
	}
	a, err := keys.Collect(stage, pkg, [][]byte{qa.stage("qa", pkg), qa.stage("staging", pkg)})
	if got := Evaluate(stage, pkg, a, now); err != nil || len(got) > 0 || len(a.Verifications) != 2 {
		t.Errorf("rejected: %v, %v, %d verifications", got, err, len(a.Verifications))
	}
}

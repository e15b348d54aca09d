package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Attestations are the attestations of a package that a stage trusts.
type Attestations struct {
	// Verifications have a valid signature of a stage that verifies, in the order of these stages; Invalid are the errors of the others.
	Verifications []attest.Verification
	Invalid       []error
	// Approvals are for this package and this stage, one for each approver.
	Approvals []attest.Approval
}

// Collect opens signed envelopes with the keys that a publishing stage trusts. Errors: attest.ErrNoKey, attest.ErrBadKey.
func (k Keys) Collect(stage *config.Stage, pkg *chart.Package, envelopes [][]byte) (Attestations, error) {
	var a Attestations
	pubs := map[string][]byte{}
	for _, by := range stage.Guards.Verifiers() {
		pub, err := k.Public(k.Config.Stage(by))
		if err != nil {
			return a, fmt.Errorf("check the attestations of stage %s: %w", by, err)
		}
		pubs[by] = pub
	}
	for _, env := range envelopes {
		a.add(env, stage.Guards.Verifiers(), pubs)
	}
	slices.SortStableFunc(a.Verifications, func(x, y attest.Verification) int {
		return slices.Index(stage.Guards.Verifiers(), x.Stage) - slices.Index(stage.Guards.Verifiers(), y.Stage)
	})
	counted := map[string]bool{}
	for i, key := range stage.Guards.ApproverKeys {
		pub, id, err := k.approver(key)
		if err != nil {
			return a, fmt.Errorf("approverKeys[%d] of stage %s: %w", i, stage.Name, err)
		}
		// One person's key under two names is one approval.
		if counted[id] {
			continue
		}
		counted[id] = true
		if approval := approvalBy(pub, stage.Name, pkg.Digest, envelopes); approval != nil {
			a.Approvals = append(a.Approvals, *approval)
		}
	}
	return a, nil
}

// add adds an envelope that the key of one of the stages signed, or else the reason why it is invalid.
func (a *Attestations) add(env []byte, stages []string, pubs map[string][]byte) {
	var invalid error
	for _, by := range stages {
		v, err := attest.Verify(env, pubs[by])
		switch {
		case err == nil && v.Stage != by && pubs[v.Stage] != nil:
			// Only its own key speaks for a stage; its turn comes, or was.
			err = fmt.Errorf("the key of stage %s signed an attestation of stage %s: %w", by, v.Stage, attest.ErrBadSignature)
		case err == nil:
			a.Verifications = append(a.Verifications, *v)
			return
		case errors.Is(err, attest.ErrWrongKind):
			return
		}
		if invalid == nil {
			invalid = err
		}
	}
	if invalid != nil {
		a.Invalid = append(a.Invalid, invalid)
	}
}

// Verification is the attestation of a package by a stage that tests, of which its own key signed an envelope. Errors: ErrRejected,
// attest.ErrNoKey, attest.ErrBadKey.
func (k Keys) Verification(stage *config.Stage, pkg *chart.Package, envelopes [][]byte) (*attest.Verification, error) {
	by := &config.Stage{Name: stage.Name, Guards: &config.Guards{VerifiedBy: config.Names{stage.Name}}}
	a, err := k.Collect(by, pkg, envelopes)
	if err != nil {
		return nil, err
	}
	if r := checkVerification(by, pkg, a, time.Time{}); r != nil {
		return nil, Rejections{*r}
	}
	for _, v := range a.Verifications {
		if mismatch(stage.Name, pkg, v) == "" {
			return &v, nil
		}
	}
	return nil, ErrRejected
}

func (k Keys) approver(key config.Key) (pub []byte, id string, err error) {
	if pub, err = k.Read(key); err != nil {
		return nil, "", err
	}
	id, err = attest.KeyID(pub)
	return pub, id, err
}

// approvalBy is the first approval of a package for a stage with a signature of this key, or nil.
func approvalBy(pub []byte, stage, digest string, envelopes [][]byte) *attest.Approval {
	for _, env := range envelopes {
		if a, err := attest.VerifyApproval(env, pub); err == nil && a.Stage == stage && a.PackageDigest == digest {
			return a
		}
	}
	return nil
}

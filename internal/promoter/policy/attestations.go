package policy

import (
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Attestations are the attestations of a package that a stage trusts.
type Attestations struct {
	// Verifications have a valid signature of the stage that verifies; Invalid are the errors of the others.
	Verifications []attest.Verification
	Invalid       []error
	// Approvals are for this package and this stage, one for each approver.
	Approvals []attest.Approval
}

// Collect opens signed envelopes with the keys that a publishing stage trusts. Errors: attest.ErrNoKey, attest.ErrBadKey.
func (k Keys) Collect(stage *config.Stage, pkg *chart.Package, envelopes [][]byte) (Attestations, error) {
	var a Attestations
	if by := stage.Guards.VerifiedBy; by != config.Unverified {
		pub, err := k.Public(k.Config.Stage(by))
		if err != nil {
			return a, fmt.Errorf("check the attestations of stage %s: %w", by, err)
		}
		for _, env := range envelopes {
			v, err := attest.Verify(env, pub)
			a.add(v, err)
		}
	}
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

func (a *Attestations) add(v *attest.Verification, err error) {
	if err == nil {
		a.Verifications = append(a.Verifications, *v)
	} else if !errors.Is(err, attest.ErrWrongKind) {
		a.Invalid = append(a.Invalid, err)
	}
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

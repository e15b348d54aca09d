package step

import (
	"errors"
	"fmt"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// approvers gives the stage prod so many approvers with keys of their own, in the variables KEY0, KEY1, …
func (r *released) approvers(n int) {
	g := r.guards()
	for i := range n {
		priv, pub, err := attest.GenerateKey()
		if err != nil {
			r.t.Fatal(err)
		}
		r.env[fmt.Sprintf("KEY%d", i)], r.env[fmt.Sprintf("PUB%d", i)] = string(priv), string(pub)
		g.ApproverKeys = append(g.ApproverKeys, config.Key{Env: fmt.Sprintf("PUB%d", i)})
	}
	g.Approvals = n
}

func TestApprovalsInTheWorkDirectoryAreTakenByPromote(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(2)
	// Two people whose names begin alike are two.
	for i, by := range []string{"release manager one", "release manager two"} {
		if _, err := Promote(t.Context(), r.p, PromoteOptions{}); failure.Of(err) != failure.Rejected {
			t.Errorf("with %d approvals: %v", i, err)
		}
		if _, err := Approve(r.p, ApproveOptions{By: by, Key: config.Key{Env: fmt.Sprintf("KEY%d", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAnApprovalThatIsNamedDoesNotTakeTheAttestationsPlace(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(1)
	a, err := Approve(r.p, ApproveOptions{By: "a", Key: config.Key{Env: "KEY0"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{Attestations: []string{a.File}}); err != nil {
		t.Error(err)
	}
}

func TestOneKeyUnderTwoNamesIsOneApproval(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(2)
	r.env["PUB1"] = "\n" + r.env["PUB0"]
	if _, err := Approve(r.p, ApproveOptions{By: "a", Key: config.Key{Env: "KEY0"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); failure.Of(err) != failure.Rejected {
		t.Errorf("got %v", err)
	}
}

func TestADryRunOfPromoteRejectsWhatPromoteRejects(t *testing.T) {
	t.Parallel()
	r := newPublished(t)
	r.repack("# A chart.", "# A chart, changed.")
	r.guards().VerifiedBy = config.Names{"none"}
	r.p.DryRun = true
	var conflict *index.DigestConflictError
	if _, err := Promote(t.Context(), r.p, PromoteOptions{Package: r.path(".tgz")}); !errors.As(err, &conflict) || failure.Of(err) != failure.Rejected {
		t.Errorf("got %v", err)
	}
}

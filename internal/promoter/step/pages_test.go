package step

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// A release goes to prod, and from there to a stage that wants an approval.
func TestStatusChecksAheadFromEachStageToTheNext(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.attestation.Run, r.attestation.TestedBy = "https://ci.example.com/1", testrun.Installation
	r.leave()
	alice, alicePub, _ := attest.GenerateKey()
	r.env["ALICE"], r.env["ALICE_PUB"] = string(alice), string(alicePub)
	r.p.Config.Stages = append(r.p.Config.Stages, config.Stage{
		Name: "final", Publish: &config.Publish{Directory: t.TempDir()},
		Guards: &config.Guards{Versions: "release", VerifiedBy: config.Names{"qa"}, Approvals: 1, ApproverKeys: []config.Key{{Env: "ALICE_PUB"}}},
	})
	reported := func() map[string]string {
		t.Helper()
		list, err := r.p.Stages().Status(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, v := range list {
			if v.TestedBy != testrun.Installation {
				t.Errorf("%s was tested by %q", v.Stage, v.TestedBy)
			}
			all[v.Stage] = v.Version + " by " + v.VerifiedBy + " approved by " + strings.Join(v.ApprovedBy, ",") + " next " + v.Next
			for _, m := range v.Missing {
				all[v.Stage] += " wants " + m.Guard
			}
		}
		return all
	}
	const tested = "1.2.0 by https://ci.example.com/1 approved by "
	if diff := cmp.Diff(map[string]string{"qa": tested + " next prod"}, reported()); diff != "" {
		t.Error("tested:", diff)
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"qa": tested + " next ", "prod": tested + " next final wants approvals"}, reported()); diff != "" {
		t.Error("in prod:", diff)
	}
	approval, err := Approve(r.p, ApproveOptions{Stage: "final", By: "alice", Key: config.Key{Env: "ALICE"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tested+"alice next final", reported()["prod"]); diff != "" {
		t.Error("approved:", diff)
	}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{Stage: "final", Attestations: append(r.attestations(), approval.File)}); err != nil {
		t.Fatal(err)
	}
	r.p.Work = workdir.Dir(t.TempDir()) // what is published reports it by itself
	if diff := cmp.Diff(map[string]string{"qa": tested + " next ", "prod": tested + "alice next ", "final": tested + "alice next "}, reported()); diff != "" {
		t.Error("in the last stage:", diff)
	}
}

func TestStatusOfAPipelineThatOnlyBuildsIsEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.Config.Stages = w.p.Config.Stages[:1]
	if list, err := w.p.Stages().Status(t.Context(), 0); len(list) != 0 || err != nil {
		t.Errorf("%+v %v", list, err)
	}
}

func TestAAttestationByAnotherKeyReportsNothing(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.key, _, _ = attest.GenerateKey()
	r.leave()
	list, err := r.p.Stages().Status(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].Tests != nil || len(list[0].Missing) != 1 || !strings.Contains(list[0].Missing[0].Why, "signature") {
		t.Errorf("%+v %v", list, err)
	}
}

func TestStatusWithoutAStageThatTests(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	open := &config.Guards{Versions: "any", VerifiedBy: config.Names{"none"}}
	r.p.Config.Stages = []config.Stage{{Name: "one", Publish: &config.Publish{Directory: t.TempDir()}, Guards: open}, {Name: "two", Publish: &config.Publish{Directory: t.TempDir()}, Guards: open}}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	list, err := r.p.Stages().Status(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].Stage != "one" || list[0].Next != "two" || list[0].Missing != nil {
		t.Errorf("%+v %v", list, err)
	}
}

package pipeline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

func TestThePageKnowsWhereItIsServed(t *testing.T) {
	for name, c := range map[string]struct {
		publish config.Publish
		want    string
	}{
		"the address that is configured": {config.Publish{Git: "https://github.com/a/b.git", URL: "https://charts.example.com"}, "https://charts.example.com"},
		"a repository on GitHub":         {config.Publish{Git: "https://github.com/Owner/helm-charts.git"}, "https://owner.github.io/helm-charts"},
		"without .git":                   {config.Publish{Git: "https://github.com/owner/charts/"}, "https://owner.github.io/charts"},
		"the owner's own page":           {config.Publish{Git: "https://github.com/Owner/owner.github.io.git"}, "https://owner.github.io"},
		"with a token":                   {config.Publish{Git: "https://x:secret@github.com/owner/charts"}, "https://owner.github.io/charts"},
		"another server":                 {config.Publish{Git: "https://git.example.com/owner/charts.git"}, ""},
		"no repository of anybody":       {config.Publish{Git: "https://github.com/charts.git"}, ""},
		"a path":                         {config.Publish{Git: "/srv/charts.git"}, ""},
		"a directory":                    {config.Publish{Directory: "/srv/charts"}, ""},
	} {
		if got := servedAt(&c.publish); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A release goes to prod, and from there to a stage that wants an approval.
func TestStatusLooksAheadFromEachStageToTheNext(t *testing.T) {
	r := newRelease(t, "v1.2.0")
	r.record.Run, r.record.TestedBy = "https://ci.example.com/1", TestedByInstallation
	r.leave()
	alice, alicePub, _ := attest.GenerateKey()
	r.env["ALICE"], r.env["ALICE_PUB"] = string(alice), string(alicePub)
	r.s.Config.Stages = append(r.s.Config.Stages, config.Stage{
		Name: "final", Publish: &config.Publish{Directory: t.TempDir()},
		Guards: &config.Guards{Versions: "release", VerifiedBy: "qa", Approvals: 1, ApproverKeys: []config.Key{{Env: "ALICE_PUB"}}},
	})
	said := func() map[string]string {
		t.Helper()
		list, err := Status(t.Context(), r.s, 0)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, v := range list {
			if v.TestedBy != TestedByInstallation {
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
	if diff := cmp.Diff(map[string]string{"qa": tested + " next prod"}, said()); diff != "" {
		t.Error("tested:", diff)
	}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"qa": tested + " next ", "prod": tested + " next final wants approvals"}, said()); diff != "" {
		t.Error("in prod:", diff)
	}
	approval, err := Approve(t.Context(), r.s, ApproveOptions{Stage: "final", By: "alice", Key: config.Key{Env: "ALICE"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tested+"alice next final", said()["prod"]); diff != "" {
		t.Error("approved:", diff)
	}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{Stage: "final", Records: append(r.records(), approval.File)}); err != nil {
		t.Fatal(err)
	}
	r.s.Work = t.TempDir() // what is published says it by itself
	if diff := cmp.Diff(map[string]string{"qa": tested + " next ", "prod": tested + "alice next ", "final": tested + "alice next "}, said()); diff != "" {
		t.Error("in the last stage:", diff)
	}
}

func TestStatusOfAPipelineThatOnlyBuildsIsEmpty(t *testing.T) {
	w := newWorld(t)
	w.s.Config.Stages = w.s.Config.Stages[:1]
	if list, err := Status(t.Context(), w.s, 0); len(list) != 0 || err != nil {
		t.Errorf("%+v %v", list, err)
	}
}

func TestARecordByAnotherKeySaysNothing(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.key, _, _ = attest.GenerateKey()
	r.leave()
	list, err := Status(t.Context(), r.s, 0)
	if err != nil || len(list) != 1 || list[0].Tests != nil || len(list[0].Missing) != 1 || !strings.Contains(list[0].Missing[0].Why, "signature") {
		t.Errorf("%+v %v", list, err)
	}
}

func TestStatusWithoutAStageThatTests(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.leave()
	open := &config.Guards{Versions: "any", VerifiedBy: "none"}
	r.s.Config.Stages = []config.Stage{{Name: "one", Publish: &config.Publish{Directory: t.TempDir()}, Guards: open}, {Name: "two", Publish: &config.Publish{Directory: t.TempDir()}, Guards: open}}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	list, err := Status(t.Context(), r.s, 0)
	if err != nil || len(list) != 1 || list[0].Stage != "one" || list[0].Next != "two" || list[0].Missing != nil {
		t.Errorf("%+v %v", list, err)
	}
}

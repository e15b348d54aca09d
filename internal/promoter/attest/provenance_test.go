package attest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func provenance() Provenance {
	return Provenance{
		Chart: "operator", Version: "1.2.3", AppVersion: "v1.2.3", PackageDigest: strings.Repeat("ab", 32),
		Source: "https://git.example.com/operator.git", SourceCommit: strings.Repeat("0f", 20),
		Images: []ImageRef{{"registry.example.com/operator:v1.2.3", "sha256:" + strings.Repeat("cd", 32), []string{"go1.26.1"}}, {"registry.example.com/other:v1", "", nil}},
		Stage:  "qa", Run: "https://ci.example.com/1",
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), FinishedAt: time.Date(2026, 1, 2, 3, 14, 5, 0, time.UTC),
	}
}

func TestTheLibraryOfInTotoReadsTheProvenance(t *testing.T) {
	priv, _ := keys(t)
	envelope, err := SignProvenance(provenance(), priv)
	if err != nil {
		t.Fatal(err)
	}
	var s intoto.Statement
	if err := protojson.Unmarshal([]byte(body(t, envelope)), &s); err != nil {
		t.Fatal(err)
	}
	raw, err := s.GetPredicate().MarshalJSON()
	if err != nil || s.GetPredicateType() != "https://slsa.dev/provenance/v1" {
		t.Fatal(s.GetPredicateType(), err)
	}
	var p slsa.Provenance
	if err := protojson.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	list := p.GetBuildDefinition().GetResolvedDependencies()
	if len(list) != 2 || list[0].GetDigest()["gitCommit"] != strings.Repeat("0f", 20) || list[1].GetDigest()["sha256"] != strings.Repeat("cd", 32) {
		t.Errorf("it is created from %v", list)
	}
	if a := list[1].GetAnnotations().GetFields()["com.github.christianb93.chart-promoter.go"].GetListValue().GetValues(); len(a) != 1 || a[0].GetStringValue() != "go1.26.1" {
		t.Errorf("the image was compiled by %v", a)
	}
	if m := p.GetRunDetails().GetMetadata(); m.GetInvocationId() != "https://ci.example.com/1" || !m.GetStartedOn().AsTime().Equal(provenance().StartedAt) {
		t.Errorf("it was created by %v", m)
	}
}

func TestAStatementIsRestatedAboutAnArtifact(t *testing.T) {
	qa, qaPub := keys(t)
	prod, prodPub := keys(t)
	pkg, manifest := strings.Repeat("ab", 32), strings.Repeat("12", 32)
	created, err := SignProvenance(provenance(), qa)
	if err != nil {
		t.Fatal(err)
	}
	sbom, err := SignSBOM("operator", "1.2.3", pkg, json.RawMessage(`{"spdxVersion":"SPDX-2.3"}`), qa)
	if err != nil {
		t.Fatal(err)
	}
	for kind, envelope := range map[string][]byte{VerificationType: signed(t, qa), ProvenanceType: created, SBOMType: sbom} {
		again, err := Restate(envelope, pkg, "registry.example.com/charts/operator", manifest, prod, qaPub)
		if err != nil {
			t.Fatal(err)
		}
		var predicate, first json.RawMessage
		about, err := open(again, kind, &predicate, [][]byte{prodPub})
		if err != nil || about.Digest["sha256"] != manifest {
			t.Errorf("%s: about %v, %v", kind, about, err)
		}
		if _, err := open(envelope, kind, &first, [][]byte{qaPub}); err != nil || string(first) != string(predicate) {
			t.Errorf("%s: %s became %s", kind, first, predicate)
		}
		if _, err := Restate(envelope, pkg, "x", manifest, prod, prodPub); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s of another key: %v", kind, err)
		}
		if _, err := Restate(envelope, manifest, "x", manifest, prod, qaPub); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s of another package: %v", kind, err)
		}
	}
	approved, _ := SignApproval(approval(), qa)
	if _, err := Restate(approved, pkg, "x", manifest, prod, qaPub); !errors.Is(err, ErrWrongKind) {
		t.Errorf("an approval: %v", err)
	}
	if _, err := SignArtifact("x", "abc", prod); !errors.Is(err, ErrIncomplete) {
		t.Errorf("half a digest: %v", err)
	}
}

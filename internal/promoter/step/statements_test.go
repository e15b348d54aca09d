package step

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// predicates are the types of the statements that refer to the chart in a registry, and the text of the SBOM.
func predicates(t *testing.T, chart string) (types []string) {
	t.Helper()
	ref, err := name.ParseReference(chart)
	if err != nil {
		t.Fatal(err)
	}
	d, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	idx, err := remote.Referrers(ref.Context().Digest(d.Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	list, _ := idx.IndexManifest()
	for _, m := range list.Manifests {
		types = append(types, m.Annotations["dev.sigstore.bundle.predicateType"])
	}
	slices.Sort(types)
	return types
}

// referrersRegistry is the address of a registry that lists what refers to an image.
func referrersRegistry(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestAPromotionToARegistryHasProvenanceAndAnSBOM(t *testing.T) {
	t.Parallel()
	host := referrersRegistry(t)
	r := newRelease(t, "v1.2.0")
	r.leave()
	if err := r.p.writeStatements(t.Context(), r.p.Config.Stage("qa"), r.c, r.p.description(t.Context(), r.c), r.key, r.p.Now()); err != nil {
		t.Fatal(err)
	}
	prod := r.p.Config.Stage("prod")
	prod.Publish.Git, prod.Publish.OCI = "", "oci://"+host+"/charts"
	promote := func() *PromoteResult {
		t.Helper()
		p, err := Promote(t.Context(), r.p, PromoteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	promote()
	about := []string{attest.VerificationType, attest.ProvenanceType, attest.SBOMType}
	slices.Sort(about)
	if diff := cmp.Diff(about, predicates(t, host+"/charts/hello:1.2.0")); diff != "" {
		t.Error(diff)
	}
	// With a key of its own, the stage signs the chart that is published already, and what is attested of it.
	priv, _, _ := attest.GenerateKey()
	prod.Key = config.Key{Env: "PROD_KEY"}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err == nil || !strings.Contains(err.Error(), "stage prod requires a key") {
		t.Errorf("without its key: %v", err)
	}
	r.env["PROD_KEY"] = string(priv)
	for _, changed := range []bool{true, false} {
		if p := promote(); p.Changed != changed {
			t.Errorf("%+v", p)
		}
	}
	all := slices.Concat(about, about, []string{attest.SignatureType})
	slices.Sort(all)
	if diff := cmp.Diff(all, predicates(t, host+"/charts/hello:1.2.0")); diff != "" {
		t.Error(diff)
	}
	if st, err := r.p.Stages().Status(t.Context(), 0); err != nil || st[1].Tests == nil || st[1].Commit != r.c.SourceCommit {
		t.Errorf("status is %+v, %v", st, err)
	}
}

// Where nobody may read the image, the package is attested all the same.
func TestAnImageThatCannotBeReadHasNoSBOM(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.leave()
	for _, gone := range []bool{false, true} {
		if gone {
			r.c.Images[0].Digest = "sha256:" + strings.Repeat("0", 64)
		}
		if err := r.p.writeStatements(t.Context(), r.p.Config.Stage("qa"), r.c, r.p.description(t.Context(), r.c), r.key, r.p.Now()); err != nil {
			t.Fatal(err)
		}
		pkg, err := r.p.readTested(PromoteOptions{})
		if want := map[bool]int{false: 3, true: 2}[gone]; err != nil || len(pkg.Envelopes) != want || gone != strings.Contains(r.log.String(), "no SBOM") {
			t.Errorf("gone %t: %d envelopes, %v\n%s", gone, len(pkg.Envelopes), err, r.log)
		}
	}
}

func TestTheSBOMNamesTheProgramsOfEveryPlatformAndTheProvenanceTheirToolchain(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.leave()
	if err := r.p.writeStatements(t.Context(), r.p.Config.Stage("qa"), r.c, r.p.description(t.Context(), r.c), r.key, r.p.Now()); err != nil {
		t.Fatal(err)
	}
	pkg, err := r.p.readTested(PromoteOptions{})
	if err != nil || len(pkg.Envelopes) != 3 {
		t.Fatalf("%d envelopes, %v", len(pkg.Envelopes), err)
	}
	found, provenance := "", ""
	for _, e := range pkg.Envelopes {
		var envelope struct{ Payload string }
		if err := json.Unmarshal(e, &envelope); err != nil {
			t.Fatal(err)
		}
		body, err := base64.StdEncoding.DecodeString(envelope.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), attest.SBOMType) {
			found = string(body)
		}
		if strings.Contains(string(body), attest.ProvenanceType) {
			provenance = string(body)
		}
	}
	if want := `"annotations":{"` + image.ToolchainLabel + `":["` + runtime.Version() + `"]}`; !strings.Contains(provenance, want) {
		t.Errorf("no %s in\n%s", want, provenance)
	}
	for _, want := range []string{"linux/amd64", `"name":"/hello"`, `"name":"example.com/hello"`, `"name":"stdlib"`, r.c.Package.Digest, r.c.ImageDigest()} {
		if !strings.Contains(found, want) {
			t.Errorf("no %s in\n%s", want, found)
		}
	}
}

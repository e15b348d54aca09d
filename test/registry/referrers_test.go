//go:build e2e

package registry

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// shop is a registry with a published chart, and the keys that signed it.
type shop struct {
	*testing.T
	home, ref    string // home has qa.pub, prod.pub and the package
	pkg          *chart.Package
	attested     [][]byte
	oras, cosign string
}

func newShop(t *testing.T, referrersAPI bool) *shop {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrersAPI)))
	t.Cleanup(server.Close)
	s := &shop{T: t, home: t.TempDir(), oras: tool(t, orasModule), cosign: tool(t, cosignModule)}
	base := strings.TrimPrefix(server.URL, "http://") + "/charts"
	s.ref = base + "/hello:1.0.0"
	source := t.TempDir()
	s.write(filepath.Join(source, "Chart.yaml"), []byte("apiVersion: v2\nname: hello\nversion: 1.0.0\nappVersion: v1.0.0\n"))
	var err error
	if s.pkg, err = chart.Pack(source); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.home, s.pkg.Filename()), s.pkg.Bytes)
	qa, prod := s.key("qa"), s.key("prod")
	target, err := publish.Open(publish.Config{OCI: base}, publish.Env(func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	envelopes := s.envelopes(qa)
	s.attested = envelopes
	qaPub, _ := attest.PublicKey(qa)
	_, err = target.Publish(t.Context(), publish.Item{Package: s.pkg, Attestations: envelopes, Sign: func(manifest string) ([][]byte, error) {
		return attest.SignManifest(envelopes, s.pkg.Digest, base+"/hello", manifest, prod, qaPub)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) write(path string, content []byte) {
	s.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		s.Fatal(err)
	}
}

// key creates a pair and writes NAME.pub.
func (s *shop) key(name string) []byte {
	s.Helper()
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		s.Fatal(err)
	}
	s.write(filepath.Join(s.home, name+".pub"), pub)
	return priv
}

func (s *shop) envelopes(key []byte) (all [][]byte) {
	s.Helper()
	commit, now := strings.Repeat("0f", 20), time.Unix(1e9, 0).UTC()
	tested, err := attest.Sign(attest.Verification{
		Chart: s.pkg.Name, Version: s.pkg.Version, AppVersion: s.pkg.AppVersion, PackageDigest: s.pkg.Digest, SourceCommit: commit, Stage: "qa",
		Tests: attest.Tests{Run: 1, Passed: 1}, StartedAt: now, FinishedAt: now,
	}, key)
	if err != nil {
		s.Fatal(err)
	}
	created, err := attest.SignProvenance(attest.Provenance{
		Chart: s.pkg.Name, Version: s.pkg.Version, AppVersion: s.pkg.AppVersion, PackageDigest: s.pkg.Digest, SourceCommit: commit, Stage: "qa", StartedAt: now, FinishedAt: now,
	}, key)
	if err != nil {
		s.Fatal(err)
	}
	sbom, err := attest.SignSBOM(s.pkg.Name, s.pkg.Version, s.pkg.Digest, json.RawMessage(`{"spdxVersion":"SPDX-2.3"}`), key)
	if err != nil {
		s.Fatal(err)
	}
	return [][]byte{tested, created, sbom}
}

// discovered are the digests of what oras finds.
func (s *shop) discovered() (digests []string) {
	s.Helper()
	out, err := run(s.T, s.home, s.oras, "discover", "--plain-http", "--format", "json", s.ref)
	if err != nil {
		s.Fatalf("oras discover: %v\n%s", err, out)
	}
	var found struct {
		Referrers []struct {
			Digest, ArtifactType string
		} `json:"referrers"`
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
	for _, r := range found.Referrers {
		digests = append(digests, r.Digest)
	}
	return digests
}

func TestOrasAndCosignFindAndVerifyWhatWasPublished(t *testing.T) {
	for name, api := range map[string]bool{"a registry with the referrers API": true, "a registry without it": false} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, api)
			found := s.discovered()
			if len(found) != 7 { // three about the package, and these with a signature about the manifest
				t.Errorf("oras finds %q", found)
			}
			s.verifiesManifest()
			s.verifiesPackage(found)
		})
	}
}

// verifiesManifest verifies what the registry holds, by its reference alone.
func (s *shop) verifiesManifest() {
	s.Helper()
	registry := []string{"--insecure-ignore-tlog=true", "--allow-http-registry", s.ref}
	for what, args := range map[string][]string{
		"the signature":  {"verify"},
		"the provenance": {"verify-attestation", "--type", "slsaprovenance1"},
		"the SBOM":       {"verify-attestation", "--type", "spdxjson"},
		"the tests":      {"verify-attestation", "--type", attest.VerificationType},
	} {
		if out, err := run(s.T, s.home, s.cosign, slices.Concat(args, []string{"--key", "prod.pub"}, registry)...); err != nil {
			s.Errorf("cosign does not verify %s: %v\n%s", what, err, out)
		}
		if out, err := run(s.T, s.home, s.cosign, slices.Concat(args, []string{"--key", "qa.pub"}, registry)...); err == nil {
			s.Errorf("cosign verifies %s with the key of another stage\n%s", what, out)
		}
	}
}

// verifiesPackage verifies the package with the attestations of the stage that tested it, as files.
func (s *shop) verifiesPackage(found []string) {
	s.Helper()
	repository, _, _ := strings.Cut(s.ref, ":1.0.0")
	for _, digest := range found {
		if out, err := run(s.T, s.home, s.oras, "pull", "--plain-http", repository+"@"+digest); err != nil {
			s.Fatalf("oras pull: %v\n%s", err, out)
		}
	}
	bundles, _ := filepath.Glob(filepath.Join(s.home, "*.sigstore.json"))
	if len(bundles) != len(found) {
		s.Fatalf("oras pulls %q", bundles)
	}
	s.write(filepath.Join(s.home, "other.tgz"), []byte("another package"))
	verify := func(file, kind string) (passed int) {
		for _, b := range bundles {
			if _, err := run(s.T, s.home, s.cosign, "verify-blob-attestation", "--key", "qa.pub", "--bundle", b, "--type", kind, "--insecure-ignore-tlog=true", file); err == nil {
				passed++
			}
		}
		return passed
	}
	for _, kind := range []string{attest.VerificationType, "slsaprovenance1", "spdxjson"} {
		if passed := verify(s.pkg.Filename(), kind); passed != 1 {
			s.Errorf("%s: cosign verifies %d of %d bundles for the package", kind, passed, len(bundles))
		}
	}
	for at, envelope := range s.attested {
		s.write(filepath.Join(s.home, "attestation.json"), envelope) // a line of the file beside a package in git or a directory
		kind := []string{attest.VerificationType, "slsaprovenance1", "spdxjson"}[at]
		args := []string{"verify-blob-attestation", "--key", "qa.pub", "--signature", "attestation.json", "--insecure-ignore-tlog=true", "--type", kind, s.pkg.Filename()}
		if out, err := run(s.T, s.home, s.cosign, args...); err != nil {
			s.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
	if passed := verify("other.tgz", attest.VerificationType); passed != 0 {
		s.Error("cosign verifies another package")
	}
}

package publish

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// envelopeOf is an envelope of a statement about a package, without a signature that anybody checks here.
func envelopeOf(predicate, digest string) []byte {
	body := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`, digest, predicate)
	return fmt.Appendf(nil, `{"payloadType":"application/vnd.in-toto+json","payload":%q,"signatures":[{"keyid":%q,"sig":"AA=="}]}`, base64.StdEncoding.EncodeToString([]byte(body)), strings.Repeat("a1", 32))
}

// linked are the bundles that refer to a version, as any other tool finds them.
func linked(t testing.TB, cfg Config, version string) (envelopes []string, predicates []string) {
	t.Helper()
	ref, err := name.ParseReference(strings.TrimPrefix(cfg.OCI, "oci://") + "/operator:" + version)
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
	list, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Manifests {
		img, err := remote.Image(ref.Context().Digest(m.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		layers, _ := img.Layers()
		r, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		var b bundle
		if err := json.NewDecoder(r).Decode(&b); err != nil || b.MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json" {
			t.Errorf("%+v %v", b, err)
		}
		// cosign skips a signature whose key has a name that is not cosign's.
		if strings.Contains(string(b.Envelope), "keyid") {
			t.Errorf("the key has a name in %s", b.Envelope)
		}
		envelopes, predicates = append(envelopes, string(withKeyID(b.Envelope, b.VerificationMaterial.PublicKey.Hint))), append(predicates, m.Annotations["dev.sigstore.bundle.predicateType"])
	}
	slices.Sort(envelopes)
	slices.Sort(predicates)
	return envelopes, predicates
}

func TestAttestationsReferToTheChart(t *testing.T) {
	t.Parallel()
	for _, api := range []bool{true, false} {
		cfg, i := registryTarget(t, api), item(t, "1.0.0")
		i.Attestations = [][]byte{envelopeOf("tested", i.Package.Digest)}
		i.Sign = func(manifest string) ([][]byte, error) { return [][]byte{envelopeOf("signed", manifest)}, nil }
		target := open(t, cfg)
		for _, changed := range []bool{true, false} {
			if r := publish(t, target, i); r.Changed != changed {
				t.Errorf("API %t: %+v", api, r)
			}
		}
		approval := envelopeOf("approved", i.Package.Digest)
		for _, changed := range []bool{true, false} {
			if r, err := target.AddAttestation(t.Context(), "operator", "1.0.0", approval); err != nil || r.Changed != changed {
				t.Errorf("API %t: %+v %v", api, r, err)
			}
		}
		if _, got := linked(t, cfg, "1.0.0"); !slices.Equal(got, []string{"approved", "signed", "tested"}) {
			t.Errorf("API %t: linked are %q", api, got)
		}
		// A signature of the manifest is no attestation of the package.
		if got, err := target.Attestations(t.Context(), "operator", "1.0.0"); err != nil || len(got) != 2 {
			t.Errorf("API %t: read: %q %v", api, got, err)
		}
	}
}

// What earlier versions stored, under a tag and without a subject, is read, and is linked by the next publication.
func TestAttestationsOfEarlierVersionsAreReadAndLinked(t *testing.T) {
	t.Parallel()
	for _, api := range []bool{true, false} {
		cfg, i := registryTarget(t, api), item(t, "1.0.0")
		old := i
		old.Attestations = nil
		publish(t, open(t, cfg), old)
		line := envelopeOf("tested", i.Package.Digest)
		tag, err := name.NewTag(strings.TrimPrefix(cfg.OCI, "oci://") + "/operator:" + attestationTag(i.Package.Digest, line))
		if err != nil {
			t.Fatal(err)
		}
		layer := static.NewLayer(line, envelopeMediaType)
		m, _ := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: descriptor(emptyLayer()), Layers: []v1.Descriptor{descriptor(layer)}})
		for _, l := range []v1.Layer{emptyLayer(), layer} {
			if err := remote.WriteLayer(tag.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		if err := remote.Put(tag, rawManifest(m)); err != nil {
			t.Fatal(err)
		}
		read := func() string {
			all, err := open(t, cfg).Attestations(t.Context(), "operator", "1.0.0")
			if err != nil || len(all) != 1 {
				t.Fatalf("API %t: %q %v", api, all, err)
			}
			return string(all[0])
		}
		if diff := cmp.Diff(string(line), read()); diff != "" {
			t.Error(diff)
		}
		i.Attestations = [][]byte{line}
		if r := publish(t, open(t, cfg), i); !r.Changed {
			t.Errorf("API %t: not linked: %+v", api, r)
		}
		if got, _ := linked(t, cfg, "1.0.0"); len(got) != 1 || got[0] != string(line) || read() != got[0] {
			t.Errorf("API %t: linked are %q", api, got)
		}
	}
}

// A copy of a chart has what refers to it, and none of the tags.
func TestAttestationsOfACopyAreRead(t *testing.T) {
	t.Parallel()
	cfg, i := registryTarget(t, true), item(t, "1.0.0")
	i.Attestations = [][]byte{envelopeOf("tested", i.Package.Digest)}
	publish(t, open(t, cfg), i)
	line, _ := compactLine(i.Attestations[0])
	tag, _ := name.NewTag(strings.TrimPrefix(cfg.OCI, "oci://") + "/operator:" + attestationTag(i.Package.Digest, line))
	if err := remote.Delete(tag); err != nil {
		t.Fatal(err)
	}
	found, err := open(t, cfg).AttestationsOf(t.Context(), map[string][]string{"operator": {"1.0.0", "9.9.9"}})
	all := found["operator"]
	if err != nil || len(all["1.0.0"]) != 1 || string(all["1.0.0"][0]) != string(line) || all["9.9.9"] != nil {
		t.Errorf("%q %v", all, err)
	}
}

// Twenty attestations of one version at the same time, each from a program of its own, beside publishers that write the version.
func TestParallelAttestationsAreAllLinked(t *testing.T) {
	t.Parallel()
	for _, api := range []bool{true, false} {
		cfg, i := registryTarget(t, api), item(t, "1.0.0")
		i.Attestations = nil
		publish(t, open(t, cfg), i)
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				envelope := envelopeOf(fmt.Sprintf("approval-%02d", n), i.Package.Digest)
				if _, err := open(t, cfg).AddAttestation(t.Context(), "operator", "1.0.0", envelope); err != nil {
					t.Errorf("API %t: %v", api, err)
				}
			})
		}
		all.Wait()
		if _, got := linked(t, cfg, "1.0.0"); len(got) != 20 || got[0] != "approval-00" || got[19] != "approval-19" {
			t.Errorf("API %t: linked are %q", api, got)
		}
	}
}

// Publishers of one package at different times write different manifests of it: in the end everything refers to the one that the tag names.
func TestPublishersWithDifferentManifestsLinkEverything(t *testing.T) {
	t.Parallel()
	for _, api := range []bool{true, false} {
		cfg := registryTarget(t, api)
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				i := item(t, "1.0.0")
				i.Created = day.AddDate(0, 0, n)
				i.Attestations = [][]byte{envelopeOf(fmt.Sprintf("by-%d", n), i.Package.Digest)}
				if _, err := open(t, cfg).Publish(t.Context(), i); err != nil {
					t.Errorf("API %t: %v", api, err)
				}
			})
		}
		all.Wait()
		if _, got := linked(t, cfg, "1.0.0"); len(got) != 8 {
			t.Errorf("API %t: linked are %q", api, got)
		}
	}
}

// What anyone may attach is no attestation, and stops nobody from reading the others.
func TestForeignReferrersAreLeftOut(t *testing.T) {
	t.Parallel()
	cfg, i := registryTarget(t, true), item(t, "1.0.0")
	i.Attestations = [][]byte{envelopeOf("tested", i.Package.Digest)}
	publish(t, open(t, cfg), i)
	repo, _ := name.NewRepository(strings.TrimPrefix(cfg.OCI, "oci://") + "/operator")
	subject, err := remote.Head(repo.Tag("1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "no JSON", "[]", `{"dsseEnvelope":7}`, `{"dsseEnvelope":null}`, `{"dsseEnvelope":{"payload":1}}`, strings.Repeat(" ", maxEnvelope+1) + "{}"} {
		layer := static.NewLayer([]byte(content), bundleMediaType)
		m, _ := json.Marshal(v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: bundleMediaType, Config: descriptor(emptyLayer()), Layers: []v1.Descriptor{descriptor(layer)},
			Subject: subject,
		})
		digest, _, _ := v1.SHA256(strings.NewReader(string(m)))
		if err := remote.WriteLayer(repo, layer); err != nil {
			t.Fatal(err)
		}
		if err := remote.Put(repo.Digest(digest.String()), rawManifest(m)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := open(t, cfg).Attestations(t.Context(), "operator", "1.0.0")
	if err != nil || len(all) != 2 || !slices.ContainsFunc(all, func(e []byte) bool { return string(e) == string(i.Attestations[0]) }) {
		t.Errorf("read: %q %v", all, err) // the envelope with a payload that is no text is rejected by whoever checks its signature
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(string(bundleMediaType), `{"verificationMaterial":{"publicKey":{"hint":"`+strings.Repeat("a1", 32)+`"}},"dsseEnvelope":{"payload":"","signatures":[{"sig":""}]}}`)
	f.Add(string(envelopeMediaType), `{"payload":"e30="}`)
	f.Fuzz(func(t *testing.T, kind, content string) {
		line := unwrap(types.MediaType(kind), []byte(content))
		if line == nil {
			return
		}
		r, err := newReferrer(line, v1.Descriptor{})
		if err != nil {
			t.Fatal(err)
		}
		reader, _ := r.layer.Compressed()
		stored, _ := io.ReadAll(reader)
		if again := unwrap(bundleMediaType, stored); string(again) != string(line) {
			t.Errorf("%s became %s", line, again)
		}
	})
}

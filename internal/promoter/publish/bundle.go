package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// An attestation in a registry is a Sigstore bundle, in the form that cosign 3 writes and finds: a manifest with a subject, and the
// bundle as its only layer. https://docs.sigstore.dev/about/bundle/
const (
	bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	emptyMediaType  = "application/vnd.oci.empty.v1+json"
	// envelopeMediaType is the layer of attestations that earlier versions wrote, without a subject.
	envelopeMediaType = "application/vnd.dsse.envelope.v1+json"

	contentAnnotation   = "dev.sigstore.bundle.content"
	predicateAnnotation = "dev.sigstore.bundle.predicateType"
	titleAnnotation     = "org.opencontainers.image.title"
)

type bundle struct {
	MediaType            string               `json:"mediaType"`
	VerificationMaterial verificationMaterial `json:"verificationMaterial"`
	Envelope             json.RawMessage      `json:"dsseEnvelope"`
}

type verificationMaterial struct {
	PublicKey struct {
		Hint string `json:"hint"`
	} `json:"publicKey"`
}

// statement is what is read of a statement without a check of its signature: enough to sort it.
type statement struct {
	PredicateType string `json:"predicateType"`
	Subject       []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
}

// peek reads the statement of an envelope; empty for anything else.
func peek(envelope []byte) statement {
	var e dsse.Envelope
	var s statement
	if json.Unmarshal(envelope, &e) != nil {
		return s
	}
	if body, err := base64.StdEncoding.DecodeString(e.Payload); err == nil && json.Unmarshal(body, &s) != nil {
		s = statement{}
	}
	return s
}

// keyID is how this program names keys. cosign names them in another way, and skips a signature whose key has any other name.
var keyID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// withoutKeyID moves the name of the key out of an envelope of this program. The signature does not cover it.
func withoutKeyID(line []byte) (envelope []byte, hint string) {
	var e dsse.Envelope
	if json.Unmarshal(line, &e) != nil || len(e.Signatures) != 1 || !keyID.MatchString(e.Signatures[0].KeyID) {
		return line, ""
	}
	hint = e.Signatures[0].KeyID
	e.Signatures[0].KeyID = ""
	out, err := json.Marshal(unnamed{e.PayloadType, e.Payload, []unnamedSignature{{e.Signatures[0].Sig}}})
	if err != nil || !bytes.Equal(withKeyID(out, hint), line) {
		return line, "" // it has more than this program writes
	}
	return out, hint
}

// withKeyID is the envelope before withoutKeyID.
func withKeyID(envelope []byte, hint string) []byte {
	var e dsse.Envelope
	if !keyID.MatchString(hint) || json.Unmarshal(envelope, &e) != nil || len(e.Signatures) != 1 || e.Signatures[0].KeyID != "" {
		return envelope
	}
	e.Signatures[0].KeyID = hint
	if out, err := json.Marshal(e); err == nil {
		return out
	}
	return envelope
}

type unnamed struct {
	PayloadType string             `json:"payloadType"`
	Payload     string             `json:"payload"`
	Signatures  []unnamedSignature `json:"signatures"`
}

type unnamedSignature struct {
	Sig string `json:"sig"`
}

// isAbout reports whether a statement is about a package, as far as it is known.
func (s statement) isAbout(digest string) bool {
	for _, subject := range s.Subject {
		if subject.Digest["sha256"] == digest {
			return true
		}
	}
	return len(s.Subject) == 0
}

// compactLine is an envelope in one line.
func compactLine(envelope []byte) ([]byte, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, envelope); err != nil {
		return nil, fmt.Errorf("an attestation is not JSON: %w", err)
	}
	return line.Bytes(), nil
}

// referrer is the manifest of an attestation and what it consists of. The same envelope and subject give the same bytes.
type referrer struct {
	layer    v1.Layer
	manifest rawManifest
	digest   v1.Hash
}

func newReferrer(envelope []byte, subject v1.Descriptor) (referrer, error) {
	about := peek(envelope)
	b := bundle{MediaType: bundleMediaType}
	b.Envelope, b.VerificationMaterial.PublicKey.Hint = withoutKeyID(envelope)
	content, err := json.Marshal(b)
	if err != nil {
		return referrer{}, fmt.Errorf("encode a bundle: %w", err)
	}
	r := referrer{layer: static.NewLayer(content, bundleMediaType)}
	layer := descriptor(r.layer)
	layer.Annotations = map[string]string{titleAnnotation: fmt.Sprintf("%.12x.sigstore.json", sha256.Sum256(envelope))}
	annotations := map[string]string{contentAnnotation: "dsse-envelope"}
	if about.PredicateType != "" {
		annotations[predicateAnnotation] = about.PredicateType
	}
	m := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: bundleMediaType, Config: descriptor(emptyLayer()),
		Layers:      []v1.Descriptor{layer},
		Subject:     &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest},
		Annotations: annotations,
	}
	if r.manifest, err = json.Marshal(m); err != nil {
		return r, fmt.Errorf("encode a manifest: %w", err)
	}
	r.digest, _, err = v1.SHA256(bytes.NewReader(r.manifest))
	return r, err
}

func emptyLayer() v1.Layer { return static.NewLayer([]byte("{}"), emptyMediaType) }

func descriptor(l v1.Layer) v1.Descriptor {
	digest, _ := l.Digest() // a static layer has no errors
	size, _ := l.Size()
	kind, _ := l.MediaType()
	return v1.Descriptor{MediaType: kind, Size: size, Digest: digest}
}

// envelopeLayer is the layer of a manifest that holds an attestation, by this version or an earlier one.
func envelopeLayer(m *v1.Manifest) (v1.Descriptor, bool) {
	for _, kind := range []types.MediaType{bundleMediaType, envelopeMediaType} {
		if at := slices.IndexFunc(m.Layers, func(l v1.Descriptor) bool { return l.MediaType == kind }); at >= 0 {
			return m.Layers[at], true
		}
	}
	return v1.Descriptor{}, false
}

// unwrap returns the envelope in a layer; nil for what is not one: anyone who may push may attach anything.
func unwrap(kind types.MediaType, content []byte) []byte {
	if kind == bundleMediaType {
		var b bundle
		if json.Unmarshal(content, &b) != nil {
			return nil
		}
		content = withKeyID(b.Envelope, b.VerificationMaterial.PublicKey.Hint)
	}
	line, err := compactLine(content)
	if err != nil || len(line) == 0 || line[0] != '{' {
		return nil
	}
	return line
}

package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Types of further statements about a package. They are standards that other tools read; no guard requires them.
const (
	// ProvenanceType is SLSA provenance: from what, by whom and where the package was created.
	ProvenanceType = "https://slsa.dev/provenance/v1"
	// SBOMType is an SPDX document in JSON: what the images of the chart consist of.
	SBOMType = "https://spdx.dev/Document"
	// SignatureType is the type that cosign gives to the signature of an artifact.
	SignatureType = "https://sigstore.dev/cosign/sign/v1"
)

const (
	buildType = "https://github.com/christianb93/bitcoin-controller/package/v1"
	builderID = "https://github.com/christianb93/bitcoin-controller/cmd/chart-promoter"
)

// Provenance states how a package was created.
type Provenance struct {
	Chart, Version, AppVersion string
	// PackageDigest is the SHA-256 of the package, 64 hex digits; the statement's subject.
	PackageDigest string
	// Source is the address of the source repository, "" if it is not known; SourceCommit the full hash of the commit.
	Source, SourceCommit string
	// Images are the images that the chart runs.
	Images []ImageRef
	// Stage packaged the chart in this CI run, "" outside CI.
	Stage, Run string
	// StartedAt and FinishedAt are the times of the packaging and its tests.
	StartedAt, FinishedAt time.Time
}

// ImageRef is an image by digest (sha256:…).
type ImageRef struct {
	Ref, Digest string
	// Go are the versions of the toolchains that compiled its programs, such as go1.26.1; none if that is not known.
	Go []string
}

// goAnnotation is the annotation of an image with the toolchains that compiled its programs.
const goAnnotation = "com.github.christianb93.chart-promoter.go"

type slsaProvenance struct {
	BuildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]string `json:"externalParameters"`
		ResolvedDependencies []slsaDependency  `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			InvocationID string    `json:"invocationId,omitempty"`
			StartedOn    time.Time `json:"startedOn,omitzero"`
			FinishedOn   time.Time `json:"finishedOn,omitzero"`
		} `json:"metadata"`
	} `json:"runDetails"`
}

type slsaDependency struct {
	URI         string              `json:"uri,omitempty"`
	Digest      map[string]string   `json:"digest"`
	Annotations map[string][]string `json:"annotations,omitempty"`
}

// SignProvenance puts SLSA provenance into a signed envelope, one line of JSON. Errors: ErrIncomplete, ErrBadKey.
func SignProvenance(p Provenance, priv []byte) ([]byte, error) {
	if p.SourceCommit == "" {
		return nil, fmt.Errorf("the commit is missing: %w", ErrIncomplete)
	}
	var s slsaProvenance
	s.BuildDefinition.BuildType = buildType
	s.BuildDefinition.ExternalParameters = map[string]string{"chart": p.Chart, "version": p.Version, "appVersion": p.AppVersion, "stage": p.Stage}
	source := slsaDependency{Digest: map[string]string{"gitCommit": p.SourceCommit}}
	if p.Source != "" {
		source.URI = "git+" + p.Source + "@" + p.SourceCommit
	}
	s.BuildDefinition.ResolvedDependencies = []slsaDependency{source}
	for _, i := range p.Images {
		if digest, ok := trimSHA256(i.Digest); ok {
			from := slsaDependency{URI: i.Ref, Digest: map[string]string{"sha256": digest}}
			if len(i.Go) > 0 {
				from.Annotations = map[string][]string{goAnnotation: i.Go}
			}
			s.BuildDefinition.ResolvedDependencies = append(s.BuildDefinition.ResolvedDependencies, from)
		}
	}
	s.RunDetails.Builder.ID = builderID
	s.RunDetails.Metadata.InvocationID = p.Run
	s.RunDetails.Metadata.StartedOn, s.RunDetails.Metadata.FinishedOn = p.StartedAt, p.FinishedAt
	return sign(ProvenanceType, p.Chart, p.Version, p.PackageDigest, s, priv)
}

// SignSBOM puts an SPDX document into a signed envelope about a package. Errors: ErrIncomplete, ErrBadKey.
func SignSBOM(chart, version, packageDigest string, document json.RawMessage, priv []byte) ([]byte, error) {
	return sign(SBOMType, chart, version, packageDigest, document, priv)
}

// SignArtifact signs an artifact of a registry, whose manifest has this SHA-256, as cosign does. Errors: ErrIncomplete, ErrBadKey.
func SignArtifact(name, manifestDigest string, priv []byte) ([]byte, error) {
	return signStatement(SignatureType, subject{name, map[string]string{"sha256": manifestDigest}}, struct{}{}, priv)
}

// Restate signs the predicate of an envelope again, about an artifact of a registry in place of its package. The envelope must have a
// signature of one of the keys and be about that package. Errors: ErrBadSignature, ErrMalformed, ErrWrongKind, ErrBadKey.
func Restate(envelope []byte, packageDigest, name, manifestDigest string, priv []byte, pubs ...[]byte) ([]byte, error) {
	for _, kind := range []string{VerificationType, ProvenanceType, SBOMType} {
		var predicate json.RawMessage
		about, err := open(envelope, kind, &predicate, pubs)
		if errors.Is(err, ErrWrongKind) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if about.Digest["sha256"] != packageDigest {
			return nil, fmt.Errorf("the statement is about another package: %w", ErrMalformed)
		}
		return signStatement(kind, subject{name, map[string]string{"sha256": manifestDigest}}, predicate, priv)
	}
	return nil, fmt.Errorf("no statement about a package: %w", ErrWrongKind)
}

// SignManifest returns what a publishing stage signs about the manifest of a package in a registry, which has this SHA-256: a signature,
// and the statements of the stages with these keys about the package, again about the manifest. Other envelopes are left out.
func SignManifest(envelopes [][]byte, packageDigest, name, manifestDigest string, priv []byte, pubs ...[]byte) ([][]byte, error) {
	signature, err := SignArtifact(name, manifestDigest, priv)
	if err != nil {
		return nil, err
	}
	all := [][]byte{signature}
	for _, e := range envelopes {
		again, err := Restate(e, packageDigest, name, manifestDigest, priv, pubs...)
		if errors.Is(err, ErrBadKey) {
			return nil, err
		}
		if err == nil {
			all = append(all, again)
		}
	}
	return all, nil
}

// Package attest creates and verifies the attestations of a package that the stages check: in-toto statements in DSSE
// envelopes, signed with ed25519.
package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Verification attests that a package was tested.
type Verification struct {
	Chart      string `json:"chart"`
	Version    string `json:"version"`
	AppVersion string `json:"appVersion"`
	// PackageDigest is the SHA-256 of the package, 64 hex digits; the statement's subject.
	PackageDigest string `json:"-"`
	// SourceCommit is the full hash of the commit that was tested.
	SourceCommit string `json:"sourceCommit"`
	// ImageRef and ImageDigest (sha256:…) name the image that ran.
	ImageRef    string `json:"imageRef,omitempty"`
	ImageDigest string `json:"imageDigest,omitempty"`
	// Images are all images that the chart names, the first included, where there are several.
	Images []string `json:"images,omitempty"`
	// FilesRef is the reference by digest of the artifact with the other files of the build, Files are these files.
	FilesRef string `json:"filesRef,omitempty"`
	Files    []File `json:"files,omitempty"`
	// Helm are the majors of Helm that the package was installed and tested with; attestations before there was a choice have none, and
	// mean Helm 3.
	Helm  []int `json:"helm,omitempty"`
	Tests Tests `json:"tests"`
	// TestedBy is what the tests were: a command, the chart's own, or the installation alone.
	TestedBy   string    `json:"testedBy,omitempty"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	// CandidateAt is when the candidate was committed, zero when that is not known.
	CandidateAt time.Time `json:"candidateAt,omitzero"`
	// Stage is the name of the stage that tested.
	Stage string `json:"stage"`
	// Run is the address of the CI run, "" outside CI.
	Run string `json:"run,omitempty"`
}

// File is another file of a build.
type File struct {
	Name string `json:"name"`
	// Digest is the SHA-256 of the content, 64 hex digits.
	Digest string `json:"digest"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// Tests counts the tests of a run.
type Tests struct {
	Run     int `json:"run"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped,omitempty"`
}

// Approval attests that a person approves a package for a stage.
type Approval struct {
	Chart   string `json:"chart"`
	Version string `json:"version"`
	// PackageDigest is the SHA-256 of the package, 64 hex digits; the statement's subject.
	PackageDigest string `json:"-"`
	// Stage is the name of the stage that the package is approved for.
	Stage   string    `json:"stage"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
}

// The types of the statements; part of the format.
const (
	StatementType    = "https://in-toto.io/Statement/v1"
	VerificationType = "https://github.com/christianb93/bitcoin-controller/verification/v1"
	ApprovalType     = "https://github.com/christianb93/bitcoin-controller/approval/v1"
	payloadType      = "application/vnd.in-toto+json"
)

// Errors of this package; test for them with errors.Is.
var (
	ErrBadSignature = failure.New(failure.Rejected, "the signature is not from an accepted key")
	ErrMalformed    = failure.New(failure.Rejected, "not a signed attestation")
	ErrWrongKind    = failure.New(failure.Rejected, "the signed statement is of another kind")
	ErrBadKey       = failure.New(failure.BadInput, "not an ed25519 key in PEM form (create one with `openssl genpkey -algorithm ed25519`)")
	ErrIncomplete   = failure.New(failure.BadInput, "the attestation is incomplete")
)

type statement struct {
	Type          string          `json:"_type"`
	Subject       []subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Sign puts a verification into a signed envelope, one line of JSON. The same verification
// and key give the same bytes. Errors: ErrIncomplete, ErrBadKey.
func Sign(v Verification, priv []byte) ([]byte, error) {
	if v.SourceCommit == "" || v.Stage == "" {
		return nil, fmt.Errorf("the commit or the stage is missing: %w", ErrIncomplete)
	}
	return sign(VerificationType, v.Chart, v.Version, v.PackageDigest, v, priv)
}

// Verify opens an envelope that one of the keys signed. Errors:
// ErrBadSignature, ErrMalformed, ErrWrongKind, ErrBadKey.
func Verify(envelope []byte, pubs ...[]byte) (*Verification, error) {
	var v Verification
	s, err := open(envelope, VerificationType, &v, pubs)
	if err != nil {
		return nil, err
	}
	v.PackageDigest = s.Digest["sha256"]
	if err := matches(s, v.Chart, v.Version); err != nil {
		return nil, err
	}
	return &v, nil
}

// SignApproval puts an approval into a signed envelope, one line of JSON.
// Errors: ErrIncomplete, ErrBadKey.
func SignApproval(a Approval, priv []byte) ([]byte, error) {
	if a.By == "" || a.Stage == "" {
		return nil, fmt.Errorf("the stage or the approver is missing: %w", ErrIncomplete)
	}
	return sign(ApprovalType, a.Chart, a.Version, a.PackageDigest, a, priv)
}

// VerifyApproval opens an envelope that one of the keys signed. Errors as Verify.
func VerifyApproval(envelope []byte, pubs ...[]byte) (*Approval, error) {
	var a Approval
	s, err := open(envelope, ApprovalType, &a, pubs)
	if err != nil {
		return nil, err
	}
	a.PackageDigest = s.Digest["sha256"]
	if err := matches(s, a.Chart, a.Version); err != nil {
		return nil, err
	}
	return &a, nil
}

// trimSHA256 returns the hex digits of sha256:….
func trimSHA256(digest string) (string, bool) {
	hex := strings.TrimPrefix(digest, "sha256:")
	return hex, digestPattern.MatchString(hex)
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func sign(kind, chart, version, digest string, predicate any, priv []byte) ([]byte, error) {
	if chart == "" || version == "" || !digestPattern.MatchString(digest) {
		return nil, fmt.Errorf("the chart, its version or its digest is missing: %w", ErrIncomplete)
	}
	return signStatement(kind, subject{chart + "-" + version + ".tgz", map[string]string{"sha256": digest}}, predicate, priv)
}

func signStatement(kind string, about subject, predicate any, priv []byte) ([]byte, error) {
	if !digestPattern.MatchString(about.Digest["sha256"]) {
		return nil, fmt.Errorf("the digest is missing: %w", ErrIncomplete)
	}
	signer, err := privateKey(priv)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(predicate)
	if err != nil {
		return nil, fmt.Errorf("encode the attestation: %w", err)
	}
	body, err := json.Marshal(statement{StatementType, []subject{about}, kind, raw})
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	es, err := dsse.NewEnvelopeSigner(signer)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	envelope, err := es.SignPayload(context.Background(), payloadType, body)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return json.Marshal(envelope)
}

// open checks the signature before it reads anything of the content.
func open(envelope []byte, kind string, predicate any, pubs [][]byte) (*subject, error) {
	var verifiers []dsse.Verifier
	for _, pub := range pubs {
		v, err := publicKey(pub)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, v)
	}
	if len(verifiers) == 0 {
		return nil, fmt.Errorf("no accepted key is given: %w", ErrBadSignature)
	}
	var e dsse.Envelope
	if err := strict(envelope, &e); err != nil {
		return nil, err
	}
	ev, err := dsse.NewEnvelopeVerifier(verifiers...)
	if err != nil {
		return nil, fmt.Errorf("check the signature: %w", err)
	}
	_, body, err := ev.VerifyAndDecode(context.Background(), &e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	var s statement
	if err := strict(body, &s); err != nil {
		return nil, err
	}
	if e.PayloadType != payloadType || s.Type != StatementType || s.PredicateType != kind {
		return nil, fmt.Errorf("got %s, expected %s: %w", s.PredicateType, kind, ErrWrongKind)
	}
	if len(s.Subject) != 1 || !digestPattern.MatchString(s.Subject[0].Digest["sha256"]) {
		return nil, fmt.Errorf("the statement must have exactly one subject with a SHA-256 digest: %w", ErrMalformed)
	}
	// Later versions may add fields to a predicate, as in-toto specifies.
	if err := json.Unmarshal(s.Predicate, predicate); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &s.Subject[0], nil
}

// strict reads one JSON value and nothing after it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("unexpected data after the end: %w", ErrMalformed)
	}
	return nil
}

// matches rejects an attestation whose subject was replaced by another package's name.
func matches(s *subject, chart, version string) error {
	if s.Name != chart+"-"+version+".tgz" {
		return fmt.Errorf("the statement is about %s, but its predicate is about %s %s: %w", s.Name, chart, version, ErrMalformed)
	}
	return nil
}

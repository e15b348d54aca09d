package attest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

var update = flag.Bool("update", false, "write the golden files")

func verification() Verification {
	return Verification{
		Chart: "operator", Version: "1.2.3", AppVersion: "v1.2.3", PackageDigest: strings.Repeat("ab", 32), SourceCommit: strings.Repeat("0f", 20),
		ImageRef: "registry.example.com/operator:v1.2.3", ImageDigest: "sha256:" + strings.Repeat("cd", 32),
		Tests:     Tests{Run: 12, Passed: 11, Skipped: 1},
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), FinishedAt: time.Date(2026, 1, 2, 3, 14, 5, 0, time.UTC),
		Stage: "qa", Run: "https://ci.example.com/1",
	}
}

func approval() Approval {
	return Approval{Chart: "operator", Version: "1.2.3", PackageDigest: strings.Repeat("ab", 32), Stage: "prod", By: "release manager", At: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)}
}

func keys(t testing.TB) (priv, pub []byte) {
	t.Helper()
	priv, pub, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return priv, pub
}

// fixed is a key that is the same each time, for golden files.
func fixed(t testing.TB) (priv, pub []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	priv = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if pub, err = PublicKey(priv); err != nil {
		t.Fatal(err)
	}
	return priv, pub
}

func signed(t testing.TB, priv []byte) []byte {
	t.Helper()
	e, err := Sign(verification(), priv)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVerifyReturnsWhatWasSigned(t *testing.T) {
	priv, pub := keys(t)
	got, err := Verify(signed(t, priv), pub)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(verification(), *got); diff != "" {
		t.Error(diff)
	}
	e, err := SignApproval(approval(), priv)
	if err != nil {
		t.Fatal(err)
	}
	a, err := VerifyApproval(e, pub)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(approval(), *a); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyAcceptsEachOfSeveralKeys(t *testing.T) {
	_, old := keys(t)
	priv, pub := keys(t)
	if _, err := Verify(signed(t, priv), old, pub); err != nil {
		t.Error(err)
	}
}

// Envelopes are stored for years and read by other tools: fields may be added to the format, none may change.
func TestTheFormatOfAnEnvelopeIsFixed(t *testing.T) {
	priv, pub := fixed(t)
	a, err := SignApproval(approval(), priv)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string][]byte{"verification": signed(t, priv), "approval": a} {
		golden := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(golden, e, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := os.ReadFile(golden)
		if string(want) != string(e) {
			t.Errorf("%s is\n%s, was\n%s", name, e, want)
		}
	}
	kept, _ := os.ReadFile("testdata/verification.json")
	if r, err := Verify(kept, pub); err != nil || r.Stage != "qa" {
		t.Errorf("the stored attestation: %v %v", r, err)
	}
}

func TestTheLibraryOfInTotoReadsTheStatement(t *testing.T) {
	priv, _ := keys(t)
	var e dsse.Envelope
	if err := json.Unmarshal(signed(t, priv), &e); err != nil {
		t.Fatal(err)
	}
	body, err := e.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	var s intoto.Statement
	if err := protojson.Unmarshal(body, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.GetSubject()[0].GetName() != "operator-1.2.3.tgz" || s.GetPredicate().GetFields()["stage"].GetStringValue() != "qa" {
		t.Errorf("it reads %v", &s)
	}
}

// forge signs any statement, as the owner of a stage's key could.
func forge(t *testing.T, priv []byte, payload, body string) []byte {
	t.Helper()
	k, err := privateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := dsse.NewEnvelopeSigner(k)
	e, err := s.SignPayload(t.Context(), payload, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(e)
	return text
}

func body(t *testing.T, envelope []byte) string {
	t.Helper()
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	text, err := e.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVerifyRejects(t *testing.T) {
	priv, pub := keys(t)
	otherPriv, otherPub := keys(t)
	good := signed(t, priv)
	text := body(t, good)
	approved, _ := SignApproval(approval(), priv)
	change := func(old, new string) []byte { // the content, not the signature
		var e dsse.Envelope
		_ = json.Unmarshal(good, &e)
		if !strings.Contains(text, old) {
			t.Fatalf("no %s in %s", old, text)
		}
		e.Payload = base64.StdEncoding.EncodeToString([]byte(strings.Replace(text, old, new, 1)))
		out, _ := json.Marshal(e)
		return out
	}
	cases := map[string]struct {
		envelope []byte
		pub      []byte
		want     error
	}{
		"an attestation with a changed digest":   {change("abab", "abac"), pub, ErrBadSignature},
		"an attestation with changed results":    {change(`"failed":0`, `"failed":1`), pub, ErrBadSignature},
		"a wrong key":                            {good, otherPub, ErrBadSignature},
		"an attestation signed by another key":   {signed(t, otherPriv), pub, ErrBadSignature},
		"no signature":                           {[]byte(strings.Replace(string(good), `"signatures":[`, `"signatures":[],"x":[`, 1)), pub, ErrMalformed},
		"an empty list of signatures":            {[]byte(string(good[:bytes.Index(good, []byte(`"signatures"`))]) + `"signatures":[]}`), pub, ErrBadSignature},
		"another payload type under the same":    {[]byte(strings.Replace(string(good), "in-toto+json", "in-toto+jsom", 1)), pub, ErrBadSignature},
		"an approval in place of a verification": {approved, pub, ErrWrongKind},
		"something else signed by the key":       {forge(t, priv, "text/plain", text), pub, ErrWrongKind},
		"a statement without a subject":          {forge(t, priv, payloadType, `{"_type":"`+StatementType+`","predicateType":"`+VerificationType+`","predicate":{}}`), pub, ErrMalformed},
		"a verification of another package":      {forge(t, priv, payloadType, strings.Replace(text, "operator-1.2.3.tgz", "operator-1.2.4.tgz", 1)), pub, ErrMalformed},
		"two subjects":                           {forge(t, priv, payloadType, strings.Replace(text, `"subject":[`, `"subject":[{"name":"x","digest":{}},`, 1)), pub, ErrMalformed},
		"half a digest":                          {forge(t, priv, payloadType, strings.Replace(text, strings.Repeat("ab", 32), "abab", 1)), pub, ErrMalformed},
		"no JSON within":                         {forge(t, priv, payloadType, "hello"), pub, ErrMalformed},
		"no JSON":                                {[]byte("hello"), pub, ErrMalformed},
		"nothing":                                {nil, pub, ErrMalformed},
		"two envelopes in one":                   {append(append([]byte{}, good...), good...), pub, ErrMalformed},
		"a private key as the public key":        {good, priv, ErrBadKey},
		"no key":                                 {good, nil, ErrBadKey},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if r, err := Verify(c.envelope, c.pub); !errors.Is(err, c.want) || r != nil {
				t.Errorf("got %v and %v, want %v", r, err, c.want)
			}
		})
	}
	if _, err := Verify(good); !errors.Is(err, ErrBadSignature) {
		t.Errorf("without any key: %v", err)
	}
	if _, err := VerifyApproval(good, pub); !errors.Is(err, ErrWrongKind) {
		t.Errorf("a verification in place of an approval: %v", err)
	}
}

func TestSignRejects(t *testing.T) {
	priv, pub := keys(t)
	cases := map[string]func(r *Verification){
		"no chart":         func(r *Verification) { r.Chart = "" },
		"no version":       func(r *Verification) { r.Version = "" },
		"no digest":        func(r *Verification) { r.PackageDigest = "" },
		"a short digest":   func(r *Verification) { r.PackageDigest = "abc" },
		"a digest SHA-256": func(r *Verification) { r.PackageDigest = "sha256:" + r.PackageDigest },
		"no commit":        func(r *Verification) { r.SourceCommit = "" },
		"no stage":         func(r *Verification) { r.Stage = "" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			r := verification()
			spoil(&r)
			if _, err := Sign(r, priv); !errors.Is(err, ErrIncomplete) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := SignApproval(Approval{Chart: "a", Version: "1.0.0", PackageDigest: verification().PackageDigest, Stage: "prod"}, priv); !errors.Is(err, ErrIncomplete) {
		t.Errorf("an approval without an approver: %v", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKCS8PrivateKey(rsaKey)
	for name, key := range map[string][]byte{
		"a public key": pub, "no key": nil, "an RSA key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"a damaged key": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	} {
		if _, err := Sign(verification(), key); !errors.Is(err, ErrBadKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheMajorsOfHelmAreAttested(t *testing.T) {
	priv, pub := keys(t)
	for name, majors := range map[string][]int{"both": {3, 4}, "none, as before there was a choice": nil} {
		v := verification()
		v.Helm = majors
		envelope, err := Sign(v, priv)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Verify(envelope, pub)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(&v, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

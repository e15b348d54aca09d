package attest

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// GenerateKey creates a key pair, PEM: PKCS#8 and PKIX.
func GenerateKey() (priv, pub []byte, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("create a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("create a key: %w", err)
	}
	priv = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	pub, err = encodePublic(public)
	return priv, pub, err
}

// PublicKey returns the public half of a private key, PEM. Error: ErrBadKey.
func PublicKey(priv []byte) ([]byte, error) {
	k, err := privateKey(priv)
	if err != nil {
		return nil, err
	}
	return encodePublic(k.public)
}

// KeyID names a public key by the SHA-256 of its DER form. Error: ErrBadKey.
func KeyID(pub []byte) (string, error) {
	k, err := publicKey(pub)
	if err != nil {
		return "", err
	}
	return k.KeyID()
}

func encodePublic(public ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encode a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ErrNoKey: neither the variable nor the file has a key.
var ErrNoKey = failure.New(failure.BadInput, "no key is configured")

// ReadKey returns the PEM key in the environment variable envName or else in
// file; either may be "". A variable may hold the PEM itself, with \n for line
// ends, or base64 of it: CI engines have trouble with several lines. Errors:
// ErrNoKey, ErrBadKey. No error ever shows the variable's value.
func ReadKey(env func(string) string, envName, file string) ([]byte, error) {
	if envName != "" {
		if value := strings.TrimSpace(env(envName)); value != "" {
			text := []byte(strings.ReplaceAll(value, `\n`, "\n"))
			if decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), "")); err == nil {
				text = decoded
			}
			if block, _ := pem.Decode(text); block == nil {
				return nil, fmt.Errorf("read the key from the variable %s: %w", envName, ErrBadKey)
			}
			return text, nil
		}
	}
	switch {
	case file == "" && envName == "":
		return nil, fmt.Errorf("set a variable or a file for the key: %w", ErrNoKey)
	case file == "":
		return nil, fmt.Errorf("the variable %s is not set: %w", envName, ErrNoKey)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, fmt.Errorf("read the key from the file %s: %w", file, ErrBadKey)
	}
	return text, nil
}

// key is an ed25519 key with the methods that the DSSE library needs.
type key struct {
	private ed25519.PrivateKey // nil for verifying only
	public  ed25519.PublicKey
}

func privateKey(text []byte) (*key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("parse the private key: %w", ErrBadKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("parse the private key: %w", ErrBadKey)
	}
	return &key{private, private.Public().(ed25519.PublicKey)}, nil
}

func publicKey(text []byte) (*key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("parse the public key: %w", ErrBadKey)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("parse the public key: %w", ErrBadKey)
	}
	return &key{nil, public}, nil
}

func (k *key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

func (k *key) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.public, data, sig) {
		return ErrBadSignature
	}
	return nil
}

func (k *key) Public() crypto.PublicKey { return k.public }

// KeyID is the SHA-256 of the public key's DER form.
func (k *key) KeyID() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return "", fmt.Errorf("compute the key ID: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

var (
	errSecretMissing  = errors.New("the Secret that spec.secret names does not exist, or has no keys")
	errSecretUnusable = errors.New("the certificate in the Secret that spec.secret names cannot be used")
)

// keyPair is a certificate with those that have signed it, and its key, both as PEM.
type keyPair struct{ certificate, key []byte }

// pairIn the directory of the user's Secret; false for a Secret without one, and for no directory. The Secret is optional for the kubelet,
// which otherwise reports a missing one in events only: the directory is empty until it exists. Errors: errSecretMissing, errSecretUnusable.
func pairIn(dir string, now time.Time) (pair keyPair, found bool, err error) {
	if dir == "" {
		return keyPair{}, false, nil
	}
	keys, err := keysIn(dir)
	if err != nil {
		return keyPair{}, false, err
	}
	hasCertificate, hasKey := slices.Contains(keys, api.CertificateKey), slices.Contains(keys, api.PrivateKeyKey)
	switch {
	case len(keys) == 0:
		return keyPair{}, false, errSecretMissing
	case !hasCertificate && !hasKey:
		return keyPair{}, false, nil
	case !hasKey:
		return keyPair{}, false, fmt.Errorf("%w: it has %s, and no %s", errSecretUnusable, api.CertificateKey, api.PrivateKeyKey)
	case !hasCertificate:
		return keyPair{}, false, fmt.Errorf("%w: it has %s, and no %s", errSecretUnusable, api.PrivateKeyKey, api.CertificateKey)
	}
	if pair.certificate, err = os.ReadFile(filepath.Join(dir, api.CertificateKey)); err == nil {
		pair.key, err = os.ReadFile(filepath.Join(dir, api.PrivateKeyKey))
	}
	if err == nil {
		err = pair.usable(now)
	}
	if err != nil {
		return keyPair{}, false, fmt.Errorf("%w: %w", errSecretUnusable, err)
	}
	return pair, true, nil
}

// keysIn the directory of a Secret, in which the kubelet has its own links: their names begin with two dots.
func keysIn(dir string) (keys []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "..") {
			keys = append(keys, entry.Name())
		}
	}
	return keys, err
}

// usable reports why LND would not present a certificate, or why lncli in the pod would not trust it.
func (p keyPair) usable(now time.Time) error {
	parsed, err := tls.X509KeyPair(p.certificate, p.key)
	if err != nil {
		return err
	}
	// LND replaces one that has expired by one of its own.
	if leaf := parsed.Leaf; now.After(leaf.NotAfter) {
		return fmt.Errorf("it has expired, on %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if parsed.Leaf.VerifyHostname(host) != nil {
			return fmt.Errorf("it is not valid for %s, where lncli reaches LND", host)
		}
	}
	// As lncli does, which trusts this certificate alone: it may not be valid yet, or not be one of a server.
	trusted := x509.NewCertPool()
	trusted.AddCert(parsed.Leaf)
	if _, err := parsed.Leaf.Verify(x509.VerifyOptions{Roots: trusted, CurrentTime: now}); err != nil {
		return err
	}
	return p.hasOnlyCertificates()
}

// hasOnlyCertificates rejects a file that has anything else, such as the key: everybody in the pod may read it, and LND's clients compare its
// first part.
func (p keyPair) hasOnlyCertificates() error {
	for rest := p.certificate; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("%s has a part of the type %q: it should have certificates only", api.CertificateKey, block.Type)
		}
	}
}

// writeTo LND's directory, where lncli and the agent read the certificate.
func (p keyPair) writeTo(dir string) error {
	if err := atomicfile.Write(filepath.Join(dir, "tls.key"), p.key, 0o600); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "tls.cert"), p.certificate, 0o644)
}

// secretState is the one that an error of pairIn stands for.
func secretState(err error) api.SecretState {
	switch {
	case errors.Is(err, errSecretMissing):
		return api.SecretMissing
	case errors.Is(err, errSecretUnusable):
		return api.SecretUnusable
	}
	return ""
}

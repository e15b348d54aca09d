package chart

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm3"
)

// ErrBadPGPKey: packages cannot be signed with this key.
var ErrBadPGPKey = failure.New(failure.BadInput, "not a usable PGP private key: export one with `gpg --export-secret-keys --armor`, and give its passphrase")

// Provenance returns the text of the package's .prov file, which `helm verify`
// checks, signed with a PGP private key (armored or binary). passphrase is
// empty for a key without one. Error: ErrBadPGPKey.
func (p *Package) Provenance(key, passphrase []byte) ([]byte, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(key))
	if err != nil {
		ring, err = openpgp.ReadKeyRing(bytes.NewReader(key))
	}
	if err != nil || len(ring) == 0 || ring[0].PrivateKey == nil {
		return nil, ErrBadPGPKey
	}
	signer := ring[0]
	if signer.PrivateKey.Encrypted {
		if err := signer.DecryptPrivateKeys(passphrase); err != nil {
			return nil, fmt.Errorf("the passphrase does not decrypt the key: %w", ErrBadPGPKey)
		}
	}
	// Helm signs files only, and the signed text has the file name.
	dir, err := os.MkdirTemp("", "chart-promoter-")
	if err != nil {
		return nil, fmt.Errorf("write a file to sign %s: %w", p.Filename(), err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, p.Filename())
	if err := os.WriteFile(file, p.Bytes, 0o600); err != nil {
		return nil, fmt.Errorf("write a file to sign %s: %w", p.Filename(), err)
	}
	text, err := helm3.Sign(signer, file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadPGPKey, err)
	}
	return []byte(text), nil
}

package policy

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// ApproverKey is the place of an approver's key when no file is named.
var ApproverKey = config.Key{Env: ci.ApproverKey}

// Keys reads the keys that a configuration names.
type Keys struct {
	Config *config.Config
	Env    func(string) string
}

// Read reads a key that signs attestations or checks their signature. Error: attest.ErrNoKey.
func (k Keys) Read(key config.Key) ([]byte, error) {
	data, err := attest.ReadKey(k.Env, key.Env, k.Config.Path(key.File))
	if err != nil {
		return nil, fmt.Errorf("%w; `chart-promoter keygen` creates one", err)
	}
	return data, nil
}

// Public is the key that checks a stage's attestations. It is never derived from the private key at hand: with that any machine
// could approve its own work.
func (k Keys) Public(stage *config.Stage) ([]byte, error) { return k.Read(stage.PublicKey) }

// PGP reads a PGP key and its passphrase. Error: attest.ErrNoKey.
func (k Keys) PGP(p *config.PGP) (key, passphrase []byte, err error) {
	if key, err = k.Secret(p.Key); err != nil {
		return nil, nil, err
	}
	if p.Passphrase != (config.Key{}) {
		passphrase, err = k.Secret(p.Passphrase)
	}
	return key, bytes.TrimRight(passphrase, "\r\n"), err
}

// Secret reads a key or another secret that is not a PEM file. Error: attest.ErrNoKey.
func (k Keys) Secret(key config.Key) ([]byte, error) {
	if key.Env != "" {
		if v := k.Env(key.Env); v != "" {
			// Some CI engines cannot hold several lines in a variable.
			return []byte(strings.ReplaceAll(v, `\n`, "\n")), nil
		}
	}
	if key.File == "" {
		return nil, fmt.Errorf("the variable %s is not set: %w", key.Env, attest.ErrNoKey)
	}
	data, err := os.ReadFile(k.Config.Path(key.File))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", attest.ErrNoKey, err)
	}
	return data, nil
}

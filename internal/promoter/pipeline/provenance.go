package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// provenance is the text of the package's .prov file, nil for a stage without a PGP key.
func (s *Session) provenance(stage *config.Stage, pkg *chart.Package) ([]byte, error) {
	pgp := stage.Publish.PGP
	if pgp == nil {
		return nil, nil
	}
	key, passphrase, err := s.pgpKey(pgp)
	if err != nil {
		return nil, fmt.Errorf("the PGP key of stage %s: %w", stage.Name, err)
	}
	text, err := pkg.Provenance(key, passphrase)
	if err != nil {
		return nil, fmt.Errorf("the PGP key of stage %s: %w", stage.Name, err)
	}
	return text, nil
}

func (s *Session) pgpKey(p *config.PGP) (key, passphrase []byte, err error) {
	if key, err = s.secret(p.Key); err != nil {
		return nil, nil, err
	}
	if p.Passphrase != (config.Key{}) {
		passphrase, err = s.secret(p.Passphrase)
	}
	return key, bytes.TrimRight(passphrase, "\r\n"), err
}

// secret reads what is no PEM file; the variable wins over the file.
func (s *Session) secret(k config.Key) ([]byte, error) {
	if k.Env != "" {
		if v := s.Env(k.Env); v != "" {
			// CI engines have trouble with several lines.
			return []byte(strings.ReplaceAll(v, `\n`, "\n")), nil
		}
	}
	if k.File == "" {
		return nil, fmt.Errorf("the variable %s is not set: %w", k.Env, attest.ErrNoKey)
	}
	data, err := os.ReadFile(s.Config.Path(k.File))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", attest.ErrNoKey, err)
	}
	return data, nil
}

package chart

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"helm.sh/helm/v3/pkg/downloader"
	downloader4 "helm.sh/helm/v4/pkg/downloader"
)

// pgp creates a key and writes its public half to a keyring file.
func pgp(t *testing.T, passphrase string, armored bool) (private []byte, ring string) {
	t.Helper()
	e, err := openpgp.NewEntity("charts", "", "charts@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var public, secret bytes.Buffer
	if err := e.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	ring = filepath.Join(t.TempDir(), "pubring.gpg")
	if err := os.WriteFile(ring, public.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	// This signs the identities, which is impossible once the key is encrypted.
	if err := e.SerializePrivate(&bytes.Buffer{}, nil); err != nil {
		t.Fatal(err)
	}
	if passphrase != "" {
		if err := e.EncryptPrivateKeys([]byte(passphrase), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.SerializePrivateWithoutSigning(&secret, nil); err != nil {
		t.Fatal(err)
	}
	if !armored {
		return secret.Bytes(), ring
	}
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(secret.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes(), ring
}

func TestHelmVerifyAcceptsTheProvenance(t *testing.T) {
	for name, c := range map[string]struct {
		passphrase string
		armored    bool
	}{"an armored key": {"", true}, "a binary key": {"", false}, "a key with a passphrase": {"opensesame", true}} {
		t.Run(name, func(t *testing.T) {
			key, ring := pgp(t, c.passphrase, c.armored)
			p := pack(t, writeChart(t, awkward()))
			text, err := p.Provenance(key, []byte(c.passphrase))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), p.Filename())
			if err := errors.Join(os.WriteFile(file, p.Bytes, 0o600), os.WriteFile(file+".prov", text, 0o600)); err != nil {
				t.Fatal(err)
			}
			if v, err := downloader.VerifyChart(file, ring); err != nil || v.FileHash != "sha256:"+p.Digest {
				t.Errorf("helm verify: %+v %v", v, err)
			}
			if v, err := downloader4.VerifyChart(file, file+".prov", ring); err != nil || v.FileHash != "sha256:"+p.Digest {
				t.Errorf("helm verify of Helm 4: %+v %v", v, err)
			}
			_, other := pgp(t, "", false)
			if _, err := downloader.VerifyChart(file, other); err == nil {
				t.Error("helm verify accepts it with another key")
			}
			if _, err := downloader4.VerifyChart(file, file+".prov", other); err == nil {
				t.Error("helm verify of Helm 4 accepts it with another key")
			}
		})
	}
}

func TestProvenanceRejectsABadKey(t *testing.T) {
	key, _ := pgp(t, "opensesame", true)
	p := pack(t, writeChart(t, awkward()))
	for name, k := range map[string][]byte{"nothing": nil, "something else": []byte("hello"), "a key without its passphrase": key} {
		if _, err := p.Provenance(k, []byte("wrong")); !errors.Is(err, ErrBadPGPKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package step

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"helm.sh/helm/v3/pkg/downloader"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// pgpPair makes a key, armored, and a keyring file with its public half.
func pgpPair(t *testing.T, ring string) string {
	t.Helper()
	e, err := openpgp.NewEntity("charts", "", "charts@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var public, secret bytes.Buffer
	w, err := armor.Encode(&secret, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{e.SerializePrivate(w, nil), w.Close(), e.Serialize(&public), os.WriteFile(ring, public.Bytes(), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return secret.String()
}

func TestHelmVerifyAcceptsWhatAStageWithAPGPKeyPublished(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.0.0")
	r.leave()
	dir := t.TempDir()
	prod := r.p.Config.Stage("prod")
	prod.Publish = &config.Publish{Directory: dir, PGP: &config.PGP{Key: config.Key{Env: "PGP_KEY"}}}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "PGP_KEY") {
		t.Errorf("without the key: %v", err)
	}
	ring := t.TempDir() + "/pubring.gpg"
	// One line, as CI engines keep it.
	r.env["PGP_KEY"] = strings.ReplaceAll(pgpPair(t, ring), "\n", `\n`)
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	v, err := downloader.VerifyChart(dir+"/"+r.c.Package.Filename(), ring)
	if err != nil || v.FileName != r.c.Package.Filename() {
		t.Errorf("helm verify: %+v, %v", v, err)
	}
	before, err := os.ReadFile(dir + "/" + r.c.Package.Filename() + ".prov")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil || p.Changed {
		t.Errorf("again: %+v, %v", p, err)
	}
	if after, _ := os.ReadFile(dir + "/" + r.c.Package.Filename() + ".prov"); !bytes.Equal(before, after) {
		t.Error("a second promotion replaced the signature")
	}
}

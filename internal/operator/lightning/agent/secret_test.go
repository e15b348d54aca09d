package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

var (
	noon     = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	loopback = []net.IP{net.IPv4(127, 0, 0, 1)}
)

// newPair is a certificate that has signed itself, and its key.
func newPair(t *testing.T, names []string, addresses []net.IP, edit ...func(*x509.Certificate)) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), DNSNames: names, IPAddresses: addresses}
	for _, apply := range edit {
		apply(template)
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
	}
}

func TestTheCertificateOfASecretIsUsedOrTheReasonIsReported(t *testing.T) {
	good := newPair(t, []string{"lnd.example.com", "localhost"}, loopback)
	other := newPair(t, []string{"localhost"}, loopback)
	noName, noAddress := newPair(t, []string{"lnd.example.com"}, loopback), newPair(t, []string{"localhost"}, nil)
	early := newPair(t, []string{"localhost"}, loopback, func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Minute) })
	client := newPair(t, []string{"localhost"}, loopback, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	secret := func(certificate, key []byte) map[string]string {
		return map[string]string{api.CertificateKey: string(certificate), api.PrivateKeyKey: string(key)}
	}
	for name, test := range map[string]struct {
		files map[string]string
		now   time.Time
		found bool
		is    error
		text  string
	}{
		"no Secret":             {nil, noon, false, errSecretMissing, "does not exist, or has no keys"},
		"links of the kubelet":  {map[string]string{"..data": "", "..2026_11_29": ""}, noon, false, errSecretMissing, ""},
		"another key":           {map[string]string{"token": "x"}, noon, false, nil, ""},
		"a key with a dot":      {map[string]string{".dockerconfigjson": "{}"}, noon, false, nil, ""},
		"a pair":                {secret(good.certificate, good.key), noon, true, nil, ""},
		"with the one above it": {secret(append(good.certificate, other.certificate...), good.key), noon, true, nil, ""},
		"no key":                {map[string]string{api.CertificateKey: string(good.certificate)}, noon, false, errSecretUnusable, "it has tls.crt, and no tls.key"},
		"no certificate":        {map[string]string{api.PrivateKeyKey: string(good.key)}, noon, false, errSecretUnusable, "it has tls.key, and no tls.crt"},
		"another one's key":     {secret(good.certificate, other.key), noon, false, errSecretUnusable, "private key does not match"},
		"no PEM":                {secret([]byte("x"), good.key), noon, false, errSecretUnusable, "failed to find any PEM data"},
		"one that has expired":  {secret(good.certificate, good.key), noon.Add(2 * time.Hour), false, errSecretUnusable, "it has expired, on 2026-11-29T13:00:00Z"},
		"not for localhost":     {secret(noName.certificate, noName.key), noon, false, errSecretUnusable, "it is not valid for localhost, where lncli reaches LND"},
		"not for its address":   {secret(noAddress.certificate, noAddress.key), noon, false, errSecretUnusable, "it is not valid for 127.0.0.1"},
		"not valid yet":         {secret(early.certificate, early.key), noon, false, errSecretUnusable, "not yet valid"},
		"one of a client":       {secret(client.certificate, client.key), noon, false, errSecretUnusable, "incompatible key usage"},
		"the key in one file":   {secret(append(slices.Clone(good.key), good.certificate...), good.key), noon, false, errSecretUnusable, `tls.crt has a part of the type "PRIVATE KEY"`},
		"empty files":           {secret(nil, nil), noon, false, errSecretUnusable, "failed to find any PEM data"},
	} {
		dir := t.TempDir()
		for file, content := range test.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		pair, found, err := pairIn(dir, test.now)
		if found != test.found || !errors.Is(err, test.is) || err != nil && !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		if found && string(pair.certificate)+string(pair.key) != test.files[api.CertificateKey]+test.files[api.PrivateKeyKey] {
			t.Errorf("%s: another pair", name)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE KEY-----") {
			t.Errorf("%s: the error has the key: %v", name, err)
		}
	}
	if _, found, err := pairIn("", noon); found || err != nil {
		t.Errorf("a network without a Secret: %v, %v", found, err)
	}
	if _, _, err := pairIn(filepath.Join(t.TempDir(), "none"), noon); err == nil {
		t.Error("a directory that does not exist is no error")
	}
}

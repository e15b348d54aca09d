//go:build e2e

package lightning

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// certificate of a user, which has signed itself, and its key. As the documentation requires, it is for localhost and 127.0.0.1 too.
func certificate(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// The nodes wait for the Secret, and the condition names it. Then LND presents the certificate in it, with which the operator and lncli work.
func TestLNDPresentsTheCertificateInTheSecretOfTheUser(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnv(t, 3)
	spec := line(2)
	spec.Secret, spec.Expose = "users", &v1.LightningExpose{Type: v1.ExposeNodePort}
	n := env.create("trusted", zmq(1), spec)
	n.untilCondition(v1.LightningConditionReady, v1.LightningReasonSecretMissing, "waits for the Secret users")
	n.untilCondition(v1.LightningConditionStalled, v1.LightningReasonSecretMissing, "create it in this namespace")
	public, key := certificate(t, "lnd.example.com")
	if _, err := cluster.Core.CoreV1().Secrets(env.namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "users"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: public, corev1.TLSPrivateKeyKey: key, "note": []byte("of the user")},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	nodes := n.exposed()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(public)
	o := outside{n, trusted}
	for i, status := range nodes {
		o.reaches(status, "lnd.example.com")
		if got := strings.TrimSpace(n.beside(n.lndPod(i), "lnd", "cat $p/root/etc/lightning-secret/note")); got != "of the user" {
			t.Errorf("node %d has the file %q", i, got)
		}
	}
	// By lncli in the pods.
	n.asDeclared()
}

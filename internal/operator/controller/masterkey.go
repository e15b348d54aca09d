package controller

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// masterKeyEntry is the key of the master key in its Secret, previousKeyEntry of the one before it.
	masterKeyEntry   = "master-key"
	previousKeyEntry = "previous-master-key"
	masterKeyBytes   = 32
)

// MasterKeys are what the operator's credentials are derived from.
type MasterKeys struct {
	Current []byte
	// Previous is for the nodes that have not restarted since the key was changed; nil when it never was.
	Previous []byte
}

// ReadMasterKeys reads them from a Secret in the operator's own namespace, and creates the Secret when there is none.
// When several operators start at the same time, the one that comes first decides. A Secret without the key is an error:
// making another key would lock the operator out of every network there is.
func ReadMasterKeys(ctx context.Context, clients kubernetes.Interface, namespace, name string) (keys MasterKeys, err error) {
	secrets := clients.CoreV1().Secrets(namespace)
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		secret, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
			Immutable:  ptr.To(false),
			Data:       map[string][]byte{masterKeyEntry: newKey()},
		}, metav1.CreateOptions{FieldManager: "bitcoin-controller"})
		if apierrors.IsAlreadyExists(err) {
			secret, err = secrets.Get(ctx, name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return keys, fmt.Errorf("the master key in Secret %s/%s: %w", namespace, name, err)
	}
	keys = MasterKeys{Current: secret.Data[masterKeyEntry], Previous: secret.Data[previousKeyEntry]}
	if len(keys.Current) < masterKeyBytes {
		return keys, fmt.Errorf("Secret %s/%s has no %s of at least %d bytes: put it back, or delete the Secret to have a new one made, which restarts the nodes of all networks",
			namespace, name, masterKeyEntry, masterKeyBytes)
	}
	return keys, nil
}

// RotateMasterKey makes a new master key and keeps the one it takes the place of. Operators take it over when they start;
// then the nodes of all networks restart, one of each StatefulSet after the other, and stay in reach meanwhile. Until all
// have, another rotation would lock the operator out of those that have not.
func RotateMasterKey(ctx context.Context, clients kubernetes.Interface, namespace, name string) error {
	secrets := clients.CoreV1().Secrets(namespace)
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("the master key in Secret %s/%s: %w", namespace, name, err)
	}
	if len(secret.Data[masterKeyEntry]) < masterKeyBytes {
		return fmt.Errorf("Secret %s/%s has no %s to take the place of", namespace, name, masterKeyEntry)
	}
	secret.Data[previousKeyEntry], secret.Data[masterKeyEntry] = secret.Data[masterKeyEntry], newKey()
	// The resource version that was read goes along: of two rotations at the same time, one is refused.
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: "bitcoin-controller"}); err != nil {
		return fmt.Errorf("write the new master key to Secret %s/%s: %w", namespace, name, err)
	}
	return nil
}

func newKey() []byte {
	key := make([]byte, masterKeyBytes)
	rand.Read(key) //nolint:errcheck // it never fails
	return key
}

// Credentials derives the operator's credential for each network from the master key and the network's UID.
func Credentials(masterKey []byte) func(*v1.BitcoinNetwork) bitcoind.Credential {
	return func(network *v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential(masterKey, string(network.UID))
	}
}

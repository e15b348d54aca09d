// Package credentials keeps the operator's master key in a Secret and derives the credentials for the nodes from it.
package credentials

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

const (
	// masterKeyEntry and previousKeyEntry are the keys of the Secret's data.
	masterKeyEntry   = "master-key"
	previousKeyEntry = "previous-master-key"
	masterKeyBytes   = 32
	fieldManager     = "bitcoin-controller"
)

// MasterKeys are the keys from which the operator's credentials are derived.
type MasterKeys struct {
	Current []byte
	// Previous is for nodes that have not restarted since the last rotation; nil if there was none.
	Previous []byte
}

// ReadMasterKeys reads the keys from a Secret in the operator's namespace and creates the Secret if it does not exist. When
// several operators start at the same time, all use the key of the first. A Secret without the key is an error: a new key
// would lock the operator out of every existing network.
func ReadMasterKeys(ctx context.Context, clients kubernetes.Interface, namespace, name string) (keys MasterKeys, err error) {
	secrets := clients.CoreV1().Secrets(namespace)
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		secret, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
			Immutable:  ptr.To(false),
			Data:       map[string][]byte{masterKeyEntry: newKey()},
		}, metav1.CreateOptions{FieldManager: fieldManager})
		if apierrors.IsAlreadyExists(err) {
			secret, err = secrets.Get(ctx, name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return keys, fmt.Errorf("read the master key from Secret %s/%s: %w", namespace, name, err)
	}
	keys = keysOf(secret)
	if len(keys.Current) < masterKeyBytes {
		return keys, fmt.Errorf("Secret %s/%s has no %s of at least %d bytes: restore it, or delete the Secret so that a new key is created, which restarts the nodes of all networks",
			namespace, name, masterKeyEntry, masterKeyBytes)
	}
	return keys, nil
}

// RotateMasterKey creates a new master key and keeps the current one as the previous one. The operator uses the new key at once; the
// nodes of all networks then restart, one of each StatefulSet after the other, and stay reachable meanwhile. A second rotation before
// all have restarted locks the operator out of the others: check returns an error when nodes do not use the keys yet.
func RotateMasterKey(ctx context.Context, clients kubernetes.Interface, namespace, name string, check func(MasterKeys) error) error {
	secrets := clients.CoreV1().Secrets(namespace)
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read the master key from Secret %s/%s: %w", namespace, name, err)
	}
	if len(secret.Data[masterKeyEntry]) < masterKeyBytes {
		return fmt.Errorf("Secret %s/%s has no master key %s of at least %d bytes to rotate", namespace, name, masterKeyEntry, masterKeyBytes)
	}
	if err := check(keysOf(secret)); err != nil {
		return err
	}
	secret.Data[previousKeyEntry], secret.Data[masterKeyEntry] = secret.Data[masterKeyEntry], newKey()
	// The update carries the resource version that was read: of two rotations at the same time, one fails.
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: fieldManager}); err != nil {
		return fmt.Errorf("write the new master key to Secret %s/%s: %w", namespace, name, err)
	}
	return nil
}

func keysOf(secret *corev1.Secret) MasterKeys {
	return MasterKeys{Current: secret.Data[masterKeyEntry], Previous: secret.Data[previousKeyEntry]}
}

func newKey() []byte {
	key := make([]byte, masterKeyBytes)
	rand.Read(key) //nolint:errcheck // it never fails
	return key
}

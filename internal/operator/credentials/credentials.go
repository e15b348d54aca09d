package credentials

import (
	"bytes"
	"context"
	"sync/atomic"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Credentials are the operator's credentials for all networks, of the keys in the Secret as they were read last.
type Credentials struct {
	clients         kubernetes.Interface
	namespace, name string
	logger          logr.Logger
	keys            atomic.Pointer[MasterKeys]
}

// New returns the credentials of a Secret in the operator's namespace. They are empty before Read.
func New(clients kubernetes.Interface, namespace, name string, logger logr.Logger) *Credentials {
	c := &Credentials{clients: clients, namespace: namespace, name: name, logger: logger}
	c.keys.Store(&MasterKeys{})
	return c
}

// Read reads the keys, and creates the Secret if it does not exist.
func (c *Credentials) Read(ctx context.Context) error {
	keys, err := ReadMasterKeys(ctx, c.clients, c.namespace, c.name)
	if err != nil {
		return err
	}
	c.keys.Store(&keys)
	return nil
}

// Follow reads the keys again whenever the Secret changes, and then calls changed, until the context ends. A Secret without the keys
// changes nothing.
func (c *Credentials) Follow(ctx context.Context, changed func()) {
	take := func(object any) {
		secret, ok := object.(*corev1.Secret)
		if !ok {
			return
		}
		keys, last := keysOf(secret), c.keys.Load()
		switch {
		case len(keys.Current) < masterKeyBytes:
			c.logger.Info("The Secret with the master key has no valid key any more; the operator uses the last one", "secret", c.name)
		case !bytes.Equal(keys.Current, last.Current) || !bytes.Equal(keys.Previous, last.Previous):
			c.keys.Store(&keys)
			c.logger.Info("The master key has changed; the nodes of all networks restart one after the other", "secret", c.name)
			changed()
		}
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: c.oneSecret(), ObjectType: &corev1.Secret{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: take, UpdateFunc: func(_, object any) { take(object) },
			DeleteFunc: func(any) {
				c.logger.Info("The Secret with the master key was deleted: restore it, or the next start of the operator restarts the nodes of all networks", "secret", c.name)
			},
		},
	})
	controller.RunWithContext(ctx)
}

// oneSecret lists and watches the Secret. With the name as the field selector, a permission on this Secret is enough.
func (c *Credentials) oneSecret() cache.ListerWatcher {
	only := fields.OneTermEqualSelector(metav1.ObjectNameField, c.name).String()
	secrets := c.clients.CoreV1().Secrets(c.namespace)
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = only
			return secrets.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = only
			return secrets.Watch(ctx, options)
		},
	}, c.clients)
}

// Current is the operator's credential for a network.
func (c *Credentials) Current(network *v1.BitcoinNetwork) bitcoind.Credential {
	return ForNetworks(c.keys.Load().Current)(network)
}

// Previous is the credential from before the last rotation, without a user if there was none.
func (c *Credentials) Previous(network *v1.BitcoinNetwork) bitcoind.Credential {
	if keys := c.keys.Load(); len(keys.Previous) > 0 {
		return ForNetworks(keys.Previous)(network)
	}
	return bitcoind.Credential{}
}

// Lightning is the credential with which LND calls the nodes of a network.
func (c *Credentials) Lightning(network *v1.BitcoinNetwork) bitcoind.Credential {
	return bitcoind.DeriveLightningCredential(c.keys.Load().Current, string(network.UID))
}

// PreviousLightning is that from before the last rotation, without a user if there was none.
func (c *Credentials) PreviousLightning(network *v1.BitcoinNetwork) bitcoind.Credential {
	if keys := c.keys.Load(); len(keys.Previous) > 0 {
		return bitcoind.DeriveLightningCredential(keys.Previous, string(network.UID))
	}
	return bitcoind.Credential{}
}

// Agent is the operator's credential at the agents of a LightningNetwork.
func (c *Credentials) Agent(network *v1.LightningNetwork) bitcoind.Credential {
	return bitcoind.DeriveCredential(c.keys.Load().Current, string(network.UID))
}

// PreviousAgent is that from before the last rotation, without a user if there was none.
func (c *Credentials) PreviousAgent(network *v1.LightningNetwork) bitcoind.Credential {
	if keys := c.keys.Load(); len(keys.Previous) > 0 {
		return bitcoind.DeriveCredential(keys.Previous, string(network.UID))
	}
	return bitcoind.Credential{}
}

// ForNetworks derives the operator's credential for each network from the master key and the network's UID.
func ForNetworks(masterKey []byte) func(*v1.BitcoinNetwork) bitcoind.Credential {
	return func(network *v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential(masterKey, string(network.UID))
	}
}

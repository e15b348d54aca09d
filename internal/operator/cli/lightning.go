package cli

import (
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
)

// lightningOptions returns the options of the controller of LightningNetworks, nil for an operator that runs none. It has credentials of its
// own, since those of each controller follow the master key by themselves.
func lightningOptions(c cluster, o *options, base controller.Options) *lightning.Options {
	if o.lightningImage == "" {
		return nil
	}
	keys := credentials.New(c.clients, o.namespace, o.masterKeySecret, ctrl.Log.WithName("lightning-credentials"))
	return &lightning.Options{
		Settings:           resources.Settings{Image: o.lightningImage, Delivery: base.Settings.RPCAuth, Credential: keys.Agent},
		PreviousCredential: keys.PreviousAgent,
		Operator:           lightning.BitcoinCredential{Current: keys.Current, Previous: keys.Previous},
		LND:                lightning.BitcoinCredential{Current: keys.Lightning, Previous: keys.PreviousLightning},
		Credentials:        keys, Dial: base.Dial, Host: base.Host, PollInterval: base.PollInterval, MaxConcurrentReconciles: o.concurrent,
		Namespaces: o.watchNamespaces, DisruptionBudgets: base.DisruptionBudgets, Fence: base.Fence,
	}
}

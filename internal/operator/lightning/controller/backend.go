package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// handOver gives each agent the bitcoind of its LND, with the credential that this bitcoind has now.
func (r *Reconciler) handOver(ctx context.Context, network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, state *networkState, nodes []node, bitcoins map[int]*bitcoinNode) {
	for i := range nodes {
		n := &nodes[i]
		b := bitcoins[n.bitcoin]
		if n.state == nil || b == nil || b.lnd.User == "" {
			continue
		}
		desired := backendOf(network, bitcoin, n.ordinal, b.lnd)
		if n.state.Backend == desired.Digest() {
			continue
		}
		// Another one restarts LND. Only a changed credential is urgent; otherwise the bitcoind may not be as specified yet.
		if n.state.Backend != "" && !isUpdated(bitcoin) && !r.hasOtherCredential(network, bitcoin, n) {
			continue
		}
		agent := r.agentOf(network, n.pod)
		r.background.run(ctx, state, fmt.Sprint("backend ", n.ordinal), api.CallTimeout+time.Second, func(ctx context.Context) error {
			return r.agents.PutBackend(ctx, agent, desired)
		})
	}
}

// hasOtherCredential reports whether an agent has the desired backend but for the password, which has changed with the master key.
func (r *Reconciler) hasOtherCredential(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, n *node) bool {
	for _, credential := range []bitcoind.Credential{r.options.LND.Current(bitcoin), r.options.LND.previous(bitcoin)} {
		if credential.User != "" && backendOf(network, bitcoin, n.ordinal, credential).Digest() == n.state.Backend {
			return true
		}
	}
	return false
}

// backendOf a node: the Service of its bitcoind, whose address stays.
func backendOf(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, ordinal int, credential bitcoind.Credential) api.Backend {
	backend := api.Backend{
		Host:    fmt.Sprintf("%s.%s.svc", resources.BackendServiceName(network.Name, ordinal), network.Namespace),
		RPCPort: v1.RPCPort, User: credential.User, Password: credential.Password,
	}
	if bitcoin.Spec.ZMQ != nil {
		backend.ZMQRawBlockPort, backend.ZMQRawTxPort = v1.ZMQRawBlockPort, v1.ZMQRawTxPort
	}
	return backend
}

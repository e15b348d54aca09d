package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// setBackends sets what each agent should have: the bitcoind of its LND, with the credential that this bitcoind has now.
func (r *Reconciler) setBackends(network *v1.LightningNetwork, o *observed, failures map[string]plan.Failure) {
	for i := range o.nodes {
		n := &o.nodes[i]
		n.handOver = failures[plan.KeyBackend(n.ordinal)].Message
		if b := o.bitcoins[n.bitcoin]; b != nil && b.lnd.User != "" {
			backend := backendOf(network, o.bitcoin, n, b.lnd)
			n.backend = &backend
			n.otherCredential = n.state != nil && r.hasOtherCredential(network, o.bitcoin, n)
		}
	}
}

// lacksBackend reports whether LND runs with another backend than it should, or its agent has another one.
func (n *node) lacksBackend() bool {
	return n.state != nil && n.backend != nil && n.state.Backend != n.backend.Digest()
}

// ends reports whether the agent has the backend that it should have, and LND has to end for it first.
func (n *node) ends() bool { return n.lacksBackend() && n.state.Next == n.backend.Digest() }

// restarts reports whether LND has to end for a backend, or is not active yet with one, also with one that it should not have any more. One that
// waits for the Secret of the user is no reason for others to wait, nor is one whose bitcoind does not answer.
func (n *node) restarts() bool {
	switch {
	case n.state == nil || n.state.Backend == "":
		return false
	case n.state.Next != "":
		return true
	}
	return n.backend != nil && n.state.LND != api.LNDActive && n.state.Secret == ""
}

// isDown reports whether LND is known not to work: an active one that does not report its state in time would be restarted beside others.
func (n *node) isDown() bool {
	return n.state.Next != "" || n.state.Process == api.Waiting || n.state.LND != "" && n.state.LND != api.LNDActive
}

// handOver gives each agent its backend.
func (r *Reconciler) handOver(ctx context.Context, network *v1.LightningNetwork, o *observed, state *networkState, in *plan.Inputs) {
	for _, n := range handedOver(o.nodes, o.bitcoin != nil && isUpdated(o.bitcoin), in) {
		agent, backend := r.agentOf(network, n.pod), *n.backend
		r.background.run(ctx, state, plan.KeyBackend(n.ordinal), api.CallTimeout+time.Second, func(ctx context.Context) error {
			return putBackend(ctx, r.agents, agent, backend)
		})
	}
}

var errEarlierAgent = errors.New("its lnd-agent is that of an earlier operator, and does not know all that it got: change config or resources of the LightningNetwork, which replaces its pods; without storage they lose their wallets and channels")

// putBackend gives an agent its backend. An earlier agent leaves out what it does not know, and would get the same again and again.
func putBackend(ctx context.Context, agents *api.Client, agent api.Pod, backend api.Backend) error {
	err := agents.PutBackend(ctx, agent, backend)
	if errors.Is(err, api.ErrInvalid) {
		return errEarlierAgent // with stricter rules: this operator has checked what it sends
	}
	if err != nil {
		return err
	}
	state, err := agents.State(ctx, agent)
	if digest := backend.Digest(); err == nil && state.Backend != digest && state.Next != digest {
		return errEarlierAgent
	}
	return nil
}

// handedOver are the nodes whose agents get their backend now. It restarts an LND that runs: one after the other, and not before all
// bitcoinds are as specified. An LND whose bitcoind has another password does not work until then, and one that restarts already does so for
// this backend too. An agent that is getting its backend may restart its LND after its answer of this pass, and one that does not take it
// delays no other.
func handedOver(nodes []node, updated bool, in *plan.Inputs) (now []*node) {
	restarting := slices.ContainsFunc(nodes, func(n node) bool {
		_, rejected := in.Failures[plan.KeyBackend(n.ordinal)]
		return n.restarts() && !(rejected && n.lacksBackend() && !n.ends()) || in.Busy[plan.KeyBackend(n.ordinal)]
	})
	for i := range nodes {
		n := &nodes[i]
		switch {
		case !n.lacksBackend(), n.ends(), !in.MayTry(plan.KeyBackend(n.ordinal)):
		case n.state.Backend == "" || n.otherCredential || updated && n.restarts() && n.isDown():
			now = append(now, n)
		case updated && !restarting:
			restarting, now = true, append(now, n)
		}
	}
	return now
}

// hasOtherCredential reports whether an agent has the desired backend but for the password, which has changed with the master key.
func (r *Reconciler) hasOtherCredential(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, n *node) bool {
	for _, credential := range []bitcoind.Credential{r.options.LND.Current(bitcoin), r.options.LND.previous(bitcoin)} {
		if credential.User != "" && backendOf(network, bitcoin, n, credential).Digest() == n.state.Backend {
			return true
		}
	}
	return false
}

// backendOf a node: the Service of its bitcoind, whose address stays.
func backendOf(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, n *node, credential bitcoind.Credential) api.Backend {
	backend := api.Backend{
		Host: fmt.Sprintf("%s.%s.svc", resources.BackendServiceName(network.Name, n.ordinal), network.Namespace), Node: n.bitcoin,
		RPCPort: v1.RPCPort, User: credential.User, Password: credential.Password, CertificateHosts: n.certificateHosts,
	}
	if bitcoin.Spec.ZMQ != nil {
		backend.ZMQRawBlockPort, backend.ZMQRawTxPort = v1.ZMQRawBlockPort, v1.ZMQRawTxPort
	}
	return backend
}
